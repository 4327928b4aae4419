"""Backups of the site: `manage.py backup` makes and checks them, `manage.py restore` brings one back.

A backup is one tar file (`archive`): a consistent copy of the database, the members' pictures and a manifest that says what
must be in it. `sqlite` and `postgresql` know how to copy, check and replace their kind of database; `making` and `restoring`
use either. `rotation` decides which scheduled backups are kept.
"""


class BackupError(Exception):
    """A backup can't be made, is damaged, or must not be restored. The message says what to do."""
