"""What was measured: as tables on the terminal and in Markdown, as JSON, and as charts."""

import json
from itertools import groupby
from pathlib import Path

from rich.table import Table

from posts.benchmark import charts

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
    """One table for each engine, size and page: strategies by classes of readers, in times the floor."""
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
    """Write the files that the options name."""
    if options["markdown"]:
        Path(options["markdown"]).write_text(markdown(results))
    if options["json"]:
        Path(options["json"]).write_text(as_json(results))
    if options["charts"]:
        write_charts(Path(options["charts"]), results)


def write_charts(folder, results):
    """A chart for each table; and for each class of readers that was measured at several sizes, how their page grew."""
    folder.mkdir(parents=True, exist_ok=True)
    for title, rows in groups(results):
        (folder / file_name(title)).write_text(charts.bars(title, rows))
    by_class = lambda result: (result.engine, result.reader, result.page)  # noqa: E731
    for (engine, reader, page), rows in groupby(sorted(results, key=by_class), by_class):
        rows = list(rows)
        if len({row.posts for row in rows}) > 1:
            title = f"{engine}, growth, reader of {reader}, page {page}"
            (folder / file_name(title)).write_text(charts.lines(title, rows))


def file_name(title):
    words = "".join(letter if letter.isalnum() else " " for letter in title.lower().replace(",", "")).split()
    return f"{'-'.join(words)}.svg"
