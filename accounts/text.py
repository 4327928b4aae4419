"""What people type, made safe to show beside what others typed."""

import unicodedata

import regex

# Overrides and isolates that turn the reading direction of whatever follows them.
BIDI_CONTROLS = "\u202a-\u202e\u2066-\u2069"
# C0 and C1 controls but tab and newline, lone surrogates, and the two "noncharacters" that XML refuses.
CONTROLS = "\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff"
_unwanted = regex.compile(f"[{BIDI_CONTROLS}{CONTROLS}]")
# No script in use stacks more than a handful; more only paints over the neighbours.
_stacked_marks = regex.compile(r"(\p{M}{8})\p{M}+")
# Letters and symbols that show nothing: fillers, the blank Braille cell, variation selectors.
_visible = regex.compile(r"[\p{L}\p{N}\p{P}\p{S}--[\u115f\u1160\u3164\uffa0\u2800\U0001d159]]", regex.V1)


def clean_text(text):
    """Return `text` in composed form, with \\n between lines, without controls, overrides and stacks of marks."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = unicodedata.normalize("NFC", _unwanted.sub("", text))
    return _stacked_marks.sub(r"\1", text).strip()


def clean_line(text):
    """Return `text` cleaned and on one line, its white space folded."""
    return " ".join(clean_text(text).split())


def is_visible(text):
    """Whether `text` has any character that can be seen."""
    return bool(_visible.search(text))


def count_characters(text):
    """How many characters `text` has as people count them: an emoji family or a letter with marks is one."""
    return len(regex.findall(r"\X", text))
