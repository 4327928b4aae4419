"""The messages that people can be shown, found in our code and templates and in those of the libraries."""

import ast
import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import polib
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parents[2]
OUR_CODE = ("accounts", "posts", "socializer")
ALLAUTH = ("account", "core", "mfa", "usersessions", "utils.py")
ALLAUTH_TEMPLATES = ("account", "allauth", "mfa", "usersessions")
# What the admin shows of jobs.
JOBS = ("django_tasks", "django_tasks_db")
# Where Django's own words for members come from. The admin's are for Django's catalogues.
DJANGO = ("contrib/auth", "contrib/humanize", "core/validators.py", "db/models", "forms", "utils")

# Which arguments of gettext's functions are what.
ROLES = {
    "gettext": ("msgid",),
    "ngettext": ("msgid", "msgid_plural"),
    "pgettext": ("msgctxt", "msgid"),
    "npgettext": ("msgctxt", "msgid", "msgid_plural"),
}
ROLES |= {f"{name}_lazy": roles for name, roles in ROLES.items()} | {"_": ROLES["gettext"]}

_quoted = r"""u?(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')"""
# What templatize() makes of a tag, among the letters that it makes of the rest.
_call = re.compile(rf"\b(_|n?p?gettext)\(({_quoted}(?:, ?{_quoted})*)(?:, ?count)?\)")


def said():
    """Every message that this site may show, by key: our own, those of its libraries and Django's."""
    return django_messages() | library_messages() | site_messages()


def wanted(language):
    """Those that the catalogue of `language` must hold: all but what Django's own catalogues translate."""
    theirs = {key(entry) for file in django_catalogues(language) for entry in file.translated_entries()}
    gaps = {found: entry for found, entry in django_messages().items() if found not in theirs}
    return gaps | library_messages() | site_messages()


def site_messages():
    """The messages of our own code and templates."""
    code = (path for app in OUR_CODE for path in python_files(ROOT / app))
    return _collect([*code, *template_files(ROOT / "templates")])


def library_messages():
    """Those of the parts of allauth that are in use, but for the templates that ours stand before; and of the jobs."""
    package = _package("allauth")
    templates = package / "templates"
    ours = {path.relative_to(ROOT / "templates") for path in template_files(ROOT / "templates")}
    shown = (path for part in ALLAUTH_TEMPLATES for path in template_files(templates / part))
    code = (path for part in ALLAUTH for path in python_files(package / part))
    jobs = (path for name in JOBS for path in python_files(_package(name)))
    return _collect([*code, *jobs, *(path for path in shown if path.relative_to(templates) not in ours)])


def django_messages():
    """What forms, validators and dates of Django's say."""
    return _collect(path for part in DJANGO for path in python_files(_package("django") / part))


def django_catalogues(language):
    """Django's own .po files of the folder's name, without the admin's; none if it does not speak that."""
    places = (_package("django") / place for place in ("conf", "contrib/auth", "contrib/humanize"))
    paths = [place / "locale" / language / "LC_MESSAGES" / "django.po" for place in places]
    return [polib.pofile(str(path)) for path in paths if path.exists()]


def python_files(place):
    """The Python files there, a file or a folder, in order; no tests, migrations or commands for operators."""
    if place.suffix == ".py":
        return [place]
    apart = {"tests", "migrations", "management"}
    return [path for path in sorted(place.rglob("*.py")) if not apart & set(path.relative_to(place).parts)]


def template_files(place):
    """The templates there, in order."""
    return [path for path in sorted(place.rglob("*")) if path.suffix in (".html", ".txt")]


def messages_in(path):
    """Yield a new polib.POEntry for each message in the code or template at `path`."""
    for name, words in _calls_in(path):
        roles = ROLES[name]
        entry = dict(zip(roles, words, strict=False))
        if len(entry) == len(roles) and all(isinstance(word, str) for word in entry.values()):
            yield new_entry(**entry)


def new_entry(**words):
    """An entry without a translation yet."""
    entry = polib.POEntry(**words)
    if "%" in "".join(placeholders(entry.msgid)):
        entry.flags.append("python-format")
    return entry


def placeholders(text):
    """What `text` has in it for values: each `%(name)s` and `{name}` once, each `%d` as often as it is there."""
    found = [place for place in re.findall(r"%(?:\(\w+\))?[a-z%]|\{\w*\}", text) if place != "%%"]
    return sorted(
        [place for place in found if len(place) == 2] + list({place for place in found if len(place) > 2})
    )


def key(entry):
    """What gettext looks a message up by."""
    return entry.msgctxt, entry.msgid


def _collect(paths):
    found = {}
    for path in paths:
        for entry in messages_in(path):
            known = found.setdefault(key(entry), entry)
            if entry.msgid_plural and not known.msgid_plural:
                found[key(entry)] = entry
    return found


def _package(name):
    return Path(find_spec(name).origin).parent


@cache
def _calls_in(path):
    source = path.read_text()
    return list(_calls_in_code(source) if path.suffix == ".py" else _calls_in_template(source))


def _calls_in_code(source):
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", None) or getattr(node.func, "id", None)
            if name in ROLES:
                yield name, [getattr(argument, "value", None) for argument in node.args]


def _calls_in_template(source):
    for name, arguments in _call.findall(templatize(source)):
        words = ast.literal_eval(f"({arguments},)")
        yield name, words
