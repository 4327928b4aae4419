"""System checks of a project's settings. Each message names a setting and what goes wrong. The hint says what to do.

posts/checks.py also uses the functions and classes without an underscore.
"""

import re
from urllib.parse import urlsplit

from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.checks import Error, Warning, register
from django.core.files.storage import FileSystemStorage
from django.db.utils import load_backend
from django.shortcuts import resolve_url
from django.template.loaders.app_directories import Loader as AppLoader
from django.urls import (
    URLPattern,
    get_resolver,
    get_script_prefix,
    is_valid_path,
    resolve,
    reverse,
)
from django.utils import translation
from django.utils.functional import Promise
from django.utils.module_loading import import_string

from accounts import defaults
from accounts.common.addresses import ascii_host
from accounts.common.app_settings import app_settings, is_on_this_machine
from accounts.common.base_template import base_template
from accounts.common.url_names import django_engines, foreign_names, loaders_of, names_in, urlpatterns
from accounts.jobs.backend import DatabaseBackend, JobBackend
from accounts.models.site_settings import SignupMode
from accounts.validators import is_username

URLCONFS = ("accounts.urls", "accounts.allauth_urls")


def check(app):
    """Register a generator of messages as a check that never raises, whatever the settings contain."""

    def decorate(function):
        def guarded(app_configs, **kwargs):
            try:
                return list(function())
            except Exception as error:
                message = f"{function.__name__} can't read the settings: {type(error).__name__}: {error}"
                hint = "Correct the settings that the other messages name, then run this check again."
                return [Error(message, hint=hint, id=f"{app}.E000")]

        guarded.__module__, guarded.__name__, guarded.__doc__ = (
            function.__module__,
            function.__name__,
            function.__doc__,
        )
        return register(guarded)

    return decorate


def _error(number, message, hint):
    return Error(message, hint=hint, id=f"accounts.E{number:03}")


def _warning(number, message, hint):
    return Warning(message, hint=hint, id=f"accounts.W{number:03}")


def _write(name):
    """Return a hint to use the value in accounts/defaults.py."""
    line = f"{name} = {getattr(defaults, name)!r}"
    return f"Write `from accounts.defaults import *` at the top of the settings file, or {line}."


# Reading settings


def setting(name):
    """Return the setting `name`, or None if there is none."""
    return getattr(settings, name, None)


def strings(value):
    """Return the strings in a list, or an empty list if `value` isn't a list."""
    return [each for each in value if isinstance(each, str)] if isinstance(value, list | tuple | set) else []


def loaded(path):
    """Return the object at the import path `path`, or None if it can't be imported."""
    try:
        return import_string(path)
    except Exception:
        return None


def is_kind_of(path, base):
    """Return whether the import path `path` is `base`, or names a subclass of that class."""
    if path == base:
        return True
    found, expected = loaded(path), loaded(base)
    return isinstance(found, type) and isinstance(expected, type) and issubclass(found, expected)


# Apps


DJANGO_APPS = [
    f"django.contrib.{name}" for name in ("auth", "contenttypes", "sessions", "messages", "staticfiles")
]
OVERRIDDEN_APPS = [
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "django.contrib.auth",
    "django.contrib.admin",
]


def installed_apps():
    return [config.name for config in apps.get_app_configs()]


@check("accounts")
def check_user_model():
    if setting("AUTH_USER_MODEL") != "accounts.User":
        yield _error(
            1,
            f"AUTH_USER_MODEL is {setting('AUTH_USER_MODEL')!r}, but accounts works only with its own user model.",
            'Set AUTH_USER_MODEL = "accounts.User" before the first migration. Put your own fields in a model with a '
            "OneToOneField to it. If the project already has users, copy them in a migration.",
        )


@check("accounts")
def check_apps():
    installed = installed_apps()
    required = [*defaults.ACCOUNTS_APPS, *DJANGO_APPS]
    if missing := [name for name in required if name not in installed]:
        yield _error(
            2,
            f"INSTALLED_APPS doesn't contain {', '.join(missing)}, so pages or emails fail.",
            "Write INSTALLED_APPS = [*ACCOUNTS_APPS, ...] and keep Django's own apps after them.",
        )
    if earlier := [name for name in OVERRIDDEN_APPS if comes_after("accounts", name, installed)]:
        yield _error(
            3,
            f"accounts comes after {', '.join(earlier)} in INSTALLED_APPS, so their templates, translations or commands "
            "override those of accounts.",
            'Put "accounts" before them in INSTALLED_APPS.',
        )


