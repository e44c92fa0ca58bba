"""Draws the plots of the manual's page from the results of `cargo xtask bench ocr`.

usage: plots.py RESULTS.json FOLDER      writes FOLDER/DOCUMENT-speed.svg, …-accuracy.svg and …-memory.svg

The same results give the same bytes.
"""

import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from style import INK, pyplot, save  # noqa: E402

OURS, PEER = "#2f81f7", "#6e7781"
SEVERAL = ["#2f81f7", "#d9822b", "#2da44e", "#bf5af2", "#d1495b", "#a0a8b0"]
OUR_ID = "crpipeline"


def speed(document, names, file):
    """Pages per minute of every tool, the lower bound as a line."""
    tools = [tool for tool in document["tools"] if tool["failure"] is None]
    if len(tools) < 2:
        return
    figure, axes = pyplot.subplots(figsize=(8, 0.6 + 0.42 * len(tools)))
    values = [tool["pages_per_minute"] for tool in tools]
    colours = [OURS if tool["id"] == OUR_ID else PEER for tool in tools]
    bars = axes.barh([names[tool["id"]] for tool in tools], values, color=colours)
    # Inside, where the line of the lower bound does not cross them.
    axes.bar_label(bars, fmt="%.1f", label_type="center", color="white")
    axes.invert_yaxis()
    axes.set_xlabel("pages per minute")
    if bound := document["lower_bound"]:
        at = document["pages"] * 60 / bound["wall_seconds"]
        axes.axvline(at, color=INK, linestyle="--", linewidth=1)
        axes.set_title(f"dashed: the engine alone, {at:.1f}", fontsize=10, loc="right", color=INK)
    save(figure, file)


def accuracy(document, names, file):
    """F1 of every kind of page, a line per tool."""
    tools = [tool for tool in document["tools"] if tool["by_label"]]
    if not tools:
        return
    labels = [entry["label"] for entry in tools[0]["by_label"]]
    figure, axes = pyplot.subplots(figsize=(8, 4))
    for tool, colour in zip(tools, SEVERAL):
        values = [entry["score"]["f1"] for entry in tool["by_label"]]
        width = 2.2 if tool["id"] == OUR_ID else 1.2
        axes.plot(labels, values, marker="o", markersize=4, linewidth=width, color=colour, label=names[tool["id"]])
    axes.set_ylabel("word F1")
    axes.tick_params(axis="x", rotation=30)
    axes.legend()
    save(figure, file)


def memory(document, names, file):
    """Memory of the whole process tree over time."""
    tools = [tool for tool in document["tools"] if tool["memory_over_time"]]
    if not tools:
        return
    figure, axes = pyplot.subplots(figsize=(8, 3))
    for tool, colour in zip(tools, SEVERAL):
        points = tool["memory_over_time"]
        axes.plot([at["seconds"] for at in points], [at["bytes"] / 1e6 for at in points], color=colour, label=names[tool["id"]])
    axes.set_ylim(bottom=0)
    axes.set_xlabel("seconds")
    axes.set_ylabel("memory (PSS), MB")
    axes.legend(loc="lower right")
    save(figure, file)


def main(results, folder):
    results, folder = json.loads(pathlib.Path(results).read_text(encoding="utf-8")), pathlib.Path(folder)
    for old in folder.glob("*.svg"):
        old.unlink()
    names = {tool["id"]: tool["name"] for tool in results["tools"]}
    for document in results["documents"]:
        for plot in (speed, accuracy, memory):
            plot(document, names, folder / f"{document['id']}-{plot.__name__}.svg")


if __name__ == "__main__":
    main(*sys.argv[1:])
