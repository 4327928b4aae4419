import logging

from django import db
from django.core.management.base import BaseCommand, CommandError

from accounts.jobs.errors import describe
from accounts.jobs.worker import AnotherWorker, Worker, keep_connection_open, single_sqlite_worker


class Command(BaseCommand):
    help = (
        "Runs jobs: sends emails, enqueues periodic tasks, and requeues the jobs of workers that were killed. "
        "SQLite allows one worker, PostgreSQL any number."
    )

    def add_arguments(self, parser):
        parser.add_argument(
            "--interval", type=float, default=1, help="Seconds between two checks for new jobs (default: 1)."
        )
        parser.add_argument("--batch", action="store_true", help="Run the jobs that are ready, then end.")
        parser.add_argument("--max-jobs", "--max-tasks", type=int, help="End after this many jobs.")
        parser.add_argument(
            "--wait",
            action="store_true",
            help="On SQLite: if another worker is running, wait until it ends instead of refusing to start.",
        )

    def handle(self, *, interval, batch, max_jobs, wait, **options):
        # If every job were logged, the line about a failed job would be hard to find.
        logging.getLogger("django_tasks").setLevel(logging.WARNING)
        keep_connection_open()
        worker = Worker(interval=interval, batch=batch, max_jobs=max_jobs)
        worker.handle_signals()
        try:
            with single_sqlite_worker(wait_while=lambda: wait and worker.running):
                worker.run()
        except AnotherWorker as error:
            raise CommandError(str(error)) from error
        except db.Error as error:
            raise CommandError(f"The worker can't use the database. {describe(error)}") from error