def comes_after(first, second, names):
    return first in names and second in names and names.index(first) > names.index(second)


# Middleware

LOCALE = "django.middleware.locale.LocaleMiddleware"
DJANGO_MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
NOT_FOUND, ALLAUTH, CONFLICT = (
    "accounts.middleware.NotFoundMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "accounts.middleware.ConflictMiddleware",
)
# Pairs of middleware: the first one must come before the second one.
SESSION, _CSRF, AUTHENTICATION, MESSAGE = DJANGO_MIDDLEWARE
MIDDLEWARE_ORDER = [
    *((django, ours) for django in DJANGO_MIDDLEWARE for ours in defaults.ACCOUNTS_MIDDLEWARE),
    (SESSION, AUTHENTICATION),
    (SESSION, MESSAGE),
    (NOT_FOUND, ALLAUTH),
]


@check("accounts")
def check_middleware():
    entries = strings(setting("MIDDLEWARE"))
    # A project may use its own subclass.
    positions = {
        name: [index for index, entry in enumerate(entries) if is_kind_of(entry, name)]
        for name in [*DJANGO_MIDDLEWARE, *defaults.ACCOUNTS_MIDDLEWARE, LOCALE]
    }
    add = "End MIDDLEWARE with *ACCOUNTS_MIDDLEWARE, after Django's middleware."
    if missing := [name for name, found in positions.items() if not found and name != LOCALE]:
        message = f"MIDDLEWARE doesn't contain {', '.join(missing)}, so requests fail or are insecure."
        yield _error(4, message, add)
    if repeated := [name for name, found in positions.items() if len(found) > 1]:
        message = f"MIDDLEWARE contains {', '.join(repeated)} more than once, so it runs more than once."
        yield _error(6, message, "Remove the duplicate.")
    wrong = {}
    for first, second in MIDDLEWARE_ORDER:
        if positions[first] and positions[second] and positions[first][0] > positions[second][0]:
            wrong.setdefault(first, second)
    for first, second in wrong.items():
        consequence = "but needs it to run first"
        if first == NOT_FOUND:
            consequence = 'so missing pages redirect to "Change email"'
        yield _error(5, f"{second} comes before {first} in MIDDLEWARE, {consequence}.", add)
    if positions[CONFLICT] and positions[CONFLICT][-1] != len(entries) - 1:
        yield _warning(
            11,
            f"{CONFLICT} isn't last in MIDDLEWARE, so what the middleware after it does isn't undone before a second attempt.",
            f"Put it last, unless that middleware may run twice for a request. {add}",
        )
    if setting("USE_I18N") and not positions[LOCALE] and len(languages()) > 1:
        yield _warning(
            2,
            f"MIDDLEWARE doesn't contain {LOCALE}, so visitors see only the site's language, although LANGUAGES lists "
            "several.",
            f'Put "{LOCALE}" before *ACCOUNTS_MIDDLEWARE, or set LANGUAGES to the one language of the site.',
        )


# Classes behind settings of Django and allauth

CLASSES = [
    (
        _warning,
        3,
        "SESSION_ENGINE",
        "SessionStore",
        "a sign-up or login and its session aren't stored in one transaction: if one of them fails, the other remains",
    ),
    (
        _warning,
        3,
        "MESSAGE_STORAGE",
        "",
        "the next person who uses the same browser can see messages that are meant for someone else",
    ),
    (_error, 8, "ACCOUNT_ADAPTER", "", "emails, rate limits and redirects of sign-up and login don't work"),
    (
        _error,
        8,
        "ACCOUNT_PASSWORD_RESET_TOKEN_GENERATOR",
        "",
        "links to reset a password stay valid when they shouldn't",
    ),
]


