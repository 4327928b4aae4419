import os
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import django
import polib
from django.conf import settings
from django.core.management.commands import makemessages

OUR_CODE = ("accounts", "posts", "socializer")
# The parts of libraries that contain texts shown to users.
LIBRARIES = {
    "allauth": ("account", "core", "mfa", "usersessions", "templates/account", "templates/allauth",
                "templates/mfa", "templates/usersessions", "utils.py"),
    "django": ("contrib/auth", "contrib/humanize", "core/validators.py", "db/models", "forms", "utils"),
    "django_tasks": ("",),
    "django_tasks_db": ("",),
}  # fmt: skip
# Django's own catalogues for these parts.
DJANGO_CATALOGUES = ("conf", "contrib/auth", "contrib/humanize")
# The English catalogue is written by hand. It contains only the library messages that we word differently.
SOURCE_LANGUAGE = "en"
NOT_SHOWN = {"tests", "migrations", "management"}


class Command(makemessages.Command):
    """Django's command, which also collects the messages of Django and other libraries, so that we can reword them.

    Messages that Django's own catalogue translates are left out, unless ours translates them differently.
    """

    class build_file_class(makemessages.BuildFile):
        @property
        def work_path(self):
            """The path of the template's Python code for gettext, which is in a separate folder, not beside the template."""
            if not self.is_templatized:
                return self.path
            return os.path.join(self.command.work_folder, f"{self.path.replace(os.sep, '-')}.py")

    def handle(self, **options):
        fixed = {"exclude": [SOURCE_LANGUAGE], "no_location": True, "no_obsolete": True, "no_wrap": True}
        with TemporaryDirectory() as self.work_folder:
            super().handle(**options | fixed | {"all": False})

    def write_po_file(self, potfile, locale):
        super().write_po_file(potfile, locale)
        file = polib.pofile(str(Path(potfile).parent / locale / "LC_MESSAGES" / "django.po"), wrapwidth=0)
        translated = {key(entry) for entry in django_translations(locale)}
        for entry in [entry for entry in file if not entry.translated() and key(entry) in translated]:
            file.remove(entry)
        # Remove headers that would change with each run.
        for name in ("Report-Msgid-Bugs-To", "POT-Creation-Date"):
            file.metadata.pop(name, None)
        # The compiled file has only those that are translated: see `translated_share()` in accounts/defaults.py.
        file.metadata["X-Messages"] = str(len(file))
        file.metadata_is_fuzzy = False
        file.save()

    def find_files(self, root):
        return [
            self.translatable_file_class(str(path.parent), path.name, self.default_locale_path)
            for path in files()
        ]


def files():
    """Yield the code and templates with messages: first ours, then those of libraries, except templates that ours replace."""
    templates = settings.BASE_DIR / "templates"
    for place in [*(settings.BASE_DIR / app for app in OUR_CODE), templates]:
        yield from files_in(place)
    replaced = {path.relative_to(templates) for path in files_in(templates)}
    for name, parts in LIBRARIES.items():
        package = Path(find_spec(name).origin).parent
        hidden = {package / "templates" / path for path in replaced}
        for part in parts:
            yield from (path for path in files_in(package / part) if path not in hidden)


def django_translations(locale):
    """Yield the translated entries of Django's own catalogues for a language, which is given by its folder name."""
    for part in DJANGO_CATALOGUES:
        path = Path(django.__file__).parent / part / "locale" / locale / "LC_MESSAGES" / "django.po"
        if path.exists():
            yield from polib.pofile(str(path)).translated_entries()


def key(entry):
    """Return the key by which gettext looks up a message."""
    return entry.msgctxt, entry.msgid


def files_in(place):
    """Return the sorted code and templates at `place`, a file or a folder, without files whose messages only operators read."""
    if place.is_file():
        return [place]
    found = (path for path in sorted(place.rglob("*")) if path.suffix in (".py", ".html", ".txt"))
    return [path for path in found if not NOT_SHOWN & set(path.relative_to(place).parts)]
