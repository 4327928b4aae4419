"""The entry point for WSGI servers. script/server runs gunicorn with it."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "socializer.settings")

application = get_wsgi_application()

# This allows a restore to detect this process as soon as it starts.
from socializer.database.sqlite import presence  # noqa: E402

presence.share_default()