@check("accounts")
def check_classes():
    for message, number, name, attribute, consequence in CLASSES:
        value, default = setting(name), getattr(defaults, name)
        path, base = (f"{each}.{attribute}" if attribute else each for each in (value, default))
        if not is_kind_of(path, base):
            yield message(
                number,
                f"{name} is {value!r}, so {consequence}.",
                f"{_write(name)} A subclass is fine, too.",
            )
    ours = defaults.AUTHENTICATION_BACKENDS[0]
    if not any(is_kind_of(each, ours) for each in strings(setting("AUTHENTICATION_BACKENDS"))):
        yield _error(
            7,
            "AUTHENTICATION_BACKENDS doesn't contain the backend of accounts, so members can't log in with either "
            "username or email address, or the time that a login takes reveals which accounts exist.",
            _write("AUTHENTICATION_BACKENDS"),
        )
    handlers = strings(setting("FILE_UPLOAD_HANDLERS"))
    if not is_kind_of(handlers[0] if handlers else None, defaults.FILE_UPLOAD_HANDLERS[0]):
        yield _warning(
            8,
            "FILE_UPLOAD_HANDLERS doesn't begin with the handler of accounts, so an upload can fill the disk.",
            _write("FILE_UPLOAD_HANDLERS"),
        )


# allauth


def _has_our_validators(path):
    validators = import_string(path)
    return all(each in validators for each in import_string(defaults.ACCOUNT_USERNAME_VALIDATORS))


ALLAUTH_SETTINGS = {
    "ACCOUNT_LOGIN_METHODS": (
        lambda value: set(strings(value)) == {"username", "email"},
        "members can't log in with either their username or their email address, as the page says",
    ),
    "ACCOUNT_SIGNUP_FIELDS": (
        lambda value: {each.rstrip("*") for each in strings(value)} >= {"username", "email", "password1"},
        "the sign-up page lacks a field that its form needs",
    ),
    "ACCOUNT_CHANGE_EMAIL": (
        lambda value: value is True,
        "members can add several addresses, even other people's, but can log in only with the first one",
    ),
    "ACCOUNT_PRESERVE_USERNAME_CASING": (
        lambda value: value is False,
        "usernames aren't stored in lower case, and people can't be found",
    ),
    "ACCOUNT_USERNAME_VALIDATORS": (
        _has_our_validators,
        "people can sign up with usernames that don't work in URLs and mentions",
    ),
    "ACCOUNT_RATE_LIMITS": (
        lambda value: isinstance(value, dict),
        "the limits on guessing passwords and codes are off, or aren't those of accounts",
    ),
}


@check("accounts")
def check_allauth():
    for name, (fits, consequence) in ALLAUTH_SETTINGS.items():
        if not _fits(fits, setting(name)):
            yield _error(
                8,
                f"{name} is {setting(name)!r}, so {consequence}.",
                _write(name),
            )
    limits = setting("ACCOUNT_RATE_LIMITS")
    if isinstance(limits, dict) and (
        missing := [key for key in defaults.ACCOUNT_RATE_LIMITS if not limits.get(key)]
    ):
        yield _warning(
            4,
            f"ACCOUNT_RATE_LIMITS doesn't limit {', '.join(missing)} as accounts does.",
            "Write ACCOUNT_RATE_LIMITS = {**ACCOUNT_RATE_LIMITS, ...} to change only some of them.",
        )
    for name in ["ACCOUNT_FORMS", *(["MFA_FORMS"] if apps.is_installed("allauth.mfa") else [])]:
        value = setting(name)
        forms = value if isinstance(value, dict) else {}
        ours = getattr(defaults, name).items()
        if wrong := [key for key, default in ours if not is_kind_of(forms.get(key), default)]:
            yield _error(
                9,
                f"{name} doesn't use the forms of accounts, or subclasses of them, for {', '.join(wrong)}, so their pages "
                "lack our checks, rate limits and texts.",
                f"Write `from accounts.defaults import *` at the top of the settings file. To replace some forms, write "
                f"{name} = {{**{name}, ...}}.",
            )


@check("accounts")
def check_password_validators():
    if not setting("AUTH_PASSWORD_VALIDATORS"):
        yield _warning(
            12,
            'AUTH_PASSWORD_VALIDATORS is empty, so members can choose passwords such as "password".',
            "Write `from accounts.defaults import *` at the top of the settings file, or list Django's validators.",
        )


# Jobs


@check("accounts")
def check_task_backend():
    """Jobs must be stored, but not under the paths of their functions, because those can change."""
    tasks = setting("TASKS")
    entry = tasks.get("default") if isinstance(tasks, dict) else None
    path = entry.get("BACKEND") if isinstance(entry, dict) else None
    backend = loaded(path)
    if not (isinstance(backend, type) and issubclass(backend, DatabaseBackend)):
        yield _error(
            10,
            f'The BACKEND of TASKS["default"] is {path!r}, which doesn\'t store jobs in the database, so emails are lost.',
            _write("TASKS"),
        )
    elif not issubclass(backend, JobBackend):
        yield _warning(
            1,
            "Jobs are stored under the paths of their functions. When a function moves, its waiting jobs are lost.",
            _write("TASKS"),
        )


