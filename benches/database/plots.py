"""Draws the plots of the manual's page about capacity from the results of `cargo xtask bench queue` and `search`.

usage: plots.py RESULTS.json FOLDER      writes FOLDER/capacity-depth.svg, -callers.svg, -growth.svg and -search.svg

The same results give the same bytes.
"""

import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from style import INK, pyplot, save  # noqa: E402

COLOURS = {"sqlite": "#2f81f7", "postgres": "#d9822b"}
NAMES = {"sqlite": "SQLite", "postgres": "PostgreSQL"}


def of(results, measure, **wanted):
    return [one for one in results if one["measure"] == measure and all(one[key] == value for key, value in wanted.items())]


def lines(results, what, x, y, label_y, wanted, file, goal=None):
    """One line per engine and number of organizations: `y` over `x`, both logarithmic."""
    figure, axes = pyplot.subplots(figsize=(8, 3.6))
    seen = set()
    for engine, colour in COLOURS.items():
        for organizations, style in ((1, "-"), (100, "--")):
            points = [one for one in of(results, "claims", engine=engine, organizations=organizations) if wanted(one)]
            if not points:
                continue
            points.sort(key=lambda one: one[x])
            values = [y(one) for one in points]
            axes.plot([one[x] for one in points], values, style, color=colour, marker="o", markersize=4,
                      label=f"{NAMES[engine]}, {organizations} organization{'s' if organizations > 1 else ''}")
            seen.update(one[x] for one in points)
    if goal is not None:
        axes.axhline(goal, color=INK, linewidth=1, linestyle=":")
        axes.text(min(seen), goal, f" goal: {goal}", va="bottom", fontsize=10)
    axes.set_xscale("log")
    axes.set_xticks(sorted(seen), [f"{value:,}" for value in sorted(seen)])
    axes.minorticks_off()
    axes.set_ylim(bottom=0)
    axes.set_xlabel(what)
    axes.set_ylabel(label_y)
    axes.legend(fontsize=10)
    save(figure, file)


def growth(results, file):
    """Bytes of the database over documents."""
    figure, axes = pyplot.subplots(figsize=(8, 3.2))
    for engine, colour in COLOURS.items():
        points = of(results, "cost", engine=engine)
        if points:
            axes.plot([0] + [one["documents_in_all"] for one in points],
                      [0] + [sum(one["sizes"].values()) / 1e6 for one in points], color=colour, marker="o", markersize=4, label=NAMES[engine])
    axes.set_xlabel("documents of five pages, read to the end")
    axes.set_ylabel("MB of the database")
    axes.legend(fontsize=10)
    save(figure, file)


def search(results, file):
    """95th percentile of each kind of question."""
    questions = list(dict.fromkeys(one["question"] for one in of(results, "search")))
    orders = list(dict.fromkeys(one["order"] for one in of(results, "search")))
    figure, axes = pyplot.subplots(figsize=(8, 0.8 + 0.55 * len(questions)))
    bars = [(engine, order) for engine in COLOURS for order in orders]
    height = 0.8 / max(len(bars), 1)
    for at, (engine, order) in enumerate(bars):
        found = {one["question"]: one["ms"]["p95"] for one in of(results, "search", engine=engine, order=order)}
        places = [row + at * height for row in range(len(questions))]
        axes.barh(places, [found.get(question, 0) for question in questions], height=height * 0.9, color=COLOURS[engine],
                  alpha=1 if order == orders[0] else 0.6, label=f"{NAMES[engine]}, {order}")
    axes.set_yticks([row + 0.4 - height / 2 for row in range(len(questions))], questions)
    axes.invert_yaxis()
    axes.axvline(300, color=INK, linewidth=1, linestyle=":")
    axes.set_xlabel("milliseconds, 95th percentile (dotted: the goal)")
    axes.legend(fontsize=9)
    save(figure, file)


def main():
    results, folder = json.loads(pathlib.Path(sys.argv[1]).read_text()), pathlib.Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    lines(results, "tasks waiting", "waiting", lambda one: one["claim_ms"]["p99"], "claim, ms (99th percentile)",
          lambda one: one["callers"] == 8, folder / "capacity-depth.svg", goal=25)
    lines(results, "callers at once", "callers", lambda one: one["tasks_per_second"], "tasks per second",
          lambda one: one["waiting"] == 100_000, folder / "capacity-callers.svg", goal=400)
    growth(results, folder / "capacity-growth.svg")
    search(results, folder / "capacity-search.svg")


main()
