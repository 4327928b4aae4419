"""What a process does before its first request, so that nobody waits for it: a tenth of a second and more otherwise.

socializer/gunicorn.py calls it after the fork, and starts whatever comes of it.
"""

import logging
from importlib import import_module
from pathlib import Path
from urllib.parse import urlsplit
from wsgiref.util import setup_testing_defaults

from django.conf import settings
from django.contrib.auth import get_user_model, load_backend
from django.db import connection
from django.template.loader import get_template
from django.urls import reverse

from posts.forms import PostForm
from posts.timelines import home_timeline
from posts.timelines.base import HomeTimeline


def warm_up(application):
    """Compile the templates, show a home to nobody, and ask the database for all that a real one needs.

    Raises whatever goes wrong, such as DatabaseError while the database is away or older than the code.
    """
    nobody = get_user_model()(pk=0, username="nobody")
    for folder in map(Path, settings.TEMPLATES[0]["DIRS"]):
        for path in folder.rglob("*.html"):
            get_template(path.relative_to(folder).as_posix())
    get_template("posts/home_timeline.html").render({"user": nobody, "form": PostForm.empty()})
    try:
        ask_for_what_home_needs(nobody)
        ask_for_start_page(application)
    finally:
        connection.close()


def ask_for_what_home_needs(member):
    """Session, user and timeline, none of which is there: the first time, asking takes longer than the answer."""
    import_module(settings.SESSION_ENGINE).SessionStore("0" * 32).load()
    load_backend(settings.AUTHENTICATION_BACKENDS[0]).get_user(member.pk)
    home_timeline().posts(member, limit=HomeTimeline.page_size)


def ask_for_start_page(application):
    """As a visitor would, through all the middleware; with the twenty posts on it cards have been made."""
    site = urlsplit(settings.SITE_URL)
    environ = {"PATH_INFO": reverse("posts:home"), "HTTP_HOST": site.netloc, "wsgi.url_scheme": site.scheme}
    setup_testing_defaults(environ)
    logging.disable(logging.INFO)  # Nobody has asked: the log of requests need not say so.
    try:
        application(environ, lambda status, headers: None).close()
    finally:
        logging.disable(logging.NOTSET)
