"""Reading settings from the environment, so that a wrong one is a sentence and not a surprise.

Every reader returns the value of one variable, or `default` where it is unset or empty, and raises
ImproperlyConfigured with the variable's name where the value cannot be meant.
"""

from importlib.util import find_spec
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

import environ
from django.core.exceptions import ImproperlyConfigured

from accounts.addresses import ascii_host
from socializer.database.sqlite import Connection

REQUIRED = object()
SQLITE = "socializer.database.sqlite"
POSTGRESQL = "socializer.database.postgresql"
DATABASE_SCHEMES = ("sqlite", "postgres", "postgresql")

_env = environ.Env()


def read_env_file(path):
    """Take variables from the file at `path`, if it is there. The real environment wins."""
    _env.read_env(path)


def text(name, default=REQUIRED):
    value = _env.str(name, default="").strip()
    if value:
        return value
    if default is REQUIRED:
        raise ImproperlyConfigured(f"{name} is not set. See .env.example.")
    return default


def words(name):
    """A list, written with commas between its parts."""
    return [word.strip() for word in text(name, "").split(",") if word.strip()]


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
    """So many in so many seconds, written 200/600. Returns the two numbers."""
    value = text(name, default)
    count, _slash, seconds = value.partition("/")
    if not all(part.isascii() and part.isdigit() and int(part) > 0 for part in (count, seconds)):
        raise ImproperlyConfigured(f"{name} is {value!r}. Write how many in how many seconds: 200/600.")
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
        raise ImproperlyConfigured(
            f"{name} is too short to keep a secret. Write 50 or more random characters."
        )
    return value


def site_url(name, default):
    """The address under which people reach the site, as browsers write it: scheme and host, no path, no slash at the end."""
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
    """Host and port of a URL that was split: in lower case and ASCII, without the port that goes without saying."""
    host = parts.hostname.removesuffix(".")
    if ":" in host:
        host = f"[{host}]"
    elif not host.isascii():
        host = ascii_host(host)
    return host if parts.port in (None, DEFAULT_PORTS[parts.scheme]) else f"{host}:{parts.port}"


def database(name, default, base_dir):
    """The DATABASES entry for a sqlite:// or postgres:// URL, with the options that suit the engine."""
    value = text(name, default)
    if value.partition(":")[0] not in DATABASE_SCHEMES or value in ("sqlite://", "sqlite:///:memory:"):
        raise ImproperlyConfigured(f"{name} must start with sqlite:/// and a path, or with postgres://.")
    address, _mark, query = value.partition("?")
    try:
        config = _env.db_url_config(address)
        parameters = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
    except Exception as error:  # django-environ raises what it happens to meet.
        raise ImproperlyConfigured(f"{name} cannot be read: {error}") from error
    if value.startswith("sqlite:"):
        if parameters:
            raise ImproperlyConfigured(
                f"{name} has a question mark. Only a postgres:// URL takes parameters."
            )
        # A relative path means the same file wherever a command is run from.
        return config | {"ENGINE": SQLITE, "NAME": base_dir / config["NAME"]} | SQLITE_TUNING
    tuning = _postgresql_tuning(name, parameters)
    # Where it would win over NAME, and so over that of a test or of a backup.
    named = {"NAME": str(tuning["OPTIONS"].pop("dbname"))} if "dbname" in tuning["OPTIONS"] else {}
    return config | {"ENGINE": POSTGRESQL} | tuning | named


def direct_database(name, base_dir):
    """The DATABASES entry for the address of PostgreSQL itself, behind a pooler; an empty one if it is not set."""
    if not text(name, ""):
        return {}
    entry = database(name, REQUIRED, base_dir)
    if entry["ENGINE"] == SQLITE:
        raise ImproperlyConfigured(
            f"{name} must start with postgres://. A backup of SQLite needs no address."
        )
    if not entry["NAME"]:
        raise ImproperlyConfigured(
            f"{name} names no database. Write it as postgres://user:password@host:5432/name."
        )
    return entry


# A writer takes the lock when its transaction begins, so that it waits its turn instead of failing in the
# middle with "database is locked"; in WAL mode readers never wait. Each thread has a connection, and each connection a cache of
# its own, so it is small: what is read often is in that of the operating system, too.
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
    """Return what belongs into the DATABASES entry for these parameters of the URL, a list of pairs.

    Each thread keeps its connection, as a new one costs more than a page, and checks it before each request; with
    pool=false each request has its own. pooler=transaction suits pgbouncer, which lends a session for one transaction only.
    """
    options = {key: int(value) if value.isdecimal() else value for key, value in parameters}
    if len(options) < len(parameters):
        raise ImproperlyConfigured(f"{name} has the same parameter twice.")
    kept = str(options.pop("pool", "true")).lower()
    pooler = options.pop("pooler", None)
    if kept not in ("true", "1", "false", "0"):
        raise ImproperlyConfigured(f"{name} has pool={kept}. Write pool=true or pool=false.")
    if pooler not in (None, "transaction"):
        raise ImproperlyConfigured(
            f"{name} has pooler={pooler}. Write pooler=transaction, which suits poolers in session mode, too."
        )
    if unknown := options.keys() - libpq_parameters():
        raise ImproperlyConfigured(
            f"{name} has the unknown parameter {min(unknown)}. Known are pool, pooler and the parameters of libpq."
        )
    if pooler and "options" in options:
        raise ImproperlyConfigured(
            f"{name} has pooler and options, which poolers refuse. Write the options into the database: ALTER ROLE ... SET."
        )
    if not pooler:
        options["options"] = f"{SESSION_OPTIONS} {options.get('options', '')}".strip()
    return {
        "CONN_MAX_AGE": 600 if kept in ("true", "1") else 0,
        "CONN_HEALTH_CHECKS": True,
        "DISABLE_SERVER_SIDE_CURSORS": bool(pooler),
        "OPTIONS": CLIENT_OPTIONS | options,
    }


