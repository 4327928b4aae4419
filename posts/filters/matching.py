"""Finds a member's filters in texts.

All filters of a member become one regular expression. Texts and filters are first brought into the same form, so upper case,
ligatures, full-width letters and invisible characters make no difference.
"""

import unicodedata

import regex

# Scripts that put no spaces between words, or, like Korean, join particles to them. Here, a filter matches any part of a text.
_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}ー"
_unspaced = regex.compile(f"[{_UNSPACED}]")
# Where a word meets these scripts without a space. Texts get a separator there, so that \b finds the end of the word.
_SEPARATOR = "\x1f"
_SPACED = rf"[\w--[{_UNSPACED}]]"
_meeting = regex.compile(rf"(?<=[{_UNSPACED}])(?={_SPACED})|(?<={_SPACED})(?=[{_UNSPACED}])", regex.VERSION1)
_invisible = regex.compile(r"\p{Default_Ignorable_Code_Point}+")
_hashtag = regex.compile(rf"#[\w{_SEPARATOR}]+")
_word_character = regex.compile(r"\w")

# What counts as a letter in a filter, and the letters and symbols of which a single one is a word.
_counted = regex.compile(r"[\p{L}\p{N}\p{S}]")
_whole_word = regex.compile(r"[\p{Han}\p{So}]")


def normalize(text):
    """Return `text` in the form in which texts and filters are compared."""
    if text.isascii():
        return " ".join(text.lower().split())
    text = unicodedata.normalize("NFKC", _invisible.sub("", text)).casefold()
    text = " ".join(unicodedata.normalize("NFKC", text).split())
    return _meeting.sub(_SEPARATOR, text) if _unspaced.search(text) else text


def letters_in(key):
    """Return how many letters, digits and symbols a normalized filter has, without the # of a hashtag."""
    return len(_counted.findall(key))


def is_word(key):
    """Return whether a normalized filter with a single letter is a word, as in Chinese, or a symbol such as an emoji."""
    return bool(_whole_word.search(key))


class Matcher:
    """Finds the first of some filters, given by their phrases, in a text. It takes linear time."""

    def __init__(self, phrases):
        self.phrases = {normalize(phrase): phrase for phrase in phrases}
        # Unicode data changes with Python, and an empty alternative would match every text.
        self.phrases.pop("", None)
        self.pattern = regex.compile(_pattern_of(self.phrases), regex.VERSION1, cache_pattern=False)

    def first_in(self, text):
        """Return the phrase of the first filter that matches, or None."""
        match = self.pattern.search(normalize(text)) if self.phrases else None
        return match and self.phrases[match[0]]


def _pattern_of(keys):
    """Return the regular expression for normalized filters, which are grouped by what may be around them."""
    groups = {}
    for key in keys:
        groups.setdefault(_surroundings_of(key), []).append(key)
    return "|".join(f"{before}{_any_of(keys)}{after}" for (before, after), keys in groups.items())


def _surroundings_of(key):
    """Return the expressions for what comes before and after a filter: a word must be whole, and so must a hashtag."""
    if _hashtag.fullmatch(key):
        # Like mentions, a hashtag can't be part of a word or a link, but Chinese letters may come before it.
        return r"(?<![\p{Latin}\p{N}_#&/])", rf"(?![\w{_SEPARATOR}])"
    return tuple(
        r"\b" if _word_character.match(end) and not _unspaced.match(end) else "" for end in (key[0], key[-1])
    )


def _any_of(keys):
    """Return an expression for any of `keys`. Common beginnings are compared once, which doubles the speed."""
    tree = {}
    for key in keys:
        node = tree
        for character in key:
            node = node.setdefault(character, {})
        node[""] = {}
    return _expression_of(tree)


def _expression_of(node):
    ends_here = "" in node
    parts = []
    for character, rest in node.items():
        if character:
            chain = regex.escape(character)
            while len(rest) == 1 and "" not in rest:
                [(character, rest)] = rest.items()
                chain += regex.escape(character)
            parts.append(chain + _expression_of(rest))
    if not parts:
        return ""
    return f"(?:{'|'.join(parts)}){'?' if ends_here else ''}"
