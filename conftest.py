"""Fixtures for every test."""

import pytest
from django.core.cache import cache, caches
from django.test import Client

from accounts.jobs.worker import Worker
from accounts.tests.factories import UserFactory


@pytest.fixture(autouse=True)
def _empty_caches(request):
    """Rate limits are counted in the cache, which no transaction rolls back; parts of pages are kept whatever the settings."""
    caches["template_fragments"].clear()
    if "django_db_setup" in request.fixturenames or "client" in request.fixturenames:
        cache.clear()


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
        worker = Worker()
        states = []
        while job := worker.take():
            worker.run_task(job)
            states.append(job.status)
        return states

    return run
