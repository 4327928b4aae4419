"""Settings of Django and allauth that this app needs: `from accounts.defaults import *` at the top of a settings file.

A project can override them below that line; accounts/checks.py reports values that don't work. The app's own settings are in
accounts/common/app_settings.py.
"""

import re
import struct
from pathlib import Path

from django.conf.locale import LANG_INFO
from django.utils.translation import to_language

# The folder with the translations, if the app was installed as a package.
CATALOGUES = Path(__file__).parent / "locale"


# Below this share of translated messages, a language is offered only if the operator says so.
OFFERED_FROM = 0.9


def languages_in(*folders, extra=()):
    """Return English and the languages with a catalogue in one of `folders`, as sorted (code, name in that language) pairs.

    Those with unfinished catalogues are left out, unless `extra` has their codes.
    """
    shares = catalogues_in(*folders) | dict.fromkeys(["en", *extra], 1)
    # Django has no name for some languages.
    return [
        (code, LANG_INFO[code]["name_local"])
        for code in sorted(shares)
        if shares[code] >= OFFERED_FROM and "name_local" in LANG_INFO.get(code, {})
    ]


def catalogues_in(*folders):
    """Return a dict of the languages with a catalogue in one of `folders`: code to the translated share of the messages."""
    shares = {}
    for path in (path for folder in folders for path in Path(folder).glob("*/LC_MESSAGES/django.mo")):
        code = to_language(path.parts[-3])
        shares[code] = max(translated_share(path), shares.get(code, 0))
    return shares


def translated_share(path):
    """Return which share of its messages a compiled catalogue translates. It is 1 if the catalogue doesn't say how many it has.

    `makemessages` writes their number to the header, which is the translation of the empty string, the first of all.
    """
    data = path.read_bytes()
    order = "<" if data[:4] == b"\xde\x12\x04\x95" else ">"
    try:
        count, table = struct.unpack_from(f"{order}8xI4xI", data)
        length, start = struct.unpack_from(f"{order}2I", data, table)
    except struct.error:
        return 1
    total = re.search(rb"^X-Messages: ([1-9]\d*)$", data[start : start + length], re.MULTILINE)
    return (count - 1) / int(total[1]) if total else 1


# These come before the project's apps, because they override templates, translations and commands of Django and allauth.
ACCOUNTS_APPS = [
    "accounts",
    "allauth",
    "allauth.account",
    "django_htmx",
    "django_tasks",
    "django_tasks_db",
    "heroicons",
    "django.contrib.humanize",
]
# These come after Django's own, in this order.
ACCOUNTS_MIDDLEWARE = [
    "accounts.middleware.MemberMiddleware",
    "accounts.middleware.PendingMiddleware",
    "accounts.middleware.AcceptanceMiddleware",
    "accounts.middleware.DeviceMiddleware",
    "accounts.middleware.RateLimitMiddleware",
    # Before allauth's, which redirects a 404 at the URL above its own pages.
    "accounts.middleware.NotFoundMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    # Last, so that when it repeats a request, the view gets the request as the other middleware left it.
    "accounts.middleware.ConflictMiddleware",
]

# Django's default is a hundred languages. In most of them, pages would be partly in English.
LANGUAGES = languages_in(CATALOGUES)

# English dates as "5 December 2026, 10:06".
FORMAT_MODULE_PATH = "accounts.formats"

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["accounts.backends.AuthenticationBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
# The adapter replaces the messages of these validators with ones that say what would be accepted.
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
# This stores the session in the same transaction as the other changes of a request.
SESSION_ENGINE = "accounts.sessions"
# Messages for one member aren't shown to the next one who uses the same browser.
MESSAGE_STORAGE = "accounts.messages.MessageStorage"
# Jobs are rows in the same database: a change and its consequences commit or roll back together.
TASKS = {"default": {"BACKEND": "accounts.jobs.backend.JobBackend", "QUEUES": []}}
# The first one stops an upload that is larger than PICTURE_MAX_BYTES.
FILE_UPLOAD_HANDLERS = [
    "accounts.uploads.BoundedUploadHandler",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]

LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "accounts:index"
LOGOUT_REDIRECT_URL = "account_login"

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
# The first page after sign-up or, where the address must be confirmed first, after the first login.
ACCOUNT_SIGNUP_REDIRECT_URL = "accounts:welcome"
ACCOUNT_PRESERVE_USERNAME_CASING = False
ACCOUNT_USERNAME_MIN_LENGTH = 3
ACCOUNT_USERNAME_VALIDATORS = "accounts.validators.username_validators"
# A member has one address. A new address replaces it when the new one is confirmed.
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_LOGIN_ON_PASSWORD_RESET = True
ACCOUNT_PASSWORD_RESET_TOKEN_GENERATOR = "accounts.tokens.PasswordResetTokenGenerator"  # noqa: S105
ACCOUNT_REAUTHENTICATION_REQUIRED = True
# Limits on attempts. The limits per address (per /64 for IPv6) are strict where they stop guessing, and generous where people
# may share a router. The limit per account is generous, so that strangers can't lock a member out.
ACCOUNT_RATE_LIMITS = {
    "login": "120/m/ip",
    "login_failed": "20/m/ip,60/10m/key",
    "signup": "120/m/ip",
    # These forms send email to any address that is entered, so they are also limited per hour.
    "reset_password": "20/m/ip,5/m/key,20/h/key",
    "request_login_code": "20/m/ip,3/m/key,20/h/key",
    "manage_email": "10/m/user,30/h/user",
    "picture": "30/h/user",
    # A password is checked at each pause while it is typed.
    "check_password": "120/m/ip",
}

# Two-step login, if allauth.mfa is installed: codes from an app, passkeys (which can also replace the password), and recovery
# codes.
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_FORMS = {
    "activate_totp": "accounts.security.forms.ActivateTOTPForm",
    "add_webauthn": "accounts.security.forms.AddPasskeyForm",
    "edit_webauthn": "accounts.security.forms.RenamePasskeyForm",
    "authenticate_webauthn": "accounts.security.forms.AuthenticatePasskeyForm",
    "login_webauthn": "accounts.security.forms.LoginPasskeyForm",
    "reauthenticate_webauthn": "accounts.security.forms.ReauthenticatePasskeyForm",
}
