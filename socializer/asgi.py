"""The entry point for ASGI servers. WSGI is measurably faster for these pages: see ARCHITECTURE.md."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "socializer.settings")

application = get_asgi_application()
