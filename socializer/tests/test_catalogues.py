"""Every message has its translation, in every language that is there, and the compiled files are what they should be."""

import shutil

import polib
import pytest
from django.conf import settings
from django.utils import translation
from django.utils.translation import to_language

from socializer.translation import __main__ as tool
from socializer.translation.catalogue import LOCALE, Catalogue, catalogues
from socializer.translation.messages import key, messages_in, wanted

every_catalogue = pytest.mark.parametrize("file", catalogues(), ids=lambda file: file.language)


@every_catalogue
def test_no_message_lacks_its_translation_and_none_is_left_over(file):
    """Run script/translate, and write what is missing."""
    assert [entry.msgid for entry in file.missing()] == []
    assert [entry.msgid for entry in file.stale()] == []
    assert list(file.faults()) == []


@every_catalogue
def test_what_is_compiled_is_what_is_written(file):
    """Run script/translate: it compiles."""
    compiled = polib.mofile(str(file.path.with_suffix(".mo")))

    assert {(*key(entry), entry.msgstr, *entry.msgstr_plural.values()) for entry in compiled} == {
        (*key(entry), entry.msgstr, *entry.msgstr_plural.values()) for entry in file.file
    }
    assert compiled.metadata["Plural-Forms"] == file.file.metadata["Plural-Forms"]


def test_the_languages_to_choose_from_are_those_with_a_catalogue():
    assert dict(settings.LANGUAGES) == {"en": "English", "zh-hans": "简体中文"}
    assert {to_language(file.language) for file in catalogues()} == set(dict(settings.LANGUAGES))


@pytest.fixture
def chinese(tmp_path):
    """A copy of the Chinese catalogue, to be spoiled."""
    shutil.copytree(LOCALE / "zh_Hans", tmp_path / "zh_Hans")
    return Catalogue(tmp_path / "zh_Hans")


@pytest.mark.parametrize(
    ("msgid", "spoil", "fault"),
    [
        ("Log in", lambda entry: setattr(entry, "msgstr", ""), "is not translated"),
        ("Log in", lambda entry: entry.flags.append("fuzzy"), "is not translated"),
        ("Hello %(name)s,", lambda entry: setattr(entry, "msgstr", "你好 %(nome)s"), "placeholders"),
        ("Hello %(name)s,", lambda entry: setattr(entry, "msgstr", "你好"), "placeholders"),
        ("%d day", lambda entry: entry.msgstr_plural.update({1: "%d 天前"}), "has 2 plural forms"),
        ("%d day", lambda entry: entry.msgstr_plural.update({0: ""}), "is not translated"),
        ("Key nr. {number}", lambda entry: setattr(entry, "msgstr", "密钥"), "placeholders"),
    ],
)
def test_a_translation_that_does_not_fit_is_a_fault(chinese, msgid, spoil, fault):
    spoil(next(entry for entry in chinese.file if entry.msgid == msgid))

    (said,) = chinese.faults()
    assert repr(msgid) in said
    assert fault in said


def test_what_is_missing_is_added_and_what_is_stale_goes(chinese):
    chinese.file.remove(chinese.entries()[None, "Log in"])
    chinese.file.append(polib.POEntry(msgid="Nobody says this", msgstr="没人这么说"))
    chinese.entries()[None, "%d day"].msgid_plural = ""  # As if it had been said without a plural before.
    chinese.bring_up_to_date()
    chinese.save()
    again = Catalogue(chinese.path.parent.parent)

    assert list(again.faults()) == ["'%d day' is not translated", "'Log in' is not translated"]
    assert (None, "Nobody says this") not in again.entries()
    assert again.file.header == chinese.file.header


def test_a_third_language_is_one_file(tmp_path):
    polish = Catalogue(tmp_path / "pl")
    polish.bring_up_to_date()
    polish.save()

    assert set(Catalogue(tmp_path / "pl").entries()) == set(wanted("pl"))
    assert len(polish.entries()[None, "%d day"].msgstr_plural) == 4  # As Django counts in Polish.
    assert (tmp_path / "pl/LC_MESSAGES/django.mo").exists()


def test_the_tool_says_what_is_left_to_translate(tmp_path, monkeypatch, capsys):
    shutil.copytree(LOCALE / "zh_Hans", tmp_path / "zh_Hans")
    monkeypatch.setattr("socializer.translation.catalogue.LOCALE", tmp_path)
    monkeypatch.setattr(tool, "LOCALE", tmp_path)
    tool.main("pl")
    said = capsys.readouterr().out.splitlines()

    assert said[0].startswith("zh_Hans: ")
    assert said[1].startswith("pl: ")
    assert "  'Log in' is not translated" in said
    with pytest.raises(SystemExit, match="Django does not speak klingon"):
        tool.main("klingon")


def test_words_are_found_in_code(tmp_path):
    code = tmp_path / "code.py"
    code.write_text(
        """
_("one" " and more"); gettext_lazy('two'); translation.gettext("three"); _(unknown); _(f"{no}"); other("no")
ngettext("%d thing", "%d things", count); pgettext("as a verb", "post"); npgettext_lazy("c", "a", "b", 3)
"""
    )
    found = [(entry.msgctxt, entry.msgid, entry.msgid_plural) for entry in messages_in(code)]

    assert found == [
        (None, "one and more", ""),
        (None, "two", ""),
        (None, "three", ""),
        (None, "%d thing", "%d things"),
        ("as a verb", "post", ""),
        ("c", "a", "b"),
    ]


def test_words_are_found_in_templates_as_django_looks_them_up(tmp_path):
    template = tmp_path / "template.html"
    template.write_text(
        """{% translate "It's 100%" %} {% translate 'post' context "as a verb" as x %} {% include "a.html" with b=_("argument") %}
{% blocktranslate with name=person.name %}Hello "{{ name }}",
you{% endblocktranslate %} {{ _("variable") }} {% comment %}{% translate "no" %}{% endcomment %} _("no
{% blocktranslate count count=2 trimmed %}
  {{ count }} thing{% plural %}{{ count }} things
{% endblocktranslate %}"""
    )
    found = [(entry.msgctxt, entry.msgid, entry.msgid_plural) for entry in messages_in(template)]

    assert found == [
        (None, "It's 100%%", ""),
        ("as a verb", "post", ""),
        (None, "argument", ""),
        (None, 'Hello "%(name)s",\nyou', ""),
        (None, "variable", ""),
        (None, "%(count)s thing", "%(count)s things"),
    ]


def test_our_words_win_over_those_of_the_libraries():
    with translation.override("en"):
        assert translation.gettext("Sign In") == "Log in"
    with translation.override("zh-hans"):
        assert translation.gettext("Two-Factor Authentication") == "两步验证与通行密钥"
        # Only Django has this one.
        assert translation.gettext("This field is required.") == "这个字段是必填项。"
