"""SVG charts of what was measured. Their scales are logarithmic: what is compared differs by thousands."""

import math
from itertools import groupby

from django.utils.html import escape

# Told apart by people who see few colours, too; the lines also carry their names.
COLOURS = [
    "#3b6ea5",
    "#c2571a",
    "#2f7d5b",
    "#8a4f9e",
    "#7a6a2f",
    "#b03a5b",
    "#4f7f8c",
    "#555555",
    "#a07030",
    "#203060",
]


def bars(title, results):
    """A bar for each strategy, as long as the logarithm of its median, and its ratio to the floor beside it."""
    place, decades = scale([result.p50 for result in results], 200, 300)
    rows = []
    for number, result in enumerate(results):
        y, end = 40 + number * 24, place(result.p50)
        ratio = "" if result.ratio is None else f", {result.ratio:,.2f}"
        rows.append(
            f'<text x="190" y="{y + 13}" text-anchor="end">{escape(result.strategy)}</text>'
            f'<rect x="200" y="{y}" width="{max(1, end - 200):.0f}" height="16" fill="{COLOURS[0]}"/>'
            f'<text x="{max(end, 201) + 6:.0f}" y="{y + 13}">{result.p50:,.2f} ms{ratio}</text>'
        )
    bottom = 44 + len(results) * 24
    grid = [
        f'<line x1="{x:.0f}" y1="34" x2="{x:.0f}" y2="{bottom}" stroke="#ccc"/>'
        f'<text x="{x:.0f}" y="{bottom + 14}" text-anchor="middle" fill="#555">{text}</text>'
        for x, text in decades
    ]
    return svg(title, 680, bottom + 24, [*grid, *rows])


def lines(title, results):
    """A line for each strategy: its median at each number of posts."""
    x_of, sizes = scale([result.posts for result in results], 76, 384, unit="posts")
    y_of, decades = scale([result.p50 for result in results], 340, -290)
    parts = [
        f'<line x1="76" y1="{y:.0f}" x2="460" y2="{y:.0f}" stroke="#ccc"/>'
        f'<text x="70" y="{y + 4:.0f}" text-anchor="end" fill="#555">{text}</text>'
        for y, text in decades
    ]
    parts += [
        f'<text x="{x:.0f}" y="362" text-anchor="middle" fill="#555">{text}</text>' for x, text in sizes
    ]
    labels = []
    by_strategy = sorted(results, key=lambda result: (result.strategy, result.posts))
    for number, (strategy, rows) in enumerate(groupby(by_strategy, lambda result: result.strategy)):
        points, colour = [(x_of(row.posts), y_of(row.p50)) for row in rows], COLOURS[number % len(COLOURS)]
        path = " ".join(f"{x:.0f},{y:.0f}" for x, y in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        labels.append((points[-1][1], strategy, colour))
    highest = 354
    for y, strategy, colour in sorted(labels, reverse=True):
        highest = min(y, highest - 14)  # Above one another where lines end together.
        parts.append(f'<text x="468" y="{highest + 4:.0f}" fill="{colour}">{escape(strategy)}</text>')
    return svg(title, 680, 376, parts)


def scale(values, start, length, unit="ms"):
    """Return a function of a value to its place, and [(place, words)] of the powers of ten around the values."""
    low = math.floor(math.log10(min(value for value in values if value > 0)))
    high = max(math.ceil(math.log10(max(values))), low + 1)

    def place(value):
        return start + length * (math.log10(max(value, 10**low)) - low) / (high - low)

    return place, [(place(10.0**power), f"{10.0**power:,.15g} {unit}") for power in range(low, high + 1)]


def svg(title, width, height, parts):
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">'
        f'<rect width="{width}" height="{height}" fill="#fff"/><text x="10" y="20" font-weight="bold">{escape(title)}</text>'
        f"{''.join(parts)}</svg>\n"
    )
