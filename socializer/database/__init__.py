"""Connections to both databases that give up when the request's time is over: see accounts/deadlines.py."""
