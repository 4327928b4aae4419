"""Finds URL names in an app that the app's own URLconfs don't have, such as the name of a page of the project.

In this project, such a link works. In another project, the page or email that contains it would fail.
"""

import os
import re
from importlib import import_module
from pathlib import Path

from django.apps import apps
from django.template import engines
from django.template.backends.django import DjangoTemplates
from django.urls import URLPattern

# Only literal names are found. A syntax tree would find the same ones, but parsing takes twenty times as long.
IN_PYTHON = re.compile(
    r"""(?:reverse|reverse_lazy|redirect|resolve_url)\(\s*["']([\w:-]+)["']"""
    r"""|(?:pattern_name|_url|_URL)["']?\s*[=:]\s*(?:reverse_lazy\(|reverse\()?["']([\w:-]+)["']"""
)
IN_TEMPLATES = re.compile(r"""{%\s*url\s+["']([\w:-]+)["']([^%]*)%}""")
# Other projects don't run the tests, and migrations don't contain links.
SKIPPED_FOLDERS = {"tests", "migrations", "__pycache__"}

# Django's admin has no module with its names, and the apps only link to it from the admin.
ADMIN = "admin:"
# Names of allauth's optional apps. Their pages and the links to them exist only if the apps are installed.
OPTIONAL_PAGES = ("mfa_", "usersessions_")
# `{% url ... as variable %}` doesn't fail if the page doesn't exist, so accounts uses it to link to pages of posts.
OPTIONAL_APPS = ("posts:",)


def foreign_names(app, urlconfs, template_folders):
    """Return pairs of a file in `app` and a URL name in it that none of the `urlconfs` has, in order.

    `template_folders` are the folders in the app's template directory whose templates belong to the app.
    """
    root = Path(apps.get_app_config(app).path)
    own = {name for urlconf in urlconfs for name in names_in(urlpatterns(urlconf))}
    found = [*_python_names(root), *_template_names(root, template_folders)]
    return sorted({(str(path.relative_to(root.parent)), name) for path, name in found if name not in own})


def urlpatterns(urlconf):
    """Return the patterns of a URLconf module as a dict from their namespace to the list."""
    module = import_module(urlconf)
    return {getattr(module, "app_name", ""): module.urlpatterns}


def names_in(patterns):
    """Return all names in a dict from namespaces to patterns, with their namespaces."""
    names = set()
    for namespace, each in patterns.items():
        prefix = f"{namespace}:" if namespace else ""
        for pattern in each:
            if isinstance(pattern, URLPattern):
                names |= {prefix + pattern.name} if pattern.name else set()
            else:
                below = names_in({pattern.namespace or "": pattern.url_patterns})
                names |= {prefix + name for name in below}
    return names


def _python_names(root):
    for path in _files(root, ".py"):
        text = path.read_text(encoding="utf-8")
        # Most files have no such call, and searching for a word is much faster than matching the expression.
        if (
            "reverse" in text
            or "redirect" in text
            or "_url" in text
            or "_URL" in text
            or "pattern_name" in text
        ):
            for called, assigned in IN_PYTHON.findall(text):
                name = called or assigned
                if not name.startswith((ADMIN, *OPTIONAL_PAGES)):
                    yield path, name


def _template_names(root, template_folders):
    for directory in template_directories(root):
        for folder in template_folders:
            for path in _files(directory / folder, (".html", ".txt", ".xml")):
                for name, rest in IN_TEMPLATES.findall(path.read_text(encoding="utf-8")):
                    optional = OPTIONAL_APPS if " as " in rest else ()
                    if not name.startswith((ADMIN, *OPTIONAL_PAGES, *optional)):
                        yield path, name


def template_directories(root):
    """Return the directories with the templates of the app in `root`: inside it, or beside it as in this repository.

    A project's own versions of these templates may link to its own pages, so its directories are left out.
    """
    loaders = [loader for engine in django_engines() for loader in loaders_of(engine)]
    directories = {
        Path(each) for loader in loaders if hasattr(loader, "get_dirs") for each in loader.get_dirs()
    }
    return sorted(directories & {root / "templates", root.parent / "templates"})


def django_engines():
    """Return the engines for Django's templates, or an empty list if TEMPLATES can't be used."""
    try:
        return [each.engine for each in engines.all() if isinstance(each, DjangoTemplates)]
    except Exception:
        return []


def loaders_of(engine):
    """Return the template loaders of an engine, and those inside a cached one."""
    return [each for loader in engine.template_loaders for each in (loader, *getattr(loader, "loaders", ()))]


def _files(root, suffix):
    for folder, folders, names in os.walk(root):
        folders[:] = [each for each in folders if each not in SKIPPED_FOLDERS]
        for name in names:
            if name.endswith(suffix):
                yield Path(folder, name)
