import unicodedata
from itertools import islice

import regex
from django.conf import settings
from django.db import models, transaction

# Longer words are truncated, and additional words are left out.
MAX_LENGTH = 50
MAX_WORDS = 40

# A word starts at the beginning, after punctuation, and at every character of scripts that don't separate words.
_beginning = regex.compile(
    r"^|(?<![\p{L}\p{M}\p{N}])(?=[\p{L}\p{N}])|(?=[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}])"
)


def fold(text):
    """Return `text` without differences in case, width and composition, which a search ignores."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def words_of(*names):
    """Return the set of words, as bytes, by which a person with these names is found.

    "Grace O'Brien" has three: grace, o'brien and brien. In a name without spaces, such as a Chinese one, a word starts at
    each character and reaches to the end.
    """
    found = (
        part[match.start() :][:MAX_LENGTH].encode()
        for name in names
        for part in fold(name).split()
        for match in _beginning.finditer(part)
    )
    return set(islice(dict.fromkeys(found), MAX_WORDS))


def prefixes_in(query):
    """Return the distinct words of a search, as bytes, longest first."""
    parts = fold(query.replace("\0", "")).split()
    found = {part.removeprefix("@")[:MAX_LENGTH].encode() for part in parts} - {b""}
    return sorted(found, key=lambda prefix: (-len(prefix), prefix))


class NameWordQuerySet(models.QuerySet):
    def beginning_with(self, prefix):
        """Return the words that begin with `prefix`, in bytes."""
        # UTF-8 never contains the byte 0xff.
        return self.filter(word__gte=prefix, word__lt=prefix + b"\xff")


class NameWord(models.Model):
    """A word of a member's username or display name. The directory finds people by the first letters of these words.

    Words are folded and stored as bytes, which every database compares in the same way. Therefore, all words with a prefix are
    one range of an index, regardless of the database's collation.
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
        """Store the words of the names of `users`, and delete outdated ones. Returns how many rows it changed."""
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