# Timelines are too short for the JIT compiler to pay. Nothing waits for a lock for over a minute, migrations included: what
# waits for a whole table keeps all others from it. And the server gives up the work of a client that has gone: it looks
# every two seconds, and after a minute also notices a client whose network failed.
SESSION_OPTIONS = (
    "-c jit=off -c lock_timeout=60s -c client_connection_check_interval=2s "
    "-c tcp_keepalives_idle=30 -c tcp_keepalives_interval=10 -c tcp_keepalives_count=3"
)
# The client's own limits, in seconds and milliseconds. Requests have tighter ones: see socializer/database/.
CLIENT_OPTIONS = {
    "connect_timeout": 5,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}


def libpq_parameters():
    """Return the names of all connection parameters that the PostgreSQL client library knows."""
    from psycopg.pq import Conninfo  # A site on SQLite need not load it.

    return {parameter.keyword.decode() for parameter in Conninfo.get_defaults()}


def cache(name, default):
    """The CACHES entry for a locmemcache://, redis:// or rediss:// URL."""
    value = text(name, default)
    if urlsplit(value).scheme not in ("locmemcache", "redis", "rediss"):
        raise ImproperlyConfigured(f"{name} must start with redis://, rediss:// or locmemcache://.")
    config = _env.cache_url_config(value) | {"KEY_PREFIX": "socializer"}
    if not value.startswith("locmem"):
        config["OPTIONS"] = CACHE_TIMEOUTS | config.get("OPTIONS", {})
    return config


# What a request may lose by waiting for a Redis that does not answer, in seconds.
CACHE_TIMEOUTS = {"socket_timeout": 0.25, "socket_connect_timeout": 0.25}


def media_url(name, default):
    """Where browsers find uploaded files: a path on this site or an address, with a slash at the end."""
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
    """The STORAGES entry for the dotted path of a class and, after a question mark, its options."""
    path, _mark, query = text(name, default).partition("?")
    module = path.rpartition(".")[0]
    try:
        found = find_spec(module)
    except (ImportError, ValueError):
        found = None
    if not found:
        raise ImproperlyConfigured(f"{name} names {path!r}, which is not installed. See docs/deploy.md.")
    words = {"true": True, "false": False}
    return {"BACKEND": path, "OPTIONS": {key: words.get(value, value) for key, value in parse_qsl(query)}}


def redis_url(name, default):
    value = text(name, default)
    if value and urlsplit(value).scheme not in ("redis", "rediss"):
        raise ImproperlyConfigured(f"{name} is {value!r}. Write it as redis://host:6379/1.")
    return value


def sender(name, default):
    """A name and an address that emails come from, such as Socializer <no-reply@social.example.com>."""
    value = text(name, default)
    start, at, host = value.rpartition("@")
    host, bracket, rest = host.partition(">")
    try:
        # Django would send from another domain: it knows only IDNA 2003.
        host = host if host.isascii() else ascii_host(host)
    except UnicodeError as error:
        raise ImproperlyConfigured(f"{name} is {value!r}. Write it as Name <name@example.com>.") from error
    return f"{start}{at}{host}{bracket}{rest}"


SMTP_PORTS = {"smtp": 25, "smtp+tls": 587, "smtp+ssl": 465}


def email(name, default):
    """Django's EMAIL_* settings for a URL such as smtp+tls://user:password@host:587."""
    value = text(name, default)
    try:
        config = _env.email_url_config(value)
    except Exception as error:
        raise ImproperlyConfigured(f"{name} cannot be read: {error}") from error
    if value.startswith("smtps:"):
        raise ImproperlyConfigured(f"{name} starts with smtps://. Write smtp+ssl:// or smtp+tls://.")
    scheme = urlsplit(value).scheme
    if (scheme in SMTP_PORTS and not config["EMAIL_HOST"]) or (
        scheme == "filemail" and not config["EMAIL_FILE_PATH"]
    ):
        raise ImproperlyConfigured(f"{name} does not say where to: a host, or four slashes and a folder.")
    port = config["EMAIL_PORT"] or SMTP_PORTS.get(scheme)
    return config | {"EMAIL_PORT": port, "EMAIL_TIMEOUT": 20}
