import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.common.text import (
    CODE_POINTS,
    clean_line,
    clean_text,
    count_characters,
    fit,
    fold_blank_lines,
    is_visible,
    truncate,
)


@pytest.mark.parametrize(
    ("typed", "cleaned"),
    [
        ("  two\r\nlines\rmore ", "  two\nlines\nmore"),
        ("a\x0bb\x0cc\x85d\u2028e\u2029f", "a\nb\nc\nd\ne\nf"),
        ("\n \u3164\n\tdef f():\n\t\treturn  \n\u200b\n\u2800\n", "\tdef f():\n\t\treturn"),
        (" \n\u3164", ""),
        ("a\x00b\x1bc\x9f", "abc"),
        ("\u202eevil\u2066", "evil"),
        ("e\u0301", "é"),
        ("a" + "\u0336" * 50, "a" + "\u0336" * 8),
        ("👨‍👩‍👧 می‌خواهم", "👨‍👩‍👧 می‌خواهم"),
        ("lone \ud800 surrogate", "lone  surrogate"),
    ],
)
def test_text_is_cleaned(typed, cleaned):
    assert clean_text(typed) == cleaned


def test_a_line_has_no_line_breaks():
    assert clean_line(" Ada\n\t Lovelace ") == "Ada Lovelace"


@given(st.text())
def test_cleaning_twice_changes_nothing_more(text):
    assert clean_text(clean_text(text)) == clean_text(text)


@pytest.mark.parametrize(
    "text", ["", " \n\t", "\u200b\u200d\ufeff", "\u3164\u2800", "\u0301\u0301", "\u00ad", "\U0001d159"]
)
def test_text_without_visible_characters_is_invisible(text):
    assert not is_visible(text)


@pytest.mark.parametrize("text", ["a", "é", "字", "👍", ".", "\u200bx"])
def test_text_with_a_visible_character_is_visible(text):
    assert is_visible(text)


@pytest.mark.parametrize(
    ("text", "count"), [("", 0), ("abc", 3), ("é", 1), ("👨‍👩‍👧‍👦", 1), ("क्षि", 1), ("नमस्ते", 3)]
)
def test_characters_are_counted_as_people_count_them(text, count):
    assert count_characters(text) == count


FAMILY, FLAG = "👨‍👩‍👧‍👦", "🇩🇪"
INVISIBLE = " \t\u00a0\u00ad\u115f\u180e\u200b\u200d\u2060\u2800\u3000\u3164\ufe0f\ufeff\uffa0\U000e0020"


@pytest.mark.parametrize("filling", [*INVISIBLE, INVISIBLE, ""])
@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\u2028", "\u2029", "\x0b", "\x85"])
def test_several_blank_lines_become_one_whatever_they_contain(filling, line_break):
    text = line_break.join(["", filling, "a", *[filling] * 50, "b", filling, "c", filling, filling])

    assert fold_blank_lines(text) == "a\n\nb\n\nc"


@given(st.text(alphabet="ab \n" + INVISIBLE))
def test_folding_blank_lines_changes_no_visible_line(text):
    folded = fold_blank_lines(text).split("\n")

    assert [line for line in folded if line] == [line for line in text.split("\n") if line.strip(INVISIBLE)]
    assert "\n\n\n" not in "\n".join(folded)


@pytest.mark.parametrize(
    ("text", "characters", "truncated"),
    [
        ("abc", 3, "abc"),
        ("abcd", 3, "ab…"),
        (FAMILY * 4, 3, FAMILY * 2 + "…"),
        (FLAG * 4, 3, FLAG * 2 + "…"),
        ("क्षि" * 4, 2, "क्षि…"),
        ("e\u0301e\u0301e\u0301", 2, "e\u0301…"),
        ("one two", 5, "one…"),
        ("", 3, ""),
    ],
)
def test_text_is_truncated_between_characters(text, characters, truncated):
    assert truncate(text, characters) == truncated


@given(st.text(alphabet="a \u0301\u200d👨👩🇩🇪क्षि\r\n"), st.integers(1, 20))
def test_text_is_never_cut_inside_a_character(text, characters):
    for cut, whole in ((truncate(text, characters).removesuffix("…"), False), (fit(text, characters), True)):
        assert text.startswith(cut)
        # If the text is cut between two characters, the counts add up.
        if not whole or count_characters(cut) > 1:
            assert count_characters(cut) + count_characters(text[len(cut) :]) == count_characters(text)
    assert count_characters(truncate(text, characters)) <= characters
    assert len(fit(text, characters)) <= characters


def test_one_endless_character_is_cut():
    assert truncate("a" + "👍\u200d" * 1000, 80) == "a…"
    assert len(truncate("a" * 10 + "\u0301" * 8, 10)) <= 10 * CODE_POINTS
    assert fit("e" + "\u0301" * 500, 300) == "e" + "\u0301" * 299
