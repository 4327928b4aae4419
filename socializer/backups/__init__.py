"""Backups of the site. `manage.py backup` makes and checks them, and `manage.py restore` restores one.

A backup is one tar file (see `archive`) with a consistent copy of the database, the profile pictures, and a manifest that lists
its contents. `sqlite` and `postgresql` copy, check and replace databases. `making` and `restoring` work with both engines.
`rotation` decides when scheduled backups are made and how long they are kept.
"""

import os
import pwd

from django.conf import settings


class BackupError(Exception):
    """A backup can't be made, is damaged, or must not be restored. The message tells the operator what to do."""


def refuse_root():
    """Raise BackupError if root runs this for another user's site, because that user couldn't use the new files."""
    try:
        owner = settings.VAR_DIR.stat().st_uid
    except OSError:
        return  # Either the site doesn't run on this machine, or a later step reports the problem.
    if os.geteuid() == 0 and owner != 0:
        try:
            name = pwd.getpwuid(owner).pw_name
        except KeyError:
            name = f"#{owner}"
        raise BackupError(
            f"Run this as the user who runs the site: sudo -u {name} .venv/bin/python manage.py ..."
        )
