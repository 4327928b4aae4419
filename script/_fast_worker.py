"""Runs `manage.py worker` with shorter delays, for trials that can't take hours.

    script/_fast_worker.py 600 worker --wait

divides every delay by 600. The arguments after the number are passed to manage.py.
"""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def shorten_delays(factor):
    """Divide these delays by `factor`: before retries, between runs of periodic tasks, and between emails."""
    from accounts.jobs import errors, periodic
    from accounts.notifications import digests

    errors.RETRY_DELAYS = [delay / factor for delay in errors.RETRY_DELAYS]
    errors.CONFLICT_DELAY /= factor
    for periodic_task in periodic.all_periodic_tasks():
        periodic.register(periodic_task.task, periodic_task.interval / factor)
    digests.MIN_INTERVAL /= factor
    digests.DAY /= factor


def main():
    factor, *arguments = sys.argv[1:]
    sys.path.insert(0, str(ROOT))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "socializer.settings")
    import django
    from django.core.management import execute_from_command_line

    django.setup()
    shorten_delays(int(factor))
    execute_from_command_line(["manage.py", *arguments])


if __name__ == "__main__":
    main()
