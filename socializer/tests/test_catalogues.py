"""Every message has a translation in every language, and the compiled files match their sources."""

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

# It uses no database, or one of its own, so testing it on one engine is enough.
pytestmark = pytest.mark.any_engine

LOCALE = settings.LOCALE_PATHS[0]
CATALOGUES = sorted(LOCALE.glob("*/LC_MESSAGES/django.po"))
SOURCE = LOCALE / "en/LC_MESSAGES/django.po"
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


@every_catalogue
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
        return {(entry.msgctxt, entry.msgid, entry.msgstr, *entry.msgstr_plural.values()) for entry in file}

    assert translations(compiled) == translations(source)
    assert compiled.metadata["Plural-Forms"] == source.metadata["Plural-Forms"]


def test_members_choose_from_the_languages_that_have_a_catalogue():
    assert dict(settings.LANGUAGES).keys() == {to_language(language_of(path)) for path in CATALOGUES}


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
