"""The site with one page more: a constant behind everything that a page of a member goes through."""

import sys
from importlib import import_module
from types import ModuleType

import django
from django.conf import settings
from django.core.servers.basehttp import get_internal_wsgi_application
from django.http import HttpResponse
from django.urls import path


def constant(request):
    """Says hello to somebody known: session and user are read, as for every member."""
    return HttpResponse(f"Hello {request.user.pk}", content_type="text/plain")


django.setup()
urls = ModuleType("posts.benchmark.urls")
urls.urlpatterns = [path("benchmark/constant/", constant), *import_module(settings.ROOT_URLCONF).urlpatterns]
sys.modules[urls.__name__] = urls
settings.ROOT_URLCONF = urls.__name__
application = get_internal_wsgi_application()  # The one that WSGI_APPLICATION names.
