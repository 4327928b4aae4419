"""The .po files that translate the messages, one for each language, and what is compiled from them."""

import re

import polib

from socializer.translation.messages import ROOT, django_catalogues, key, placeholders, said, wanted

LOCALE = ROOT / "socializer" / "locale"
# The language that the code speaks; its catalogue only says some words of libraries better.
SOURCE = "en"


class Catalogue:
    """The .po file of one language, and the .mo file beside it that is compiled from it."""

    def __init__(self, folder):
        self.path = folder / "LC_MESSAGES" / "django.po"
        self.language = folder.name
        self.file = (
            polib.pofile(str(self.path), wrapwidth=0) if self.path.exists() else _new_file(self.language)
        )

    def entries(self):
        return {key(entry): entry for entry in self.file}

    def missing(self):
        """The entries that should be here and are not."""
        if self.language == SOURCE:
            return []
        there = self.entries()
        return [entry for found, entry in wanted(self.language).items() if found not in there]

    def stale(self):
        """The entries that nothing asks for any more, or not in this form."""
        asked = {(found, entry.msgid_plural) for found, entry in said().items()}
        return [entry for found, entry in self.entries().items() if (found, entry.msgid_plural) not in asked]

    def bring_up_to_date(self):
        """Add what is missing, to be translated, and drop what is stale."""
        for entry in self.stale():
            self.file.remove(entry)
        for entry in sorted(self.missing(), key=lambda entry: (entry.msgid.lower(), entry.msgctxt or "")):
            if entry.msgid_plural:
                entry.msgstr_plural = dict.fromkeys(range(self.plural_forms()), "")
            self.file.append(entry)

    def save(self):
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.file.save(str(self.path))
        self.path.with_suffix(".mo").write_bytes(self.compiled())

    def compiled(self):
        return self.file.to_binary()

    def faults(self):
        """Yield a sentence about each entry that is empty, fuzzy or does not fit what it translates."""
        for entry in self.file:
            translations = list(entry.msgstr_plural.values()) if entry.msgid_plural else [entry.msgstr]
            if entry.fuzzy or not all(translations):
                yield f"{entry.msgid!r} is not translated"
            elif entry.msgid_plural and len(translations) != self.plural_forms():
                yield f"{entry.msgid!r} has {len(translations)} plural forms"
            elif not all(fits(entry, text) for text in translations):
                yield f"{entry.msgid!r} has other placeholders than its translation"

    def plural_forms(self):
        return int(re.search(r"nplurals=(\d+)", self.file.metadata["Plural-Forms"])[1])


def fits(entry, text):
    """Whether `text` has the placeholders of the message, and white space and line ends where it has them."""
    texts = [entry.msgid, entry.msgid_plural or entry.msgid]
    edges = [(text[:1].isspace(), text[-1:].isspace()) for text in (texts[0], text)]
    return placeholders(text) in map(placeholders, texts) and edges[0] == edges[1]


def catalogues():
    """Every language's catalogue."""
    return [Catalogue(folder) for folder in sorted(LOCALE.iterdir()) if folder.is_dir()]


def _new_file(language):
    file = polib.POFile(wrapwidth=0)
    (django, *_others) = django_catalogues(language)
    file.metadata = {
        "Content-Type": "text/plain; charset=UTF-8",
        "Content-Transfer-Encoding": "8bit",
        "Language": language,
        "Plural-Forms": django.metadata["Plural-Forms"],
    }
    return file
