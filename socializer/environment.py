"""Reads settings from the environment, and explains wrong values.

Each function returns the value of one variable, or `default` if the variable is unset or empty. If the value is invalid, it
raises ImproperlyConfigured with the name of the variable.
"""

from importlib.util import find_spec
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

import environ
from django.conf.locale import LANG_INFO
from django.core.exceptions import ImproperlyConfigured

from accounts.common.addresses import ascii_host
from accounts.defaults import catalogues_in
from accounts.validators import is_username
from socializer.database.sqlite import Connection

REQUIRED = object()
SQLITE = "socializer.database.sqlite"
POSTGRESQL = "socializer.database.postgresql"
DATABASE_SCHEMES = ("sqlite", "postgres", "postgresql")

_env = environ.Env()
_warnings = []


def read_env_file(path):
    """Read variables from the file at `path`, if it exists. Real environment variables override them."""
    _env.read_env(path)


def renamed(name, former):
    """Return `former`, the variable's name in the last release, if only that one is set, and otherwise `name`.

    Adds a warning if `former` is set. The next release ignores former names.
    """
    if not text(former, ""):
        return name
    if text(name, ""):
        _warn(f"{former} is now called {name}, which is also set. Remove {former}.")
        return name
    _warn(f"{former} is now called {name}. Rename it in .env: the next release ignores the old name.")
    return former


def warnings():
    """Return sentences about settings that the next release will no longer support."""
    return list(_warnings)


def _warn(sentence):
    if sentence not in _warnings:
        _warnings.append(sentence)


def text(name, default=REQUIRED):
    value = _env.str(name, default="").strip()
    if value:
        return value
    if default is REQUIRED:
        raise ImproperlyConfigured(f"{name} is not set. See .env.example.")
    return default


def comma_separated(name):
    """Return a list of the parts that are separated by commas."""
    return [part.strip() for part in text(name, "").split(",") if part.strip()]


def usernames(name):
    """Return a list of usernames that are separated by commas, in lower case and without "@"."""
    found = [part.removeprefix("@").lower() for part in comma_separated(name)]
    for username in found:
        if not is_username(username):
            raise ImproperlyConfigured(
                f"{name} contains {username!r}, which isn't a username. Write usernames separated by commas."
            )
    return found


def domains(name):
    """Return a list of domains in lower case and ASCII, which are separated by commas."""
    names = comma_separated(name)
    try:
        return [ascii_host(domain.removeprefix("@")) for domain in names]
    except UnicodeError as error:
        raise ImproperlyConfigured(f"{name} must be domains separated by commas: {error}") from error


def languages(name, folder):
    """Return a list of codes of languages that have a catalogue in `folder`, which are separated by commas."""
    found = [code.lower().replace("_", "-") for code in comma_separated(name)]
    known = sorted(code for code in catalogues_in(folder) if code in LANG_INFO)
    for code in found:
        if code not in known:
            raise ImproperlyConfigured(
                f"{name} contains {code!r}, which has no catalogue. Write some of these, separated by commas: {', '.join(known)}."
            )
    return found


def boolean(name, default):
    value = str(text(name, default)).lower()
    if value in ("1", "true", "yes", "on"):
        return True
    if value in ("0", "false", "no", "off"):
        return False
    raise ImproperlyConfigured(f"{name} is {value!r}. Write 1 or 0.")


def whole_number(name, default, most=10**6):
    value = str(text(name, default))
    if not (value.isascii() and value.isdigit() and len(value) <= len(str(most)) and int(value) <= most):
        raise ImproperlyConfigured(f"{name} is {value!r}. Write a whole number from 0 to {most:,}.")
    return int(value)


def port(name, default):
    value = whole_number(name, default)
    if not 1 <= value <= 65535:
        raise ImproperlyConfigured(f"{name} is {value}. Write a port number from 1 to 65535.")
    return value


def limit(name, default):
    """Return the count and the seconds of a rate limit such as 200/600."""
    value = text(name, default)
    count, _slash, seconds = value.partition("/")
    if not all(part.isascii() and part.isdigit() and int(part) > 0 for part in (count, seconds)):
        raise ImproperlyConfigured(
            f"{name} is {value!r}. Write a number and a time in seconds, such as 200/600."
        )
    return int(count), int(seconds)


def choice(name, options, default):
    value = text(name, default)
    if value not in options:
        raise ImproperlyConfigured(f"{name} is {value!r}. Write one of: {', '.join(options)}.")
    return value


def time_zone(name, default):
    value = text(name, default)
    try:
        ZoneInfo(value)
    except (ValueError, OSError, KeyError) as error:
        raise ImproperlyConfigured(f"{name} is {value!r}. Write a name such as Europe/Berlin.") from error
    return value


def secret_key(name):
    value = text(name)
    if len(value) < 50 or len(set(value)) < 5:
        raise ImproperlyConfigured(f"{name} is too short to be secure. Write at least 50 random characters.")
    return value


