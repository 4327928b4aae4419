"""What a process does before its first request, so that nobody waits for it: a tenth of a second and more otherwise."""

import logging
from pathlib import Path
from urllib.parse import urlsplit
from wsgiref.util import setup_testing_defaults

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import DatabaseError, connection
from django.template.loader import get_template
from django.urls import reverse

logger = logging.getLogger(__name__)


def warm_up(application):
    """Compile the templates, read the icons, and ask the application for its start page if the database is there."""
    for folder in map(Path, settings.TEMPLATES[0]["DIRS"]):
        for path in folder.rglob("*.html"):
            get_template(path.relative_to(folder).as_posix())
    get_template("_navigation.html").render({"user": get_user_model()(username="somebody")})
    try:
        connection.ensure_connection()
    except DatabaseError as error:
        logger.warning("The database does not answer yet: %s", error)
    else:
        ask_for_start_page(application)
    finally:
        connection.close()


def ask_for_start_page(application):
    """As a visitor would; with its twenty posts it goes through nearly all that a member's page needs."""
    site = urlsplit(settings.SITE_URL)
    environ = {"PATH_INFO": reverse("posts:home"), "HTTP_HOST": site.netloc, "wsgi.url_scheme": site.scheme}
    setup_testing_defaults(environ)
    logging.disable(logging.INFO)  # Nobody has asked: the log of requests need not say so.
    try:
        application(environ, lambda status, headers: None).close()
    finally:
        logging.disable(logging.NOTSET)
