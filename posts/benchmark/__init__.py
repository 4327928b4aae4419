"""Measures home timelines beside what bounds them from below and what everybody writes first.

Absolute times say more about a machine than about a query: what counts are ratios within one run, in which the
candidates take turns, on databases that are made for it and deleted afterwards.
"""