def site_url(name, default):
    """Return the address of the site in the form that browsers use: scheme and host, without a path or a trailing slash."""
    value = text(name, default).rstrip("/")
    try:
        parts = urlsplit(value)
        bare = parts._replace(netloc="") == urlsplit(f"{parts.scheme}://")
        right = (
            parts.scheme in DEFAULT_PORTS and parts.hostname and parts.port != 0 and bare and "@" not in value
        )
        host = _as_browsers_write_it(parts) if right else ""
    except ValueError:
        host = ""
    if not host:
        raise ImproperlyConfigured(f"{name} is {value!r}. Write it as https://social.example.com.")
    return f"{parts.scheme}://{host}"


DEFAULT_PORTS = {"http": 80, "https": 443}


def _as_browsers_write_it(parts):
    """Return the host and port of a split URL, in lower case and ASCII, without the default port."""
    host = parts.hostname.removesuffix(".")
    if ":" in host:
        host = f"[{host}]"
    elif not host.isascii():
        host = ascii_host(host)
    return host if parts.port in (None, DEFAULT_PORTS[parts.scheme]) else f"{host}:{parts.port}"


def database(name, default, base_dir):
    """Return the DATABASES entry for a sqlite:// or postgres:// URL, with the right options for the engine."""
    value = text(name, default)
    if value.partition(":")[0] not in DATABASE_SCHEMES or value in ("sqlite://", "sqlite:///:memory:"):
        raise ImproperlyConfigured(f"{name} must start with sqlite:/// and a path, or with postgres://.")
    address, _mark, query = value.partition("?")
    try:
        config = _env.db_url_config(address)
        parameters = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
    except Exception as error:  # django-environ raises many kinds of errors.
        raise ImproperlyConfigured(f"{name} can't be read: {error}") from error
    if value.startswith("sqlite:"):
        if parameters:
            raise ImproperlyConfigured(
                f"{name} has a question mark. Only a postgres:// URL takes parameters."
            )
        # A relative path must refer to the same file, no matter in which folder a command runs.
        return config | {"ENGINE": SQLITE, "NAME": base_dir / config["NAME"]} | SQLITE_TUNING
    tuning = _postgresql_tuning(name, parameters)
    # If it stayed in OPTIONS, it would override NAME, which tests and backups change.
    named = {"NAME": str(tuning["OPTIONS"].pop("dbname"))} if "dbname" in tuning["OPTIONS"] else {}
    return config | {"ENGINE": POSTGRESQL} | tuning | named


def direct_database(name, base_dir):
    """Return the DATABASES entry for PostgreSQL itself behind a pooler, or an empty dict if the variable isn't set."""
    if not text(name, ""):
        return {}
    entry = database(name, REQUIRED, base_dir)
    if entry["ENGINE"] == SQLITE:
        raise ImproperlyConfigured(f"{name} must start with postgres://. Backups of SQLite don't need it.")
    if not entry["NAME"]:
        raise ImproperlyConfigured(
            f"{name} names no database. Write it as postgres://user:password@host:5432/name."
        )
    return entry


# A writer takes the lock when its transaction begins, so it waits instead of failing later with "database is locked". In WAL
# mode, readers never wait. The cache is small because each thread has a connection with its own cache, and the operating
# system caches the file as well.
SQLITE_TUNING = {
    "CONN_MAX_AGE": 600,
    "OPTIONS": {
        "factory": Connection,
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",
        "init_command": (
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; "
            "PRAGMA cache_size=-4000; PRAGMA temp_store=MEMORY"
        ),
    },
}


def _postgresql_tuning(name, parameters):
    """Return the part of the DATABASES entry for these URL parameters, which are a list of pairs.

    Each thread keeps its connection, because opening one takes longer than a page, and checks it before each request. With
    pool=false, each request opens a new one. pooler=transaction suits pgbouncer, which assigns a server session to a client
    for one transaction only.
    """
    options = {key: int(value) if value.isdecimal() else value for key, value in parameters}
    if len(options) < len(parameters):
        raise ImproperlyConfigured(f"{name} has the same parameter twice.")
    pool = str(options.pop("pool", "true")).lower()
    pooler = options.pop("pooler", None)
    if pool not in ("true", "1", "false", "0"):
        raise ImproperlyConfigured(f"{name} has pool={pool}. Write pool=true or pool=false.")
    if pooler not in (None, "transaction"):
        raise ImproperlyConfigured(
            f"{name} has pooler={pooler}. Write pooler=transaction, which also works with poolers in session mode."
        )
    if unknown := options.keys() - libpq_parameters():
        raise ImproperlyConfigured(
            f"{name} has the unknown parameter {min(unknown)}. Use pool, pooler or a parameter of libpq."
        )
    if pooler and "options" in options:
        raise ImproperlyConfigured(
            f"{name} has pooler and options, but poolers reject options. Set them in the database with ALTER ROLE ... SET."
        )
    if not pooler:
        options["options"] = f"{SESSION_OPTIONS} {options.get('options', '')}".strip()
    return {
        "CONN_MAX_AGE": 600 if pool in ("true", "1") else 0,
        "CONN_HEALTH_CHECKS": True,
        "DISABLE_SERVER_SIDE_CURSORS": bool(pooler),
        "OPTIONS": CLIENT_OPTIONS | options,
    }


