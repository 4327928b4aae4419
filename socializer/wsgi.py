"""The entry for WSGI servers; script/server runs gunicorn on it."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "socializer.settings")

application = get_wsgi_application()

from socializer.warming import warm_up  # noqa: E402 (needs the applications to be ready)

warm_up(application)
