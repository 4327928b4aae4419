"""Settings of the site, read from the environment and the file .env. .env.example explains each variable.

Sites on one machine and on many differ only in these variables. An https SITE_URL turns on everything that needs https, and
TRUSTED_PROXIES turns on the use of headers from a reverse proxy.
"""

import os
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from posts.defaults import *  # noqa: F403
from posts.defaults import ACCOUNTS_MIDDLEWARE, POSTS_APPS, languages_in
from socializer import environment as env
from socializer.logs import logging_settings

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = BASE_DIR / "var"

env.read_env_file(os.environ.get("ENV_FILE") or BASE_DIR / ".env")

# The site

BASE_TEMPLATE = "base.html"
DEBUG = env.boolean("DEBUG", False)
SECRET_KEY = env.secret_key("SECRET_KEY")
SITE_NAME = env.text("SITE_NAME", "Socializer")
SITE_URL = env.site_url("SITE_URL", f"http://localhost:{env.port('PORT', 8000)}")
TRUSTED_PROXIES = env.whole_number("TRUSTED_PROXIES", 0)

_site = urlsplit(SITE_URL)
_port = f":{_site.port}" if _site.port else ""
_host = _site.netloc.removesuffix(_port)
HTTPS = _site.scheme == "https"
# On a developer's machine, browsers may use any of these names, and script/server may create the demo network.
LOCAL = _host in ("localhost", "127.0.0.1", "[::1]")

ALLOWED_HOSTS = [_host, *(["localhost", "127.0.0.1"] if LOCAL else [])]
ALLOWED_HOSTS += env.comma_separated("ALLOWED_HOSTS")

# The about page shows this address.
CONTACT_EMAIL = env.text("CONTACT_EMAIL", "")
RULES_URL = "rules"

# New members are invited to follow these people first.
SUGGESTED_PEOPLE = env.usernames("SUGGESTED_PEOPLE")

# Applications

INSTALLED_APPS = [
    "socializer",
    *POSTS_APPS,
    "allauth.mfa",
    "allauth.usersessions",
    "health_check",
    "accounts.apps.SecureAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.sitemaps",
    "django.contrib.staticfiles",
]

MIDDLEWARE = [
    "socializer.middleware.DeadlineMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "socializer.middleware.PolicyMiddleware",
    "socializer.middleware.MethodNotAllowedPageMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "socializer.media.PictureMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "socializer.middleware.LanguageMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "socializer.logs.RequestLogMiddleware",
    "socializer.media.MemberPictureMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    *ACCOUNTS_MIDDLEWARE,
]

ROOT_URLCONF = "socializer.urls"
WSGI_APPLICATION = "socializer.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "accounts.context_processors.site",
            ],
        },
    },
]

# Storage

DATABASES = {"default": env.database("DATABASE_URL", "sqlite:///var/socializer.sqlite3", BASE_DIR)}
CACHES = {"default": env.cache("CACHE_URL", "locmemcache://")}

# The direct address of PostgreSQL for backups, if DATABASE_URL is the address of a pooler.
BACKUP_DATABASE = env.direct_database("BACKUP_DATABASE_URL", BASE_DIR)
BACKUP_DIR = BASE_DIR / env.text("BACKUP_DIR", "var/backups")
# 0 turns scheduled backups off.
BACKUP_INTERVAL_HOURS = env.whole_number(env.renamed("BACKUP_INTERVAL_HOURS", "BACKUP_EVERY"), 0)
BACKUP_KEEP_DAILY = env.whole_number("BACKUP_KEEP_DAILY", 7) or 1
BACKUP_KEEP_WEEKLY = env.whole_number("BACKUP_KEEP_WEEKLY", 4)

# How home timelines are stored and read: one of the names in posts/timelines/__init__.py.
HOME_TIMELINE = env.text("HOME_TIMELINE", "normalized")

# The Redis of the fan-out timelines. By default, the Redis of the cache.
_cache_redis = CACHES["default"]["LOCATION"] if CACHES["default"]["BACKEND"].endswith("RedisCache") else ""
TIMELINE_REDIS_URL = env.redis_url("TIMELINE_REDIS_URL", _cache_redis)

# Accounts and login

ACCOUNT_EMAIL_VERIFICATION = env.choice("EMAIL_VERIFICATION", ("none", "optional", "mandatory"), "optional")
ACCOUNT_LOGIN_BY_CODE_ENABLED = env.boolean("LOGIN_BY_CODE", False)
ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXIES
MFA_TOTP_ISSUER = SITE_NAME
# On localhost, browsers allow passkeys without https.
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = LOCAL
ADMIN_REQUIRES_MFA = env.boolean(env.renamed("ADMIN_REQUIRES_MFA", "ADMIN_SECOND_FACTOR"), HTTPS)

# First values of what administrators change in the admin while the site runs, under "Site settings".

SIGNUP_MODE = env.choice("SIGNUP_MODE", ("open", "invitation", "approval", "closed"), "open")
SIGNUPS_PER_HOUR = env.whole_number("SIGNUPS_PER_HOUR", 20)
INVITATIONS_PER_MEMBER = env.whole_number("INVITATIONS_PER_MEMBER", 0, most=1000)
REFUSED_EMAIL_DOMAINS = env.domains("REFUSED_EMAIL_DOMAINS")
NEW_ACCOUNT_HOURS = env.whole_number("NEW_ACCOUNT_HOURS", 24, most=10_000)
MEMBERS_ONLY = env.boolean("MEMBERS_ONLY", False)

