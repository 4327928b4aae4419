"""Tasks of the security room."""

from accounts.jobs.registry import task
from accounts.security import snapshots


@task("security.reconcile_accounts", formerly=["accounts.tasks.sweep_accounts"])
def reconcile_accounts():
    """Notify owners of changes to their accounts for which no email was sent."""
    snapshots.reconcile()
