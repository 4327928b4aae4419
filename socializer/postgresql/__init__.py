"""Django's PostgreSQL, with room in each statement for what is deleted and made at once: see base.py."""
