"""Timelines as Atom, for feed readers."""

from posts.feeds.timelines import author_feed, home_feed, public_feed

__all__ = ["author_feed", "home_feed", "public_feed"]
