"""Settings of the site, read from the environment and the file .env; .env.example explains each.

Nothing here differs between one small machine and many: only variables do. SITE_URL's scheme decides
about everything that needs https, TRUSTED_PROXIES about everything that a reverse proxy may say.
"""

import logging
import os
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from csp.constants import NONE, SELF
from django.conf.locale import LANG_INFO
from django.urls import reverse
from django.utils.translation import to_language

from socializer import environment as env
from socializer.logs import logging_settings

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = BASE_DIR / "var"

env.read_env_file(os.environ.get("ENV_FILE") or BASE_DIR / ".env")

# The site

DEBUG = env.boolean("DEBUG", False)
SECRET_KEY = env.secret_key("SECRET_KEY")
SITE_NAME = env.text("SITE_NAME", "Socializer")
SITE_URL = env.site_url("SITE_URL", f"http://localhost:{env.port('PORT', 8000)}")
TRUSTED_PROXIES = env.whole_number("TRUSTED_PROXIES", 0)

_site = urlsplit(SITE_URL)
_port = f":{_site.port}" if _site.port else ""
_host = _site.netloc.removesuffix(_port)
HTTPS = _site.scheme == "https"
# On one's own machine: the demo network may be made, and browsers may say either name.
LOCAL = _host in ("localhost", "127.0.0.1", "[::1]")

ALLOWED_HOSTS = [_host, *(["localhost", "127.0.0.1"] if LOCAL else [])]
ALLOWED_HOSTS += env.words("ALLOWED_HOSTS")

# Whom to write to about the site; shown on the about page.
CONTACT_EMAIL = env.text("CONTACT_EMAIL", "")

# Applications

INSTALLED_APPS = [
    "socializer",
    "posts",
    "accounts",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "csp",
    "django_htmx",
    "django_structlog",
    "django_tasks",
    "django_tasks_db",
    "health_check",
    "heroicons",
    "socializer.apps.SocializerAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.sitemaps",
    "django.contrib.staticfiles",
]