# Rate limits: a number and a time in seconds. They count accepted actions, even if these are undone later.

SIGNUP_LIMIT = env.limit("SIGNUP_LIMIT", "5/3600")  # per address (per /64 for IPv6)
POST_LIMIT = env.limit("POST_LIMIT", "200/600")
LIKE_LIMIT = env.limit("LIKE_LIMIT", "300/600")
BOOKMARK_LIMIT = env.limit("BOOKMARK_LIMIT", "300/600")
FOLLOW_LIMIT = env.limit("FOLLOW_LIMIT", "300/600")
BLOCK_LIMIT = env.limit("BLOCK_LIMIT", "200/3600")
REPORT_LIMIT = env.limit("REPORT_LIMIT", "50/86400")
PROFILE_LIMIT = env.limit("PROFILE_LIMIT", "60/3600")
EXPORT_LIMIT = env.limit("EXPORT_LIMIT", "20/3600")

# How long members can edit a post
EDIT_MINUTES = env.whole_number("EDIT_MINUTES", 15)

# Email

vars().update(env.email("EMAIL_URL", "consolemail://"))
DEFAULT_FROM_EMAIL = env.sender("DEFAULT_FROM_EMAIL", f"{SITE_NAME} <no-reply@{_site.hostname}>")
SERVER_EMAIL = DEFAULT_FROM_EMAIL
# Whether emails are really sent, rather than printed or stored in files or in memory.
EMAIL_IS_DELIVERED = env.text("EMAIL_URL", "").startswith("smtp")

# Languages and times

LANGUAGE_CODE = "en"
LOCALE_PATHS = [BASE_DIR / "socializer" / "locale"]
# Every language whose catalogue is finished, with its name in that language, and those that the operator adds.
LANGUAGES = languages_in(LOCALE_PATHS[0], extra=env.languages("EXTRA_LANGUAGES", LOCALE_PATHS[0]))
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SECURE = HTTPS
TIME_ZONE = env.time_zone("TIME_ZONE", "UTC")
USE_I18N = True
USE_TZ = True

# Static files, compressed, with a hash in their names

STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"
STORAGES = {
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

# Profile pictures, in a folder or in any object store that has a Django storage class

MEDIA_URL = env.media_url("MEDIA_URL", "/media/")
MEDIA_ROOT = VAR_DIR / "media"
STORAGES["default"] = env.storage("MEDIA_STORAGE", "django.core.files.storage.FileSystemStorage")
PICTURE_MAX_BYTES = env.whole_number("PICTURE_MAX_BYTES", 5 * 1024 * 1024, most=10**8)
PICTURE_MAX_PIXELS = env.whole_number("PICTURE_MAX_PIXELS", 50_000_000, most=10**9)
DATA_UPLOAD_MAX_NUMBER_FILES = 1
_media = urlsplit(MEDIA_URL)

# Security

# A proxy may omit the port from the Host header, as nginx's $host does. Forms still come from these origins, and the redirect to
# https needs the port.
CSRF_TRUSTED_ORIGINS = [
    f"{_site.scheme}://{'*' if host.startswith('.') else ''}{host}{_port}"
    for host in ALLOWED_HOSTS
    if host != "*"
]
SECURE_SSL_HOST = _site.netloc
SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
# HSTS preloading commits a whole domain for years, so only its owner should turn it on.
SILENCED_SYSTEM_CHECKS = ["security.W021"]
# Health probes come from the internal network, over http.
SECURE_REDIRECT_EXEMPT = [r"^livez/$", r"^healthz/$"]
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "socializer.views.csrf_failure"
if TRUSTED_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

NONE, SELF = "'none'", "'self'"
CONTENT_SECURITY_POLICY = {
    "default-src": [NONE],
    "base-uri": [NONE],
    "connect-src": [SELF],
    "font-src": [SELF],
    "form-action": [SELF],
    "frame-ancestors": [NONE],
    "frame-src": [NONE],
    "img-src": [SELF, "data:", *([f"{_media.scheme}://{_media.netloc}"] if _media.netloc else [])],
    "manifest-src": [SELF],
    "media-src": [NONE],
    "object-src": [NONE],
    "script-src": [SELF],
    "style-src": [SELF],
    "worker-src": [NONE],
}
# Our pages don't use any of the device's sensors.
PERMISSIONS_POLICY = [
    "accelerometer",
    "camera",
    "display-capture",
    "geolocation",
    "gyroscope",
    "magnetometer",
    "microphone",
    "midi",
    "payment",
    "usb",
]

# Accept texts that are far too long, so that the page can show them again with an explanation.
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1000

# Logs: one line per event, on standard error

LOG_FORMAT = env.choice("LOG_FORMAT", ("console", "json"), "console")
LOG_LEVEL = env.choice("LOG_LEVEL", ("DEBUG", "INFO", "WARNING", "ERROR"), "INFO")

LOGGING = logging_settings(LOG_FORMAT, LOG_LEVEL)

# Development: script/server --dev

if DEBUG and find_spec("debug_toolbar"):
    INSTALLED_APPS += ["debug_toolbar"]
    # It can't change compressed pages.
    MIDDLEWARE.insert(
        MIDDLEWARE.index("django.middleware.gzip.GZipMiddleware") + 1,
        "debug_toolbar.middleware.DebugToolbarMiddleware",
    )
    INTERNAL_IPS = ["127.0.0.1", "::1"]
    # Open, it covers the page on a phone.
    DEBUG_TOOLBAR_CONFIG = {"SHOW_COLLAPSED": True}
