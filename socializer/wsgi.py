"""The entry for WSGI servers; script/server runs gunicorn on it."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "socializer.settings")

application = get_wsgi_application()

# So that a restore knows of this process from its start.
from socializer.database.sqlite import presence  # noqa: E402

presence.share_default()
