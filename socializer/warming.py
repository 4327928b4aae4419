"""Warms up a process after the fork, so that its first page doesn't take longer than later pages.

Without this, the first page takes 25 times as long, or 13 times as long if only the templates are compiled. Warming up therefore
also renders the start page for a visitor, the home page for a member who doesn't exist, and the newest posts.
socializer/gunicorn.py starts the process even if this fails.
"""

import logging
from pathlib import Path
from urllib.parse import urlsplit
from wsgiref.util import setup_testing_defaults

from django.conf import settings
from django.contrib.auth import get_user_model, load_backend
from django.db import connection
from django.template.loader import get_template
from django.test import RequestFactory
from django.urls import resolve, reverse

from posts.models import Post
from posts.rendering.cards import render_cards

# How many posts are rendered: half as many as a process caches. This takes a third of a second.
NEWEST = 1_000


def warm_up(application):
    """Compile all templates and render both pages and the posts. Doesn't catch errors, such as DatabaseError."""
    compile_templates()
    try:
        render_start_page(application)
        render_home_page()
        render_cards(Post.objects.indexable().newest_first().for_lists()[:NEWEST])
    finally:
        connection.close()


def compile_templates():
    for folder in map(Path, settings.TEMPLATES[0]["DIRS"]):
        for path in folder.rglob("*.html"):
            get_template(path.relative_to(folder).as_posix())


def render_start_page(application):
    """Request the start page from the application, with the cookie of a session that doesn't exist."""
    site = urlsplit(settings.SITE_URL)
    environ = {
        "PATH_INFO": reverse("posts:home"),
        "HTTP_HOST": site.netloc,
        "HTTP_COOKIE": f"{settings.SESSION_COOKIE_NAME}={'0' * 32}",
        "wsgi.url_scheme": site.scheme,
    }
    setup_testing_defaults(environ)
    logging.disable(logging.INFO)  # No visitor sent this request, so it isn't logged.
    try:
        application(environ, lambda status, headers: None).close()
    finally:
        logging.disable(logging.NOTSET)


def render_home_page():
    """Render the home page for a member who doesn't exist, after a query for that member."""
    load_backend(settings.AUTHENTICATION_BACKENDS[0]).get_user(-1)
    request = RequestFactory().get(reverse("posts:home"))
    request.user = get_user_model()(pk=-1, username="nobody")
    request.resolver_match = resolve(request.path)
    request.htmx = False
    request.resolver_match.func(request).render()
