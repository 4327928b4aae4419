"""The entry for WSGI servers; script/server runs gunicorn on it."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "socializer.settings")

application = get_wsgi_application()
