"""The database backend for a site on SQLite: Django's own, for a file that many processes use and that can be replaced."""
