"""Fixtures for every test."""

import pytest
from django.core.cache import cache
from django.test import Client
from django_tasks_db.management.commands.db_worker import Worker
from django_tasks_db.models import DBTaskResult

from accounts.tests.factories import UserFactory


@pytest.fixture(autouse=True)
def _no_remembered_limits(request):
    """Rate limits are counted in the cache, which no transaction rolls back."""
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
    """Returns a function that does all that the job worker would do now. It returns the jobs' final states."""

    def run():
        worker = Worker(
            queue_names=["*"],
            interval=0,
            batch=True,
            backend_name="default",
            startup_delay=False,
            max_tasks=None,
            worker_id="test",
            excluded_queue_names=[],
        )
        states = []
        while job := DBTaskResult.objects.ready().first():
            job.claim(worker.worker_id)
            worker.run_task(job)
            states.append(job.status)
        return states

    return run
