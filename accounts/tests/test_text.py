import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.text import clean_line, clean_text, count_characters, is_visible


@pytest.mark.parametrize(
    ("typed", "cleaned"),
    [
        ("  two\r\nlines\rmore ", "two\nlines\nmore"),
        ("a\x00b\x1bc\x9f", "abc"),
        ("\u202eevil\u2066", "evil"),
        ("e\u0301", "é"),
        ("a" + "\u0336" * 50, "a" + "\u0336" * 8),
        ("👨‍👩‍👧 می‌خواهم", "👨‍👩‍👧 می‌خواهم"),
        ("lone \ud800 surrogate", "lone  surrogate"),
    ],
)
def test_cleaning(typed, cleaned):
    assert clean_text(typed) == cleaned


def test_a_line_has_no_line_breaks():
    assert clean_line(" Ada\n\t Lovelace ") == "Ada Lovelace"


@given(st.text())
def test_cleaning_twice_changes_nothing_more(text):
    assert clean_text(clean_text(text)) == clean_text(text)


@pytest.mark.parametrize(
    "text", ["", " \n\t", "\u200b\u200d\ufeff", "\u3164\u2800", "\u0301\u0301", "\u00ad", "\U0001d159"]
)
def test_invisible(text):
    assert not is_visible(text)


@pytest.mark.parametrize("text", ["a", "é", "字", "👍", ".", "\u200bx"])
def test_visible(text):
    assert is_visible(text)


@pytest.mark.parametrize(
    ("text", "count"), [("", 0), ("abc", 3), ("é", 1), ("👨‍👩‍👧‍👦", 1), ("क्षि", 1), ("नमस्ते", 3)]
)
def test_counting_as_people_do(text, count):
    assert count_characters(text) == count
