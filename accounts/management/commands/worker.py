import logging

from django import db
from django.core.management.base import BaseCommand, CommandError

from accounts.jobs.trouble import answer_of
from accounts.jobs.worker import AnotherWorker, Worker, keep_one_connection, only_one_on_sqlite


class Command(BaseCommand):
    help = (
        "Does the jobs: sends mails, keeps the schedule, brings back what a killed worker had in its hands. "
        "One on SQLite, any number on PostgreSQL."
    )

    def add_arguments(self, parser):
        parser.add_argument(
            "--interval", type=float, default=1, help="Seconds between looks for new jobs (default: 1)."
        )
        parser.add_argument("--batch", action="store_true", help="Do what is ready, then end.")
        parser.add_argument("--max-tasks", type=int, help="End after so many jobs.")

        parser.add_argument(
            "--wait",
            action="store_true",
            help="On SQLite: wait until another worker ends, and take its place, instead of refusing to start.",
        )

    def handle(self, *, interval, batch, max_tasks, wait, **options):
        # A line for every job would bury the one about a job that failed.
        logging.getLogger("django_tasks").setLevel(logging.WARNING)
        keep_one_connection()
        worker = Worker(interval=interval, batch=batch, max_tasks=max_tasks)
        worker.configure_signals()
        try:
            with only_one_on_sqlite(wait_while=lambda: wait and worker.running):
                worker.run()
        except AnotherWorker as error:
            raise CommandError(str(error)) from error
        except db.Error as error:
            raise CommandError(
                f"The database does not do what the worker needs. {answer_of(error)}"
            ) from error
