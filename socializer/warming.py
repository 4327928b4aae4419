"""What a process does before its first request, so that nobody waits for it: a tenth of a second and more otherwise."""

import logging
from pathlib import Path

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import DatabaseError, connection
from django.template.loader import get_template
from django.urls import reverse

logger = logging.getLogger(__name__)


def warm_up():
    """Import the views, compile the templates, read the icons, and connect to the database if it is there."""
    reverse("posts:home")
    for folder in map(Path, settings.TEMPLATES[0]["DIRS"]):
        for path in folder.rglob("*.html"):
            get_template(path.relative_to(folder).as_posix())
    get_template("_navigation.html").render({"user": get_user_model()(username="somebody")})
    try:
        connection.ensure_connection()
    except DatabaseError as error:
        logger.warning("The database does not answer yet: %s", error)
    finally:
        connection.close()
