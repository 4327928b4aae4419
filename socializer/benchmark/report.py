"""Writes the results as tables to the terminal, as Markdown and as JSON."""

import json
from itertools import groupby
from pathlib import Path

from rich.table import Table

NOISY = "too noisy to judge"


def groups(results):
    """Yield the title of each table and its Results."""
    for key, rows in groupby(
        results, lambda result: (result.engine, result.posts, result.reader, result.page)
    ):
        engine, posts, reader, page = key
        yield f"{engine}, {posts:,} posts, reader of {reader}, page {page}", list(rows)


def cells(result):
    ratio = NOISY if result.ratio is None else f"{result.ratio:.2f}"
    queries = "" if result.queries is None else str(result.queries)
    return [result.strategy, f"{result.p50:.3f}", f"{result.p95:.3f}", queries, ratio]


HEADINGS = ["", "p50 ms", "p95 ms", "queries", "times the floor"]


def print_tables(console, results):
    for title, rows in groups(results):
        table = Table(title=title, title_justify="left")
        for heading in HEADINGS:
            table.add_column(heading, justify="right" if heading else "left")
        for result in rows:
            table.add_row(*cells(result))
        console.print(table)


def markdown(results):
    """Return one table for each engine, size and page, with a row for each strategy and a column for each kind of reader.

    The figures are multiples of the floor.
    """
    lines = []
    key = lambda result: (result.engine, result.posts, result.page)  # noqa: E731
    for (engine, posts, page), rows in groupby(sorted(results, key=key), key):
        rows = list(rows)
        readers = list(dict.fromkeys(result.reader for result in rows))
        found = {(result.strategy, result.reader): cells(result)[-1] for result in rows}
        lines += [f"### {engine}, {posts:,} posts, page {page}", "", f"| | {' | '.join(readers)} |"]
        lines.append("|---" * (len(readers) + 1) + "|")
        for strategy in dict.fromkeys(result.strategy for result in rows):
            values = [found.get((strategy, reader), "") for reader in readers]
            lines.append(f"| {strategy} | {' | '.join(values)} |")
        lines.append("")
    return "\n".join(lines)


def as_json(results):
    return json.dumps([result.as_dict() for result in results], indent=1)


def write(options, results):
    """Write the results to the files named in the command's options."""
    if options["markdown"]:
        Path(options["markdown"]).write_text(markdown(results))
    if options["json"]:
        Path(options["json"]).write_text(as_json(results))
