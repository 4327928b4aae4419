import unicodedata
from itertools import islice

import regex
from django.conf import settings
from django.db import models, transaction

# Longer words are cut, and nobody needs more of them to be found.
MAX_LENGTH = 50
MAX_WORDS = 40

# Where a word begins: at the start, after punctuation, and at every character of scripts that do not separate words.
_beginning = regex.compile(
    r"^|(?<![\p{L}\p{M}\p{N}])(?=[\p{L}\p{N}])|(?=[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}])"
)


def fold(text):
    """Return `text` without the differences that a search ignores: case, width and composition."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def words_of(*names):
    """Return the set of words by which somebody with these names is found.

    "Grace O'Brien" has three: grace, o'brien and brien. A name without spaces, such as a Chinese one, also has what follows
    each of its characters.
    """
    found = (
        part[match.start() :][:MAX_LENGTH].encode()
        for name in names
        for part in fold(name).split()
        for match in _beginning.finditer(part)
    )
    return set(islice(dict.fromkeys(found), MAX_WORDS))


def prefixes_in(query):
    """Return the prefixes that somebody searches for, each once, the longest first."""
    parts = fold(query.replace("\0", "")).split()
    found = {part.removeprefix("@")[:MAX_LENGTH].encode() for part in parts} - {b""}
    return sorted(found, key=lambda prefix: (-len(prefix), prefix))


class NameWordQuerySet(models.QuerySet):
    def beginning_with(self, prefix):
        """The words that begin with `prefix`, as bytes. No byte of UTF-8 is as high as the end of this range."""
        return self.filter(word__gte=prefix, word__lt=prefix + b"\xff")


class NameWord(models.Model):
    """A word in a member's username or display name. The directory finds people by the beginnings of these.

    Words are folded, and stored as bytes: every database compares those alike, so that all words with a prefix are one range
    of an index, whatever the database's collation.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, db_index=False, related_name="name_words"
    )
    word = models.BinaryField()

    objects = NameWordQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "word"], name="name_word_unique")]
        indexes = [models.Index(fields=["word", "user"], name="name_word_users")]

    def __str__(self):
        return f"{self.user_id}: {bytes(self.word).decode()}"

    @classmethod
    def store(cls, users):
        """Make the stored words of `users` those of their names. Returns how many rows that took."""
        wanted = {(user.pk, word) for user in users for word in words_of(user.username, user.display_name)}
        with transaction.atomic():
            rows = cls.objects.filter(user__in=[user.pk for user in users]).values_list("user", "word", "pk")
            stored = {(user, bytes(word)): pk for user, word, pk in rows}
            outdated = [pk for key, pk in stored.items() if key not in wanted]
            missing = [cls(user_id=user, word=word) for user, word in wanted - stored.keys()]
            if outdated:
                cls.objects.filter(pk__in=outdated).delete()
            cls.objects.bulk_create(missing, batch_size=5_000, ignore_conflicts=True)
        return len(outdated) + len(missing)
