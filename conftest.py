"""Fixtures for every test."""

import asyncio

import pytest
from django.conf import settings
from django.core.cache import cache
from django.test import Client
from django.utils import translation

from accounts.common import local_cache
from accounts.jobs.worker import Worker
from accounts.tests.factories import UserFactory
from posts import ids
from posts.timelines.normalized import page_query


@pytest.fixture(autouse=True)
def _empty_caches(request):
    """Clear the caches, because transactions don't roll them back and cached parts of pages ignore changed settings."""
    local_cache.clear_all()
    if "django_db_setup" in request.fixturenames or "client" in request.fixturenames:
        cache.clear()


@pytest.fixture(autouse=True)
def _sites_language():
    """Activate the site's language, because requests in earlier tests leave their own language active."""
    with translation.override(settings.LANGUAGE_CODE):
        yield


@pytest.fixture(autouse=True)
def _no_event_loop(request):
    """Hide Playwright's event loop, which stays active after browser tests and would block asynchronous calls."""
    if request.node.get_closest_marker("browser"):
        yield
        return
    loop = asyncio._get_running_loop()
    asyncio._set_running_loop(None)
    yield
    asyncio._set_running_loop(loop)


@pytest.fixture(autouse=True)
def _posts_by_this_machines_clock(request, monkeypatch):
    """Make posts use Python's clock instead of the database's, because tests change only Python's."""
    if not request.node.get_closest_marker("database_clock"):
        monkeypatch.setattr(ids, "DATABASE_CLOCKS", {})
        yield
        return
    page_query.cache_clear()
    yield
    page_query.cache_clear()


@pytest.fixture
def empty_storage(settings):
    """Use an empty storage for pictures, because transactions don't roll back the files of other tests."""
    # When the setting changes, Django creates new storages. This one keeps its files in memory.
    settings.STORAGES = dict(settings.STORAGES)


@pytest.fixture
def member(db):
    return UserFactory(username="ada", display_name="Ada Lovelace")


@pytest.fixture
def member_client(member):
    client = Client()
    client.force_login(member)
    return client


@pytest.fixture
def run_jobs(db):
    """Return a function that runs all jobs that are ready and then returns their states."""

    def run():
        worker = Worker(batch=True)
        states = []
        while job := worker.claim_next():
            worker.run_job(job)
            states.append(job.status)
        return states

    return run
