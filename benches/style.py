"""How the plots of the manual look.

Colours are chosen to be read on a light and on a dark page: the ground stays transparent. The same figures give the same bytes.
"""

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot  # noqa: E402

INK = "#808890"

pyplot.rcParams.update({
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.constrained_layout.use": True,
    "font.size": 11,
    "legend.frameon": False,
    "legend.labelcolor": INK,
    "savefig.transparent": True,
    "svg.fonttype": "none",
    "svg.hashsalt": "crpipeline",
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
})


def save(figure, file):
    figure.savefig(file, metadata={"Date": None})
    pyplot.close(figure)
