"""Which optional apps of allauth are in INSTALLED_APPS. The models of the others must not be imported.

Import this module only after Django has loaded the apps, so don't import it in a settings file.
"""

from django.apps import apps

HAS_MFA = apps.is_installed("allauth.mfa")
HAS_USER_SESSIONS = apps.is_installed("allauth.usersessions")
