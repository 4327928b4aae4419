#!/usr/bin/env python
"""Django's command line for this project."""

import os
import sys


def main():
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "socializer.settings")
    from django.conf import settings
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        settings.DEBUG  # noqa: B018 (reading one setting loads all of them)
    except ImproperlyConfigured as error:
        # A message that names the setting is more helpful than a traceback.
        sys.exit(f"Socializer cannot start: {error}")
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
