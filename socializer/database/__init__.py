"""Database backends whose statements fail at the request's deadline. See accounts/common/deadlines.py."""