# Database, time zones, files


@check("accounts")
def check_database():
    if setting("USE_TZ") is not True:
        yield _error(
            11, "USE_TZ is off, so pages and jobs fail when they compare times.", "Write USE_TZ = True."
        )
    databases = setting("DATABASES")
    entry = databases.get("default") if isinstance(databases, dict) else None
    entry = entry if isinstance(entry, dict) else {}
    engine = entry.get("ENGINE")
    vendor = _vendor(engine)
    if vendor not in ("sqlite", "postgresql"):
        yield _error(
            12,
            f'The ENGINE of DATABASES["default"] is {engine!r}, but accounts needs features of SQLite or PostgreSQL.',
            'Use "django.db.backends.postgresql" or "django.db.backends.sqlite3".',
        )
    options = entry.get("OPTIONS")
    mode = options.get("transaction_mode") if isinstance(options, dict) else None
    if vendor == "sqlite" and str(mode).upper() not in ("IMMEDIATE", "EXCLUSIVE"):
        yield _warning(
            5,
            'DATABASES["default"] uses SQLite without transaction_mode IMMEDIATE, so requests that read and then write at the '
            'same time can fail with "database is locked".',
            'Write DATABASES["default"]["OPTIONS"] = {"transaction_mode": "IMMEDIATE"}.',
        )


def _vendor(engine):
    try:
        return load_backend(engine).DatabaseWrapper.vendor
    except Exception:
        return None


@check("accounts")
def check_files():
    storages = setting("STORAGES")
    entry = storages.get("default") if isinstance(storages, dict) else None
    entry = entry if isinstance(entry, dict) else {}
    storage, options = loaded(entry.get("BACKEND")), entry.get("OPTIONS")
    in_files = isinstance(storage, type) and issubclass(storage, FileSystemStorage)
    location = options.get("location") if isinstance(options, dict) else None
    if in_files and not location and not setting("MEDIA_ROOT"):
        yield _warning(
            7,
            "MEDIA_ROOT is empty, so members' pictures are written to the folder in which the server is started.",
            'Write MEDIA_ROOT, MEDIA_URL = BASE_DIR / "media", "media/".',
        )


# Templates

CONTEXT_PROCESSORS = [
    "django.template.context_processors.request",
    "django.contrib.auth.context_processors.auth",
    "django.contrib.messages.context_processors.messages",
    "accounts.context_processors.site",
]


@check("accounts")
def check_templates():
    engine = next(iter(django_engines()), None)
    if not (engine and any(isinstance(each, AppLoader) for each in loaders_of(engine))):
        yield _error(
            13,
            "TEMPLATES has no engine for Django's templates that loads the templates of apps, so pages and emails fail.",
            'Write "BACKEND": "django.template.backends.django.DjangoTemplates" and "APP_DIRS": True in TEMPLATES.',
        )
        return
    for name in CONTEXT_PROCESSORS:
        if name not in engine.context_processors:
            yield _error(
                14,
                f"TEMPLATES lacks the context processor {name}, so pages fail or lack content.",
                f'Add "{name}" to TEMPLATES[0]["OPTIONS"]["context_processors"].',
            )
    try:
        base = base_template()
    except Exception as error:
        yield _error(
            15,
            f"BASE_TEMPLATE {app_settings.BASE_TEMPLATE!r} can't be loaded, so all pages fail: "
            f"{type(error).__name__}: {error}",
            'Write BASE_TEMPLATE = "accounts/base.html", or the name of your own template.',
        )
        return
    if not base.is_complete:
        return
    for name in {"title", "content"} - base.blocks:
        yield _error(
            16,
            f'The template BASE_TEMPLATE {app_settings.BASE_TEMPLATE!r} has no block "{name}", so pages lack their {name}.',
            f"Add {{% block {name} %}}{{% endblock %}} to it.",
        )
    for name, found, consequence in (
        ("_styles", base.includes("accounts/_styles.html", "accounts/site.css"), "pages have no layout"),
        (
            "_scripts",
            base.includes("accounts/viewer.js") and base.includes('name="viewer"'),
            "lists don't load more entries automatically, and a page stays visible to the next person who logs in",
        ),
    ):
        if not found:
            yield _warning(
                6,
                f"The template BASE_TEMPLATE {app_settings.BASE_TEMPLATE!r} doesn't include accounts/{name}.html, so "
                f"{consequence}.",
                f'Add {{% include "accounts/{name}.html" %}} to its head.',
            )


