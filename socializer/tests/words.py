"""Collects the text of a page that people see or hear, except what members wrote."""

import re
from html.parser import HTMLParser

# Names that are the same in every language.
PROPER = {
    "atom", "cookie", "english", "gif", "ip", "javascript", "jpeg", "json", "mb", "pin", "png", "qr", "rss", "socializer", "tab", "totp", "url",
    "usb", "utc", "webauthn", "webp",
}  # fmt: skip
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
SPOKEN = ("alt", "aria-label", "aria-description", "placeholder", "title")
# Names, addresses and placeholders.
APART = re.compile(r"@\w+|[\w.+-]+@[\w.-]+|https?://\S+|/[\w/.=?&-]+|\b[A-Z2-7]{32}\b")
WORD = re.compile(r"[A-Za-z]{2,}")


class Page(HTMLParser):
    """Collects the text of a page in `words`, including text for assistive technology."""

    def __init__(self, html):
        super().__init__()
        self.words = []
        self.stack = []
        self.language = None
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "html":
            self.language = attributes["lang"]
        apart = self.is_apart or self.is_somebody_elses(tag, attributes)
        if not apart and tag != "link":
            self.words += [attributes[name] for name in SPOKEN if attributes.get(name)]
        if tag == "meta" and attributes.get("name") == "description":
            self.words.append(attributes["content"])
        if tag not in VOID:
            self.stack.append((tag, apart))

    def handle_endtag(self, tag):
        while self.stack and self.stack.pop()[0] != tag:
            pass

    def handle_data(self, data):
        if data.strip() and not self.is_apart:
            self.words.append(data.strip())

    @property
    def is_apart(self):
        return bool(self.stack) and self.stack[-1][1]

    def is_somebody_elses(self, tag, attributes):
        """Return whether an element contains no text of the site, but code, keys, posts, other languages or time zones."""
        return (
            tag in ("bdi", "kbd", "pre", "script", "style", "svg", "textarea")
            or attributes.get("dir") == "auto"
            or attributes.get("name") == "time_zone"
            or ("lang" in attributes and tag != "html")
        )


def foreign_words(text, known=(), word=WORD):
    """Return the Latin words in `text`, or those that match `word`, without proper names, addresses and the strings in `known`."""
    for string in sorted(filter(None, known), key=len, reverse=True):
        text = text.replace(string, "")
    return [found for found in word.findall(APART.sub("", text)) if found.lower() not in PROPER]
