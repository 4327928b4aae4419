"""The parts of django-tasks-db that we use. Besides this module, only `backend` and `admin` import it.

The library provides the table, the query for ready jobs and the code that claims one. Its worker is not used: it doesn't
retry, doesn't recover the jobs of killed workers, has no periodic tasks, and ends when the database fails.

`accounts/tests/test_jobs_library.py` fails if an update changes something that we rely on.
"""

from django_tasks_db.models import DBTaskResult, DBTaskResultQuerySet, get_date_max
from django_tasks_db.utils import exclusive_transaction

__all__ = ["DBTaskResult", "DBTaskResultQuerySet", "exclusive_transaction", "get_date_max"]