# The app's own settings


def _fits(fits, value):
    try:
        return bool(fits(value))
    except Exception:
        return False


def is_whole_number(value, least=1):
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def is_limit(value):
    return isinstance(value, list | tuple) and len(value) == 2 and all(map(is_whole_number, value))


def _is_site_url(value):
    parts = urlsplit(value)
    # `port` raises ValueError if the port is invalid.
    is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    return is_address and value == f"{parts.scheme}://{parts.netloc}" and not re.search(r"[\s@]", value)


def _are_one_to_one(value):
    fields = get_user_model()._meta
    is_list = isinstance(value, list | tuple) and len(strings(value)) == len(value)
    return is_list and all(fields.get_field(name).one_to_one for name in value)


def _are_usernames(value):
    return isinstance(value, list | tuple) and len(value) <= 50 and all(map(is_username, value))


def _are_domains(value):
    return isinstance(value, list | tuple) and all(ascii_host(domain) == domain for domain in value)


WHOLE_NUMBER = (
    lambda value: type(value) is int and value >= 0,
    "isn't a whole number, so the first row of the site settings can't be stored",
    "20",
)
BOOLEAN = (lambda value: isinstance(value, bool), "isn't True or False", "True")
LIMIT = (
    is_limit,
    "isn't a pair of whole numbers above 0, so the forms with this limit fail",
    "(20, 3600), for 20 in an hour",
)
NUMBER = (is_whole_number, "isn't a whole number above 0, so pictures can't be uploaded", "5_000_000")
FORMS = {
    "SITE_NAME": (
        lambda value: isinstance(value, str | Promise) and str(value).strip(),
        "isn't a string with the name of the site, which pages and emails show",
        '"My community"',
    ),
    "SITE_URL": (
        _is_site_url,
        "isn't http:// or https:// and a host, without a path or a slash at the end, so links in emails are wrong",
        '"https://example.org"',
    ),
    "CONTACT_EMAIL": (lambda value: isinstance(value, str), "isn't a string", '"me@example.org" or ""'),
    "SUGGESTED_PEOPLE": (
        _are_usernames,
        "isn't a list of at most 50 usernames in lower case, so the page for new members fails or lacks people",
        '["ada", "grace"]',
    ),
    "SIGNUP_MODE": (
        lambda value: value in SignupMode.values,
        "is none of open, invitation, approval and closed, so it's unclear who may sign up",
        '"open"',
    ),
    "SIGNUPS_PER_HOUR": WHOLE_NUMBER,
    "INVITATIONS_PER_MEMBER": WHOLE_NUMBER,
    "REFUSED_EMAIL_DOMAINS": (
        _are_domains,
        "isn't a list of domains in lower case and ASCII",
        '["example.org"]',
    ),
    "NEW_ACCOUNT_HOURS": WHOLE_NUMBER,
    "MEMBERS_ONLY": BOOLEAN,
    "ADMIN_REQUIRES_MFA": (
        lambda value: isinstance(value, bool),
        "isn't True or False, so it's unclear who may use the admin",
        "True",
    ),
    "USER_SELECT_RELATED": (
        _are_one_to_one,
        "isn't a list of one-to-one relations of the user, so requests from members fail",
        '[], or ["profile"] with the name of such a relation',
    ),
    "SIGNUP_LIMIT": LIMIT,
    "FOLLOW_LIMIT": LIMIT,
    "BLOCK_LIMIT": LIMIT,
    "REPORT_LIMIT": LIMIT,
    "PROFILE_LIMIT": LIMIT,
    "PICTURE_MAX_BYTES": NUMBER,
    "PICTURE_MAX_PIXELS": NUMBER,
}


def unsuitable(own_settings, forms):
    """Return pairs of a message and a hint for each of an app's own settings with an unsuitable value."""
    for name, (fits, problem, example) in forms.items():
        value = getattr(own_settings, name)
        if not _fits(fits, value):
            yield f"{name} {value!r} {problem}.", f"Write {name} = {example}."


