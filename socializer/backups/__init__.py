"""Backups of the site: `manage.py backup` makes and checks them, `manage.py restore` brings one back.

A backup is one tar file (`archive`): a consistent copy of the database, the members' pictures and a manifest that says what
must be in it. `sqlite` and `postgresql` know how to copy, check and replace their kind of database; `making` and `restoring`
use either. `rotation` decides which scheduled backups are kept.
"""

import os
import pwd

from django.conf import settings


class BackupError(Exception):
    """A backup can't be made, is damaged, or must not be restored. The message says what to do."""


def refuse_root():
    """Raise BackupError if root runs this for a site of another user, who could not use the new files."""
    try:
        owner = settings.VAR_DIR.stat().st_uid
    except OSError:
        return  # Nobody runs the site here, or what follows says what is wrong.
    if os.geteuid() == 0 and owner != 0:
        try:
            name = pwd.getpwuid(owner).pw_name
        except KeyError:
            name = f"#{owner}"
        raise BackupError(
            f"Run this as the user who runs the site: sudo -u {name} .venv/bin/python manage.py ..."
        )
