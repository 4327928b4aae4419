"""What was measured: as tables on the terminal and in Markdown, as JSON, and as charts."""

import json
from itertools import groupby
from pathlib import Path

from django.utils.html import escape
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
        folder = Path(options["charts"])
        folder.mkdir(parents=True, exist_ok=True)
        for title, rows in groups(results):
            name = "".join(letter if letter.isalnum() else "-" for letter in title)
            (folder / f"{name}.svg").write_text(chart(title, rows))


def chart(title, rows):
    """An SVG with a bar for each strategy, as long as its median, and its ratio beside it."""
    longest = max(result.p50 for result in rows) or 1
    bars = []
    for number, result in enumerate(rows):
        y, width = 40 + number * 24, max(1, 300 * result.p50 / longest)
        bars.append(
            f'<text x="190" y="{y + 13}" text-anchor="end">{escape(result.strategy)}</text>'
            f'<rect x="200" y="{y}" width="{width:.0f}" height="16" fill="#3b6ea5"/>'
            f'<text x="{206 + width:.0f}" y="{y + 13}">{result.p50:.2f} ms, {cells(result)[-1]}</text>'
        )
    height = 50 + len(rows) * 24
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 680 {height}" font-family="sans-serif" font-size="12">'
        f'<rect width="680" height="{height}" fill="#fff"/><text x="10" y="20" font-weight="bold">{escape(title)}</text>'
        f"{''.join(bars)}</svg>\n"
    )
