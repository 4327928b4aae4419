"""Every message has a translation in the languages that we keep complete, and the compiled files match their sources."""

import shutil
import subprocess
from pathlib import Path

import allauth
import polib
import pytest
from django.conf import settings
from django.core.management import call_command
from django.utils import translation
from django.utils.translation import to_language

from accounts.defaults import languages_in, translated_share
from accounts.models import User

# It uses no database, or one of its own, so testing it on one engine is enough.
pytestmark = pytest.mark.any_engine

LOCALE = settings.LOCALE_PATHS[0]
CATALOGUES = sorted(LOCALE.glob("*/LC_MESSAGES/django.po"))
SOURCE = LOCALE / "en/LC_MESSAGES/django.po"
# Every change of a text comes with its translation into these. Catalogues of other languages may be unfinished.
COMPLETE = ("en", "zh_Hans")
# A language that Django doesn't have.
UNKNOWN = "xx"
every_catalogue = pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.parts[-3])
needs_gettext = pytest.mark.skipif(not shutil.which("msgmerge"), reason="needs gettext")


@pytest.fixture
def make_messages(tmp_path, settings):
    """Return a function that runs `makemessages` on a copy of the catalogues, and returns the path of a language's copy."""
    shutil.copytree(LOCALE, tmp_path / "locale")
    settings.LOCALE_PATHS = [tmp_path / "locale"]

    def run(language):
        call_command("makemessages", locale=[language], verbosity=0)
        return tmp_path / "locale" / language / "LC_MESSAGES" / "django.po"

    return run


def keys(path):
    return {(entry.msgctxt, entry.msgid, entry.msgid_plural) for entry in polib.pofile(str(path))}


def language_of(path):
    return path.parts[-3]


@needs_gettext
@pytest.mark.parametrize("path", [path for path in CATALOGUES if path != SOURCE], ids=language_of)
def test_every_message_is_in_the_catalogue_and_none_is_left_over(make_messages, path):
    """If this fails, run script/translate."""
    assert keys(path) == keys(make_messages(language_of(path)))


@needs_gettext
def test_the_english_catalogue_words_only_messages_that_exist(make_messages):
    assert keys(SOURCE) <= keys(make_messages(UNKNOWN))


@pytest.mark.parametrize("path", [path for path in CATALOGUES if path.parts[-3] in COMPLETE], ids=language_of)
def test_every_message_is_translated(path):
    file = polib.pofile(str(path))
    assert [entry.msgid for entry in file.untranslated_entries() + file.fuzzy_entries()] == []


@needs_gettext
@every_catalogue
def test_translations_have_the_placeholders_and_plural_forms_of_their_messages(path):
    check = subprocess.run(  # noqa: S603
        ["msgfmt", "--check", "--output-file=/dev/null", path],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
    )
    assert check.returncode == 0, check.stderr


@every_catalogue
def test_the_compiled_file_holds_the_translations(path):
    """If this fails, run script/translate."""
    source, compiled = polib.pofile(str(path)), polib.mofile(str(path.with_suffix(".mo")))

    def translations(file):
        entries = file.translated_entries()
        return {
            (entry.msgctxt, entry.msgid, entry.msgstr, *entry.msgstr_plural.values()) for entry in entries
        }

    assert translations(compiled) == translations(source)
    assert compiled.metadata["Plural-Forms"] == source.metadata["Plural-Forms"]


def test_members_choose_from_the_languages_that_have_a_finished_catalogue():
    offered, with_catalogue = (
        dict(settings.LANGUAGES).keys(),
        {to_language(language_of(path)) for path in CATALOGUES},
    )
    assert {to_language(name) for name in COMPLETE} <= offered <= with_catalogue


@needs_gettext
def test_a_new_language_starts_with_every_message(make_messages):
    polish = make_messages("pl")
    file = polib.pofile(str(polish))
    messages = {entry.msgid: entry for entry in file}
    ours, librarys, djangos = "Home", "Sign In", "Enter a whole number."
    assert messages.keys() >= {ours, librarys}
    # Django translates its own.
    assert djangos not in messages
    assert file.metadata["Plural-Forms"].startswith("nplurals=4;")
    assert all(not entry.translated() for entry in messages.values())


@needs_gettext
def test_templates_that_ours_replace_are_left_out(make_messages):
    """allauth's login page says this, and ours replaces it."""
    sentence = "If you have not created an account yet"
    package = Path(allauth.__file__).parent
    assert sentence in (package / "templates/account/login.html").read_text()
    assert sentence not in make_messages(UNKNOWN).read_text()


def test_our_words_win_over_those_of_the_libraries():
    with translation.override("en"):
        assert translation.gettext("Sign In") == "Log in"
    with translation.override("zh-hans"):
        ours = {
            entry.msgid: entry.msgstr for entry in polib.pofile(str(LOCALE / "zh_Hans/LC_MESSAGES/django.po"))
        }
        assert translation.gettext("Two-Factor Authentication") == ours["Two-Factor Authentication"]
        # Only Django's catalogue has this one.
        assert "Enter a whole number." not in ours
        assert translation.gettext("Enter a whole number.") == "输入整数。"


# Unfinished catalogues


def compile_half(path, share):
    """Translate the first messages of a catalogue, with all plural forms, until `share` of them is translated, and compile it."""
    file = polib.pofile(str(path), wrapwidth=0)
    forms = int(file.metadata["Plural-Forms"].partition("=")[2].partition(";")[0])
    for entry in file[: int(len(file) * share)]:
        if entry.msgid_plural:
            entry.msgstr_plural = dict.fromkeys(range(forms), entry.msgid_plural)
        else:
            entry.msgstr = entry.msgid
    file.save()
    check = subprocess.run(  # noqa: S603
        ["msgfmt", "--check", f"--output-file={path.with_suffix('.mo')}", path],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
    )
    assert check.returncode == 0, check.stderr


@needs_gettext
def test_a_language_is_offered_when_it_is_nearly_finished(make_messages):
    """With Polish, which has four plural forms."""
    path = make_messages("pl")
    folder = path.parents[2]
    everything = [("en", "English"), ("pl", "polski"), ("zh-hans", "简体中文")]
    for share, offered in ((0, False), (0.5, False), (0.89, False), (0.91, True), (1, True)):
        compile_half(path, share)
        assert translated_share(path.with_suffix(".mo")) == pytest.approx(share, abs=0.01)
        assert ("pl" in dict(languages_in(folder))) is offered, share
        assert languages_in(folder, extra=["pl"]) == everything


@needs_gettext
def test_a_language_that_isnt_offered_any_more_falls_back(make_messages, settings, member, member_client):
    path = make_messages("pl")
    compile_half(path, 0.5)
    settings.LOCALE_PATHS = [path.parents[2]]
    User.objects.filter(pk=member.pk).update(language="pl")
    settings.LANGUAGES = languages_in(*settings.LOCALE_PATHS, extra=["pl"])
    assert '<html lang="pl">' in member_client.get("/").content.decode()
    settings.LANGUAGES = languages_in(*settings.LOCALE_PATHS)
    assert '<html lang="en">' in member_client.get("/").content.decode()
    assert "polski" not in member_client.get("/users/settings/locale/").content.decode()


@pytest.mark.parametrize("data", [b"", b"nonsense that is long enough to be a header", b"\xde\x12\x04\x95"])
def test_a_catalogue_that_says_nothing_counts_as_finished(tmp_path, data):
    path = tmp_path / "django.mo"
    path.write_bytes(data)
    assert translated_share(path) == 1