# Timeline queries are too short to benefit from the JIT compiler. Nothing, including a migration, waits for a lock for more
# than a minute, because a statement that waits for a lock on a whole table blocks all others. The server cancels
# statements of clients that have disconnected. It checks every two seconds, and notices a broken network within a minute.
SESSION_OPTIONS = (
    "-c jit=off -c lock_timeout=60s -c client_connection_check_interval=2s "
    "-c tcp_keepalives_idle=30 -c tcp_keepalives_interval=10 -c tcp_keepalives_count=3"
)
# Limits of the client, in seconds, except the last one, which is in milliseconds. Requests have stricter limits: see
# socializer/database/.
CLIENT_OPTIONS = {
    "connect_timeout": 5,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}


def libpq_parameters():
    """Return the names of all connection parameters of the PostgreSQL client library."""
    from psycopg.pq import Conninfo  # A site on SQLite doesn't need the library.

    return {parameter.keyword.decode() for parameter in Conninfo.get_defaults()}


def cache(name, default):
    """Return the CACHES entry for a locmemcache://, redis:// or rediss:// URL."""
    value = text(name, default)
    if urlsplit(value).scheme not in ("locmemcache", "redis", "rediss"):
        raise ImproperlyConfigured(f"{name} must start with redis://, rediss:// or locmemcache://.")
    config = _env.cache_url_config(value) | {"KEY_PREFIX": "socializer"}
    if not value.startswith("locmem"):
        config["OPTIONS"] = CACHE_TIMEOUTS | config.get("OPTIONS", {})
    return config


# How many seconds a request waits for a Redis server that doesn't respond.
CACHE_TIMEOUTS = {"socket_timeout": 0.25, "socket_connect_timeout": 0.25}


def media_url(name, default):
    """Return the base URL of uploaded files: a path on this site or a full URL, with a trailing slash."""
    value = text(name, default)
    parts = urlsplit(value)
    elsewhere = parts.scheme in ("http", "https") and parts.netloc
    if (
        not value.endswith("/")
        or value == "/"
        or not (elsewhere or (value.startswith("/") and not parts.netloc))
    ):
        raise ImproperlyConfigured(f"{name} is {value!r}. Write /media/ or https://pictures.example.com/.")
    return value


def storage(name, default):
    """Return the STORAGES entry for a value that contains the dotted path of a class and, after a question mark, its options."""
    path, _mark, query = text(name, default).partition("?")
    module = path.rpartition(".")[0]
    try:
        found = find_spec(module)
    except (ImportError, ValueError):
        found = None
    if not found:
        raise ImproperlyConfigured(f"{name} names {path!r}, which is not installed. See docs/deploy.md.")
    booleans = {"true": True, "false": False}
    return {"BACKEND": path, "OPTIONS": {key: booleans.get(value, value) for key, value in parse_qsl(query)}}


def redis_url(name, default):
    value = text(name, default)
    if value and urlsplit(value).scheme not in ("redis", "rediss"):
        raise ImproperlyConfigured(f"{name} is {value!r}. Write it as redis://host:6379/1.")
    return value


def sender(name, default):
    """Return the sender of emails as a name and an address, such as Socializer <no-reply@social.example.com>."""
    value = text(name, default)
    start, at, host = value.rpartition("@")
    host, bracket, rest = host.partition(">")
    try:
        # Django would encode some hosts as another domain, because it uses IDNA 2003.
        host = host if host.isascii() else ascii_host(host)
    except UnicodeError as error:
        raise ImproperlyConfigured(f"{name} is {value!r}. Write it as Name <name@example.com>.") from error
    return f"{start}{at}{host}{bracket}{rest}"


SMTP_PORTS = {"smtp": 25, "smtp+tls": 587, "smtp+ssl": 465}


def email(name, default):
    """Return Django's EMAIL_* settings for a URL such as smtp+tls://user:password@host:587."""
    value = text(name, default)
    try:
        config = _env.email_url_config(value)
    except Exception as error:
        raise ImproperlyConfigured(f"{name} can't be read: {error}") from error
    if value.startswith("smtps:"):
        raise ImproperlyConfigured(f"{name} starts with smtps://. Write smtp+ssl:// or smtp+tls://.")
    scheme = urlsplit(value).scheme
    if (scheme in SMTP_PORTS and not config["EMAIL_HOST"]) or (
        scheme == "filemail" and not config["EMAIL_FILE_PATH"]
    ):
        raise ImproperlyConfigured(f"{name} has no target. Add a host, or four slashes and a folder.")
    port = config["EMAIL_PORT"] or SMTP_PORTS.get(scheme)
    return config | {"EMAIL_PORT": port, "EMAIL_TIMEOUT": 20}
