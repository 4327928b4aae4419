import json
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from accounts.common import auditing


class Command(BaseCommand):
    help = (
        "Checks the database and the stored files for errors, such as wrong counts, follows across blocks, and emails without a "
        "job. The site can keep running. Only reads, in short steps, unless --fix is given. Exits with an error if anything "
        "is wrong."
    )
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument(
            "--fix", action="store_true", help="Repair what can be repaired safely. The report says how."
        )
        parser.add_argument("--json", action="store_true", help="Print the report as JSON.")

    def handle(self, *, fix, **options):
        as_json = options["json"]
        try:
            require_current_schema()
            outcomes = []
            for check in auditing.all_checks():
                outcomes.append(auditing.run(check, fix=fix))
                if not as_json:
                    self.report(outcomes[-1], fix)
        except DatabaseError as error:
            raise CommandError(f"The database can't be read: {error}. Check DATABASE_URL.") from error
        if as_json:
            self.report_as_json(outcomes)
        wrong = sum(len(outcome.wrong) for outcome in outcomes)
        if wrong:
            raise CommandError(f"{wrong:,} errors found." if wrong > 1 else "1 error found.")
        if not as_json:
            self.stdout.write(self.style.SUCCESS("No errors found."))

    def report(self, outcome, fix):
        check, count = outcome.check, len(outcome.wrong)
        parts = [f"{check.title}: {outcome.checked:,} checked"]
        if outcome.fixed:
            parts.append(f"{outcome.fixed:,} repaired")
        if not count:
            self.stdout.write(", ".join(parts))
            return
        parts.append(f"{count:,} wrong")
        self.stdout.write(self.style.WARNING(", ".join(parts)))
        more = [f"and {count - len(outcome.examples):,} more"] if count > len(outcome.examples) else []
        self.stdout.write(f"  {', '.join([*outcome.examples, *more])}")
        self.stdout.write(f"  {'With --fix: ' if check.can_fix and not fix else ''}{check.remedy}")

    def report_as_json(self, outcomes):
        report = [
            {
                "check": type(outcome.check).__name__,
                "title": outcome.check.title,
                "looked_at": outcome.checked,
                "wrong": len(outcome.wrong),
                "repaired": outcome.fixed,
                "examples": outcome.examples,
                "can_fix": outcome.check.can_fix,
                "remedy": outcome.check.remedy,
            }
            for outcome in outcomes
        ]
        self.stdout.write(json.dumps(report, indent=1))


def require_current_schema():
    """Raise CommandError unless the database exists and all migrations are applied."""
    name = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite" and not connection.is_in_memory_db() and not Path(name).exists():
        raise CommandError(f"There is no database at {name}. Check DATABASE_URL.")
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise CommandError("The database is older than the code. Run: manage.py migrate")
