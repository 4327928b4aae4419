"""A generated language, in which every message of the catalogue has marks around it and letters of its own.

Text without marks can't be translated. English words between marks were put into a message untranslated.
"""

import re
from pathlib import Path

import django
import polib

from socializer.tests.words import Page, foreign_words

CODE = "xx"
OPENING, CLOSING = "⟦", "⟧"
LETTERS = str.maketrans(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "áƀćđéƒǵĥíĵķĺḿńóṕʠŕśţúṽŵẋýźÁɃĆĐÉƑǴĤÍĴĶĹḾŃÓṔɊŔŚŢÚṼŴẊÝŹ",
)
# Placeholders, tags and entities stay as they are.
KEPT = re.compile(r"(%(?:\(\w+\))?[-.\d]*[sdf%]|\{\w*\}|<[^>]*>|&#?\w+;)")
ANY_WORD = re.compile(r"[^\W\d_]+")
# Django's catalogues for what it translates itself into every language that it has.
DJANGO = [f"{part}/locale/en/LC_MESSAGES/django.po" for part in ("conf", "contrib/admin", "contrib/auth")]
DJANGO += [
    f"contrib/{name}/locale/en/LC_MESSAGES/django.po" for name in ("contenttypes", "humanize", "sessions")
]


def pseudo(text):
    """Return `text` in the generated language."""
    parts = [part if number % 2 else part.translate(LETTERS) for number, part in enumerate(KEPT.split(text))]
    # msgfmt wants the line breaks at both ends of a translation to be those of its message.
    body = "".join(parts)
    start, end = len(body) - len(body.lstrip("\n")), len(body.rstrip("\n"))
    return f"{body[:start]}{OPENING}{body[start:end]}{CLOSING}{body[end:]}"


def translate(path):
    """Translate the catalogue at `path`, which has all messages of a new language, and compile it.

    Adds the messages that Django has translated itself for every real language.
    """
    file = polib.pofile(str(path), wrapwidth=0)
    known = {(entry.msgctxt, entry.msgid) for entry in file}
    for part in DJANGO:
        for entry in polib.pofile(str(Path(django.__file__).parent / part)):
            if (entry.msgctxt, entry.msgid) not in known:
                known.add((entry.msgctxt, entry.msgid))
                file.append(entry)
    for entry in file:
        if entry.msgid_plural:
            entry.msgstr_plural = {0: pseudo(entry.msgid), 1: pseudo(entry.msgid_plural)}
        else:
            entry.msgstr = pseudo(entry.msgid)
    file.metadata["Plural-Forms"] = "nplurals=2; plural=(n != 1);"
    file.save()
    file.save_as_mofile(str(path.with_suffix(".mo")))


def untranslatable(html, known=()):
    """Return the texts on a page that have words without marks, or English words in them, except the strings in `known`."""
    page = Page(html)
    found = [] if page.language == CODE else [f"lang={page.language}"]
    return found + untranslatable_texts(page.words, known)


def untranslatable_texts(texts, known=()):
    """Return those of `texts`, in their order, that aren't in the generated language. A message can go over several."""
    found, depth = [], 0
    for text in texts:
        outside = []
        for part in re.split(f"([{OPENING}{CLOSING}])", text):
            if part == OPENING:
                depth += 1
            elif part == CLOSING:
                depth = max(depth - 1, 0)
            elif not depth:
                outside.append(part)
        if foreign_words(text, known) or foreign_words(" ".join(outside), known, word=ANY_WORD):
            found.append(text)
    return found
