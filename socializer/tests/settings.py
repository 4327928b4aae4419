"""Settings for the tests: the site's own, but for what would make them slow, or leave this machine."""

import os
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

# Not whatever this machine's .env says. DATABASE_URL and CACHE_URL may come from the environment.
os.environ["ENV_FILE"] = os.devnull
os.environ.setdefault("SECRET_KEY", "only-for-tests-0123456789-abcdefghijklmnopqrstuvwxyz")
for _name in (
    "DEBUG",
    "EMAIL_URL",
    "SITE_URL",
    "TRUSTED_PROXIES",
    "EMAIL_VERIFICATION",
    "MEDIA_STORAGE",
    "MEDIA_URL",
    "EXTRA_LANGUAGES",
):
    os.environ.pop(_name, None)

from socializer.settings import *  # noqa: E402, F403
from socializer.settings import CACHES, DATABASES, STORAGES, TIMELINE_REDIS_URL  # noqa: E402

WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 8

if DATABASES["default"]["ENGINE"].endswith("sqlite"):
    # A file, not memory: threads then have connections and locks of their own, as they do on a real site.
    DATABASES["default"]["TEST"] = {
        "NAME": str(Path(tempfile.gettempdir()) / f"socializer-test-{os.getuid()}.sqlite3")
    }

# A Redis database for each of the processes that run tests at once: they are emptied.
if CACHES["default"]["BACKEND"].endswith("RedisCache"):
    CACHES["default"]["LOCATION"] = (
        urlsplit(CACHES["default"]["LOCATION"])._replace(path=f"/{WORKER + 8}").geturl()
    )
if TIMELINE_REDIS_URL:
    TIMELINE_REDIS_URL = urlsplit(TIMELINE_REDIS_URL)._replace(path=f"/{WORKER + 8}").geturl()

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
STORAGES["default"] = {"BACKEND": "django.core.files.storage.InMemoryStorage"}
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
WHITENOISE_AUTOREFRESH = True
