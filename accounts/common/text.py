"""Cleans, counts and truncates what people type, in characters as people see them."""

import unicodedata

import regex

# Overrides and isolates, which change the reading direction of the text after them.
BIDI_CONTROLS = "\u202a-\u202e\u2066-\u2069"
# C0 and C1 controls except tab and newline, lone surrogates, and the two "noncharacters" that XML forbids.
CONTROLS = "\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff"
_unwanted = regex.compile(f"[{BIDI_CONTROLS}{CONTROLS}]")
# All Unicode line breaks except the newline.
_line_breaks = regex.compile(r"\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
# No script in use today stacks more than a handful of marks. More would only cover the neighbouring lines.
_stacked_marks = regex.compile(r"(\p{M}{8})\p{M}+")
# White space, format characters, and letters and symbols without a glyph, such as fillers and the blank Braille cell.
_BLANK = (
    r"[\s\p{Default_Ignorable_Code_Point}[\p{Cf}--\p{Grapheme_Cluster_Break=Prepend}]"
    r"\u2800\U00013441\U00013442\U0001d159]"
)
_blank = regex.compile(_BLANK + "*", regex.V1)
_visible = regex.compile(rf"[[\p{{L}}\p{{N}}\p{{P}}\p{{S}}]--{_BLANK}]", regex.V1)
_character = regex.compile(r"\X")

# How many code points a character may have on average. An emoji family has 7, and a letter with marks has a few.
CODE_POINTS = 10


def clean_text(text):
    """Return `text` in composed form, with \\n between lines, and without controls, overrides or stacked marks.

    Blank lines at both ends and white space at the end are removed. The first line keeps its indentation.
    """
    lines = _clean(text).split("\n")
    written = [number for number, line in enumerate(lines) if not is_blank(line)]
    return "\n".join(lines[written[0] : written[-1] + 1]).rstrip() if written else ""


def clean_line(text):
    """Return `text` cleaned and on one line, with single spaces."""
    return " ".join(_clean(text).split())


def _clean(text):
    text = _unwanted.sub("", _line_breaks.sub("\n", text))
    return _stacked_marks.sub(r"\1", unicodedata.normalize("NFC", text))


def fold_blank_lines(text):
    """Return `text` for display, with one blank line in place of several, even if they have invisible characters."""
    lines = [""]
    for line in _line_breaks.sub("\n", text).split("\n"):
        if not is_blank(line):
            lines.append(line)
        elif lines[-1]:
            lines.append("")
    return "\n".join(lines).strip("\n")


def is_visible(text):
    """Return whether `text` has any visible character."""
    return bool(_visible.search(text))


def is_blank(text):
    """Return whether `text` has only white space and invisible characters."""
    return bool(_blank.fullmatch(text))


def count_characters(text):
    """Return how many characters `text` has. An emoji family, or a letter with marks, is one."""
    return sum(1 for _ in _character.finditer(text))


def truncate(text, characters):
    """Return `text`, cut to at most `characters` characters including the ellipsis.

    A character with a very large number of code points counts as several.
    """
    ends = [0]
    for match in _character.finditer(text):
        if len(ends) > characters or match.end() > characters * CODE_POINTS:
            return text[: ends[min(len(ends), characters) - 1]].rstrip() + "…"
        ends.append(match.end())
    return text


def fit(text, code_points):
    """Return the longest start of `text` that has at most `code_points` code points and ends between two characters."""
    if len(text) <= code_points:
        return text
    end = 0
    for match in _character.finditer(text):
        if match.end() > code_points:
            break
        end = match.end()
    return text[: end or code_points]


_right_to_left = regex.compile(r"[\p{Bidi_Class=R}\p{Bidi_Class=AL}]")


def is_partly_right_to_left(text):
    """Return whether `text` has any letter of a script that is written from right to left, such as Arabic or Hebrew."""
    return _right_to_left.search(text) is not None