@check("accounts")
def check_own_settings():
    for message, hint in unsuitable(app_settings, FORMS):
        yield _error(17, message, hint)
    if not settings.DEBUG and not hasattr(settings, "SITE_URL"):
        yield _error(
            18,
            f"SITE_URL is missing, so links in emails lead to {app_settings.SITE_URL}.",
            'Write SITE_URL = "https://example.org" with the address of your site.',
        )


# URLs

# Settings that name a page. Only the optional ones may be None.
URL_SETTINGS = ("HOME_URL", "LOGIN_URL", "LOGIN_REDIRECT_URL")
OPTIONAL_URL_SETTINGS = ("LOGOUT_REDIRECT_URL", "ACCOUNT_SIGNUP_REDIRECT_URL", "RULES_URL")
# Those of our own, which have defaults.
OWN_URL_SETTINGS = ("HOME_URL", "RULES_URL")


def missing_names(urlconf):
    """Return the names of the URLs in a URLconf module that the project's URLs don't include, in order."""
    return sorted(names_in(urlpatterns(urlconf)) - names_in({"": get_resolver().url_patterns}))


def not_included(urlconf):
    """Return pairs of a message and a hint if the project doesn't include a URLconf module."""
    if missing := missing_names(urlconf):
        some = ", ".join(missing[:3]) + (" ..." if len(missing) > 3 else "")
        folder = "users/" if urlconf == "accounts.allauth_urls" else ""
        yield (
            f"{urlconf} isn't included, or only in a namespace of your own, so pages that link to {some} fail.",
            f'Add path("{folder}", include("{urlconf}")) to the urlpatterns of ROOT_URLCONF.',
        )


def shadowed_names(urlconf):
    """Return the names of the URLs in a URLconf module, without arguments, at which the project has another page, in order."""
    ((namespace, patterns),) = urlpatterns(urlconf).items()
    names = {}
    for pattern in patterns:
        if isinstance(pattern, URLPattern) and pattern.name and not pattern.pattern.converters:
            names[f"{namespace}:{pattern.name}" if namespace else pattern.name] = pattern.callback
    return sorted(name for name, view in names.items() if not _leads_to(name, view))


def _leads_to(name, view):
    try:
        return _page_at(reverse(name)).func is view
    except Exception:
        return True  # Another message says which names are missing.


def leads_to_page(value):
    """Return whether a setting is the name of a URL, the path of a page, or an address outside the project."""
    parts = urlsplit(resolve_url(value))
    is_outside = parts.netloc or (
        parts.path.startswith("/") and not parts.path.startswith(get_script_prefix())
    )
    return bool(is_outside or any(map(is_valid_path, _redirected(parts.path))))


def _redirected(path):
    """Yield a path below the project's own, and those to which Django's middleware redirects if there is no such page."""
    inside = path.removeprefix(get_script_prefix())
    slashed = f"{inside}/" if setting("APPEND_SLASH") and inside and not inside.endswith("/") else inside
    yield f"/{inside}"
    yield f"/{slashed}"
    if setting("USE_I18N"):
        yield f"/{translation.get_language() or settings.LANGUAGE_CODE}/{slashed}"  # i18n_patterns()


def _page_at(path):
    """Resolve a path, which starts with the site's prefix if the site is below a path. Raises Resolver404."""
    return resolve("/" + path.removeprefix(get_script_prefix()))


@check("accounts")
def check_urls():
    missing = [found for urlconf in URLCONFS for found in not_included(urlconf)]
    for message, hint in missing:
        yield _error(19, message, hint)
    if foreign := [pattern.name for pattern in _own_pages() if not _leads_to_our_view(pattern)]:
        yield _error(
            20,
            f"{', '.join(foreign)} don't lead to the views of accounts, so these pages lack our rate limits and checks.",
            'Include "accounts.allauth_urls" instead of "allauth.urls" or "allauth.account.urls".',
        )
    # Without our URLs, our own defaults lead nowhere, and the messages above say why.
    for name in (*URL_SETTINGS, *OPTIONAL_URL_SETTINGS) if not missing else ():
        value = getattr(app_settings, name) if name in OWN_URL_SETTINGS else setting(name)
        if value is None and name in OPTIONAL_URL_SETTINGS:
            continue
        if not _fits(leads_to_page, value):
            yield _error(
                21,
                f"{name} is {value!r}, which is neither the name of a URL nor the path of a page.",
                f'Write {name} = "{getattr(defaults, name, "accounts:index")}", or the name or path of your own page.',
            )


