"""Atom feeds of timelines, for feed readers."""
