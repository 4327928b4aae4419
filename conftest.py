"""Fixtures for every test."""

import asyncio

import pytest
from django.conf import settings
from django.core.cache import cache, caches
from django.test import Client
from django.utils import translation

from accounts.jobs.worker import Worker
from accounts.tests.factories import UserFactory
from posts import ids


@pytest.fixture(autouse=True)
def _empty_caches(request):
    """No transaction rolls a cache back, and parts of pages are kept whatever the settings."""
    caches["template_fragments"].clear()
    if "django_db_setup" in request.fixturenames or "client" in request.fixturenames:
        cache.clear()


@pytest.fixture(autouse=True)
def _sites_language():
    """A request of an earlier test has left its language behind."""
    with translation.override(settings.LANGUAGE_CODE):
        yield


@pytest.fixture(autouse=True)
def _no_event_loop(request):
    """After a browser test Playwright's event loop seems to run on, and nothing asynchronous could be called."""
    if request.node.get_closest_marker("browser"):
        yield
        return
    loop = asyncio._get_running_loop()
    asyncio._set_running_loop(None)
    yield
    asyncio._set_running_loop(loop)


@pytest.fixture(autouse=True)
def _posts_by_this_machines_clock(request, monkeypatch):
    """Tests set the clock of Python, so posts must follow it on every database."""
    if not request.node.get_closest_marker("database_clock"):
        monkeypatch.setattr(ids, "DATABASE_CLOCKS", {})


@pytest.fixture
def empty_storage(settings):
    """Pictures that other tests have stored are out of sight: no transaction rolls them back."""
    # A changed setting makes Django open the storages anew, and this one keeps its files in memory.
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
    """Returns a function that does all that is ready for the worker. It returns the jobs' states after it."""

    def run():
        worker = Worker(batch=True)
        states = []
        while job := worker.take():
            worker.run_task(job)
            states.append(job.status)
        return states

    return run