def _own_pages():
    """Return the patterns of our versions of allauth's pages."""
    patterns = urlpatterns("accounts.allauth_urls")[""]
    return [pattern for pattern in patterns if isinstance(pattern, URLPattern)]


def _leads_to_our_view(pattern):
    arguments = dict.fromkeys(pattern.pattern.regex.groupindex, "a")
    try:
        found = _page_at(reverse(pattern.name, kwargs=arguments))
    except Exception:
        return True  # Another message says which names are missing.
    view = getattr(found.func, "view_class", None)
    return isinstance(view, type) and issubclass(view, pattern.callback.view_class)


@check("accounts")
def check_url_names():
    for file, name in foreign_names(
        "accounts", URLCONFS, ("accounts", "account", "allauth", "mfa", "usersessions")
    ):
        yield _error(24, *foreign_name(file, name))


def foreign_name(file, name):
    return (
        f"{file} links to the URL {name!r}, which isn't a URL of the app, so the page or email fails in other projects.",
        "Use a URL of the app, a setting such as HOME_URL, or a block that the project fills.",
    )


# Emails and languages

# The backend that stores emails in memory is left out, because Django's test runner sets it.
UNDELIVERED = {f"django.core.mail.backends.{name}.EmailBackend" for name in ("console", "dummy", "filebased")}


@check("accounts")
def check_email():
    path = setting("EMAIL_BACKEND")
    smtp = 'Write EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend" and EMAIL_HOST.'
    if not isinstance(loaded(path), type):
        yield _error(22, f"EMAIL_BACKEND {path!r} can't be imported, so no email is sent.", smtp)
    elif path in UNDELIVERED and not settings.DEBUG and not _fits(lambda _: is_on_this_machine(), None):
        yield _warning(
            9,
            f"EMAIL_BACKEND is {path}, so no email reaches anyone, not even to reset a password.",
            smtp,
        )


def languages():
    """Return the codes of the languages in LANGUAGES."""
    value = setting("LANGUAGES")
    pairs = value if isinstance(value, list | tuple) else []
    return [each[0] for each in pairs if isinstance(each, list | tuple) and each and isinstance(each[0], str)]


@check("accounts")
def check_languages():
    if not setting("USE_I18N"):
        return
    # Most projects don't set LANGUAGES, and Django's default has about a hundred.
    codes = [*(languages() if settings.is_overridden("LANGUAGES") else []), setting("LANGUAGE_CODE")]
    for code in dict.fromkeys(each for each in codes if isinstance(each, str)):
        if not code.startswith("en") and not _fits(_has_catalogue, code):
            yield _warning(
                10,
                f"accounts isn't translated into the language {code!r}, so people who use it see English pages.",
                f"Add a translation in LOCALE_PATHS, or remove {code!r} from LANGUAGES or LANGUAGE_CODE.",
            )


def _has_catalogue(code):
    # Django falls back to the site's language, then to the text itself.
    text = apps.get_model("accounts", "User")._meta.get_field("username").help_text
    texts = {}
    for each in (code, setting("LANGUAGE_CODE"), "en"):
        with translation.override(each):
            texts.setdefault(each, str(text))
    return texts[code] != texts["en"] and (
        code == setting("LANGUAGE_CODE") or texts[code] != texts[setting("LANGUAGE_CODE")]
    )


# The admin


@check("accounts")
def check_admin():
    if not apps.is_installed("django.contrib.admin"):
        return
    from accounts.admin_site import admins_without_mfa, unguarded_admins

    for path in unguarded_admins():
        yield _error(
            23,
            f"The login page of the admin at {path} has no rate limit and no two-step login.",
            'Write "accounts.apps.SecureAdminConfig" instead of "django.contrib.admin" in INSTALLED_APPS. Your own admin '
            "site must inherit from accounts.admin_site.SecureAdminSite.",
        )
    if app_settings.ADMIN_REQUIRES_MFA is True and (paths := admins_without_mfa()):
        yield _error(
            25,
            f"ADMIN_REQUIRES_MFA is True, but the admin at {', '.join(paths)} can't require two-step login.",
            'Add "allauth.mfa" to INSTALLED_APPS and use accounts.admin_site.SecureAdminSite, or remove ADMIN_REQUIRES_MFA.',
        )
