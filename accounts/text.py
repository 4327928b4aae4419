"""What people type: cleaned, counted in characters as people see them, and cut only between these."""

import unicodedata

import regex

# Overrides and isolates that turn the reading direction of whatever follows them.
BIDI_CONTROLS = "\u202a-\u202e\u2066-\u2069"
# C0 and C1 controls but tab and newline, lone surrogates, and the two "noncharacters" that XML refuses.
CONTROLS = "\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff"
_unwanted = regex.compile(f"[{BIDI_CONTROLS}{CONTROLS}]")
# Everything that Unicode ends a line with, beside the newline.
_line_breaks = regex.compile(r"\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
# No script in use stacks more than a handful; more only paints over the neighbours.
_stacked_marks = regex.compile(r"(\p{M}{8})\p{M}+")
# White space, format characters, and letters and symbols that show nothing: fillers, the blank Braille cell.
_BLANK = (
    r"[\s\p{Default_Ignorable_Code_Point}[\p{Cf}--\p{Grapheme_Cluster_Break=Prepend}]"
    r"\u2800\U00013441\U00013442\U0001d159]"
)
_blank = regex.compile(_BLANK + "*", regex.V1)
_visible = regex.compile(rf"[[\p{{L}}\p{{N}}\p{{P}}\p{{S}}]--{_BLANK}]", regex.V1)
_character = regex.compile(r"\X")

# What one character may take on average: an emoji family is 7 code points, a letter with marks a few.
CODE_POINTS = 10


def clean_text(text):
    """Return `text` in composed form, with \\n between lines, without controls, overrides and stacks of marks.

    Blank lines at both ends are gone, and white space at the end; the first line keeps its indentation.
    """
    lines = _clean(text).split("\n")
    written = [number for number, line in enumerate(lines) if not is_blank(line)]
    return "\n".join(lines[written[0] : written[-1] + 1]).rstrip() if written else ""


def clean_line(text):
    """Return `text` cleaned and on one line, its white space folded."""
    return " ".join(_clean(text).split())


def _clean(text):
    text = _unwanted.sub("", _line_breaks.sub("\n", text))
    return _stacked_marks.sub(r"\1", unicodedata.normalize("NFC", text))


def fold_blank_lines(text):
    """Return `text` for display: however many lines are blank in a row, whatever invisible they hold, one is left."""
    lines = [""]
    for line in _line_breaks.sub("\n", text).split("\n"):
        if not is_blank(line):
            lines.append(line)
        elif lines[-1]:
            lines.append("")
    return "\n".join(lines).strip("\n")


def is_visible(text):
    """Whether `text` has any character that can be seen."""
    return bool(_visible.search(text))


def is_blank(text):
    """Whether there is nothing in `text` but white space and characters that show nothing."""
    return bool(_blank.fullmatch(text))


def count_characters(text):
    """How many characters `text` has as people count them: an emoji family or a letter with marks is one."""
    return sum(1 for _ in _character.finditer(text))


def truncate(text, characters):
    """Return `text`, or if it is longer than so many characters, its beginning and an ellipsis, together that many.

    Characters that are made of very many code points count as several.
    """
    ends = [0]
    for match in _character.finditer(text):
        if len(ends) > characters or match.end() > characters * CODE_POINTS:
            return text[: ends[min(len(ends), characters) - 1]].rstrip() + "…"
        ends.append(match.end())
    return text


def fit(text, code_points):
    """Return the longest beginning of `text` with at most so many code points that ends between two characters."""
    if len(text) <= code_points:
        return text
    end = 0
    for match in _character.finditer(text):
        if match.end() > code_points:
            break
        end = match.end()
    return text[: end or code_points]
