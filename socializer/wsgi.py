"""The entry for WSGI servers; script/server runs gunicorn on it."""

import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "socializer.settings")

application = get_wsgi_application()

if not settings.DEBUG:  # Whoever develops starts it anew with every change.
    from socializer.warming import warm_up  # It needs the applications to be ready.

    warm_up(application)