MIDDLEWARE = [
    "socializer.middleware.DeadlineMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "socializer.middleware.PermissionsPolicyMiddleware",
    "socializer.middleware.MethodNotAllowedPageMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "socializer.media.PictureMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "socializer.middleware.LanguageMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "accounts.middleware.MemberMiddleware",
    "accounts.middleware.DeviceMiddleware",
    "accounts.middleware.RateLimitMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "accounts.middleware.NotFoundMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "accounts.middleware.ConflictMiddleware",
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

# Where things are kept

DATABASES = {"default": env.database("DATABASE_URL", "sqlite:///var/socializer.sqlite3", BASE_DIR)}
CACHES = {
    "default": env.cache("CACHE_URL", "locmemcache://"),
    # What is the same on many pages, such as the navigation, for a process to keep: {% cache %} looks for this name.
    "template_fragments": {
        "BACKEND": f"django.core.cache.backends.{'dummy.DummyCache' if DEBUG else 'locmem.LocMemCache'}",
        "LOCATION": "template_fragments",
    },
}

# Backups of the database and the pictures. The address of PostgreSQL itself, where DATABASE_URL is that of a pooler.
BACKUP_DATABASE = env.direct_database("BACKUP_DATABASE_URL", BASE_DIR)
BACKUP_DIR = BASE_DIR / env.text("BACKUP_DIR", "var/backups")
# After how many hours the worker makes the next one; 0: never.
BACKUP_EVERY = env.whole_number("BACKUP_EVERY", 0)
BACKUP_KEEP_DAILY = env.whole_number("BACKUP_KEEP_DAILY", 7) or 1
BACKUP_KEEP_WEEKLY = env.whole_number("BACKUP_KEEP_WEEKLY", 4)

# Jobs are rows in the same database: a change and its consequences commit or roll back together.
TASKS = {"default": {"BACKEND": "accounts.jobs.backend.JobBackend", "QUEUES": []}}

# How the home timeline is stored and read; see posts/timelines/base.py.
HOME_TIMELINE = env.text("HOME_TIMELINE", "posts.timelines.normalized.NormalizedTimeline")

# The Redis of the fan-out timelines; that of the cache, if it has one.
_cache_redis = CACHES["default"]["LOCATION"] if CACHES["default"]["BACKEND"].endswith("RedisCache") else ""
TIMELINE_REDIS_URL = env.redis_url("TIMELINE_REDIS_URL", _cache_redis)

# People: accounts, log-in, sessions

AUTH_USER_MODEL = "accounts.User"
# A request stores its session in the transaction of what else it does.
SESSION_ENGINE = "accounts.sessions"
AUTHENTICATION_BACKENDS = ["accounts.backends.AuthenticationBackend"]
# How far a member has read comes along with them.
USER_SELECT_RELATED = ["read_mark"]
ABSOLUTE_URL_OVERRIDES = {
    "accounts.user": lambda user: reverse("posts:profile", args=[user.username]),
}
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "posts:home"
LOGOUT_REDIRECT_URL = "posts:home"

ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_FORMS = {
    "add_email": "accounts.forms.ChangeEmailForm",
    "change_password": "accounts.forms.ChangePasswordForm",
    "login": "accounts.forms.LoginForm",
    "reauthenticate": "accounts.forms.ReauthenticateForm",
    "request_login_code": "accounts.forms.RequestLoginCodeForm",
    "reset_password": "accounts.forms.ResetPasswordForm",
    "reset_password_from_key": "accounts.forms.ResetPasswordKeyForm",
    "set_password": "accounts.forms.SetPasswordForm",
    "signup": "accounts.forms.SignupForm",
}
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email*", "password1*"]
ACCOUNT_SIGNUP_REDIRECT_URL = "accounts:index"
ACCOUNT_PRESERVE_USERNAME_CASING = False
ACCOUNT_USERNAME_MIN_LENGTH = 3
ACCOUNT_USERNAME_VALIDATORS = "accounts.validators.username_validators"
ACCOUNT_EMAIL_VERIFICATION = env.choice("EMAIL_VERIFICATION", ("none", "optional", "mandatory"), "optional")
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_LOGIN_ON_PASSWORD_RESET = True
ACCOUNT_PASSWORD_RESET_TOKEN_GENERATOR = "accounts.tokens.PasswordResetTokenGenerator"  # noqa: S105
ACCOUNT_LOGIN_BY_CODE_ENABLED = env.boolean("LOGIN_BY_CODE", False)
# Attempts. The limits per address (of IPv6, per /64) are tight where they stop guessing and loose where people share a
# router; the one per account is loose, so that strangers cannot lock a member out.
ACCOUNT_RATE_LIMITS = {
    "login": "120/m/ip",
    "login_failed": "20/m/ip,60/10m/key",
    "signup": "120/m/ip",
    # These email whatever address is typed, so the hour counts as well.
    "reset_password": "20/m/ip,5/m/key,20/h/key",
    "request_login_code": "20/m/ip,3/m/key,20/h/key",
    "manage_email": "10/m/user,30/h/user",
    "picture": "30/h/user",
}
ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXIES
ACCOUNT_REAUTHENTICATION_REQUIRED = True

# The second factor: an app's codes, passkeys (which may also stand for the password), and codes for a lost device.
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_FORMS = {
    "activate_totp": "accounts.forms.ActivateTOTPForm",
    "add_webauthn": "accounts.forms.AddPasskeyForm",
    "edit_webauthn": "accounts.forms.RenamePasskeyForm",
    "authenticate_webauthn": "accounts.forms.AuthenticatePasskeyForm",
    "login_webauthn": "accounts.forms.LoginPasskeyForm",
    "reauthenticate_webauthn": "accounts.forms.ReauthenticatePasskeyForm",
}
MFA_TOTP_ISSUER = SITE_NAME
# Browsers let passkeys be tried out on one's own machine without https.
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = LOCAL
ADMIN_SECOND_FACTOR = env.boolean("ADMIN_SECOND_FACTOR", HTTPS)

PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

# How often a thing may be done: so many in so many seconds. Counted is what was done, also if it was undone later.

SIGNUP_LIMIT = env.limit("SIGNUP_LIMIT", "5/3600")  # per address; of IPv6, per /64
POST_LIMIT = env.limit("POST_LIMIT", "200/600")
FOLLOW_LIMIT = env.limit("FOLLOW_LIMIT", "300/600")
BLOCK_LIMIT = env.limit("BLOCK_LIMIT", "200/3600")
REPORT_LIMIT = env.limit("REPORT_LIMIT", "50/86400")
PROFILE_LIMIT = env.limit("PROFILE_LIMIT", "60/3600")
EXPORT_LIMIT = env.limit("EXPORT_LIMIT", "20/3600")

# How long after posting a text can be edited
EDIT_MINUTES = env.whole_number("EDIT_MINUTES", 15)

# Mail

vars().update(env.email("EMAIL_URL", "consolemail://"))
DEFAULT_FROM_EMAIL = env.sender("DEFAULT_FROM_EMAIL", f"{SITE_NAME} <no-reply@{_site.hostname}>")
SERVER_EMAIL = DEFAULT_FROM_EMAIL
# Whether mail reaches anybody: on the console and in memory it does not.
MAIL_LEAVES = env.text("EMAIL_URL", "").startswith("smtp")

# How many times faster than on a real site everything waits: retries, the hour between two mails. For trials.
OUTBOX_PACE = env.whole_number("OUTBOX_PACE", 1) or 1

# Words and times

LANGUAGE_CODE = "en"
LOCALE_PATHS = [BASE_DIR / "socializer" / "locale"]
# One for each catalogue that is there, called as its speakers call it.
_codes = sorted(
    to_language(catalogue.parts[-3]) for catalogue in LOCALE_PATHS[0].glob("*/LC_MESSAGES/django.mo")
)
LANGUAGES = [(code, LANG_INFO[code]["name_local"]) for code in _codes]
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SECURE = HTTPS
TIME_ZONE = env.time_zone("TIME_ZONE", "UTC")
USE_I18N = True
USE_TZ = True

# Static files: hashed names, compressed once

STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"
STORAGES = {
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

# Pictures of members: a folder, or any object store that Django has a storage for

MEDIA_URL = env.media_url("MEDIA_URL", "/media/")
MEDIA_ROOT = VAR_DIR / "media"
STORAGES["default"] = env.storage("MEDIA_STORAGE", "django.core.files.storage.FileSystemStorage")
PICTURE_MAX_BYTES = env.whole_number("PICTURE_MAX_BYTES", 5 * 1024 * 1024, most=10**8)
PICTURE_MAX_PIXELS = env.whole_number("PICTURE_MAX_PIXELS", 50_000_000, most=10**9)
FILE_UPLOAD_HANDLERS = [
    "accounts.uploads.BoundedUploadHandler",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]
DATA_UPLOAD_MAX_NUMBER_FILES = 1
_media = urlsplit(MEDIA_URL)

# What browsers are told

# A proxy may leave the port out of the Host header, as nginx's $host does: forms come from these origins all the same,
# and the redirect to https needs to know the port.
CSRF_TRUSTED_ORIGINS = [
    f"{_site.scheme}://{'*' if host.startswith('.') else ''}{host}{_port}"
    for host in ALLOWED_HOSTS
    if host != "*"
]
SECURE_SSL_HOST = _site.netloc
SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
# Preloading binds a whole domain for years: that is its owner's promise to make.
SILENCED_SYSTEM_CHECKS = ["security.W021"]
# Probes come from inside, by http.
SECURE_REDIRECT_EXEMPT = [r"^livez/$", r"^healthz/$"]
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
MESSAGE_STORAGE = "accounts.messages.MessageStorage"
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "socializer.views.csrf_failure"
if TRUSTED_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
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
}

# Room for a text far too long, so that it can be given back with a word about it.
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1000

# Logs: one structured line per event, on standard error

LOG_FORMAT = env.choice("LOG_FORMAT", ("console", "json"), "console")
LOG_LEVEL = env.choice("LOG_LEVEL", ("DEBUG", "INFO", "WARNING", "ERROR"), "INFO")

# One line per request, when it is answered.
DJANGO_STRUCTLOG_STATUS_START_LOG_LEVEL = logging.DEBUG
# Its own way to find an address believes any header; see socializer.apps.
DJANGO_STRUCTLOG_IP_LOGGING_ENABLED = False

LOGGING = logging_settings(LOG_FORMAT, LOG_LEVEL)

# Development: script/server --dev

if DEBUG and find_spec("debug_toolbar"):
    INSTALLED_APPS += ["debug_toolbar"]
    MIDDLEWARE.insert(0, "debug_toolbar.middleware.DebugToolbarMiddleware")
    INTERNAL_IPS = ["127.0.0.1", "::1"]
