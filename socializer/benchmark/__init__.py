"""Compares home timelines with a lower bound and with the query that most people would write first.

Absolute times depend more on the machine than on the query, so the results are ratios within one run. The candidates are
measured in turn. They use databases that are created for the benchmark and deleted afterwards.
"""
