"""Section of the footprints: their sum, extent and overlap after each step."""

from dataclasses import dataclass

import numpy as np
from bokeh.layouts import column, row
from bokeh.models import CustomJS, RadioButtonGroup
from scipy import sparse

from scopeflow.report import style
from scopeflow.report.page import Section, table
from scopeflow.report.pictures import COUNT_COLOURS, coloured, counted, encoded, in_range


@dataclass(frozen=True)
class Maps:
    """Footprints of one step as images.

    Attributes
    ----------
    total : ndarray of float32, shape (height, width)
        Sum of the footprints.
    count : ndarray of int, shape (height, width)
        Units that hold the pixel.
    n_units : int
    size_px : float
        Median size of a footprint; NaN without units.
    shared : float
        Share of the pixels of footprints that two or more units hold.
    """

    total: np.ndarray
    count: np.ndarray
    n_units: int
    size_px: float
    shared: float


def maps_of(A: sparse.csr_array, shape: tuple[int, int]) -> Maps:
    """Return sum, extent and overlap of footprints (unit_id, pixel)."""
    total = np.asarray(A.sum(axis=0), dtype=np.float32).reshape(shape)
    count = np.bincount(A.indices[A.data > 0], minlength=A.shape[1]).reshape(shape)
    sizes = np.diff(A.indptr)
    held = (count > 0).sum()
    return Maps(
        total, count, A.shape[0], float(np.median(sizes)) if len(sizes) else float("nan"),
        float((count > 1).sum() / held) if held else 0.0,
    )  # fmt: skip


def footprints_section(steps: dict[str, Maps]) -> Section:
    """Return images of the footprints after each step.

    Parameters
    ----------
    steps : dict of Maps
        By the name of the step, in order.
    """
    shape = next(iter(steps.values())).total.shape
    highest = max(float(maps.total.max(initial=0)) for maps in steps.values()) or 1.0
    kinds = {"sum of the footprints": [], "pixels of footprints": [], "units per pixel": []}
    for maps in steps.values():
        total = coloured(in_range(maps.total, (0.0, min(highest, 2.0))))
        binary = np.where(maps.count > 0, 255, 0).astype(np.uint8)
        for urls, image in zip(kinds.values(), (total, binary, counted(maps.count)), strict=True):
            urls.append(encoded(image, lossless=True))
    figures, sources, shared = [], [], {}
    for i, (title, urls) in enumerate(kinds.items()):
        fig = style.image_figure(title, shape, f"footprints_{i}", style.WIDTH // 3, **shared)
        shared = {"x_range": fig.x_range, "y_range": fig.y_range}
        sources.append(style.add_image(fig, urls[-1], shape))
        figures.append(fig)
    choice = RadioButtonGroup(labels=list(steps), active=len(steps) - 1, name="step")
    choice.js_on_change(
        "active",
        CustomJS(
            args={"sources": sources, "urls": list(kinds.values())},
            code="sources.forEach((s, i) => { s.data = {url: [urls[i][cb_obj.active]]}; });",
        ),
    )
    rows = [
        (name, m.n_units, f"{m.size_px:.0f}", f"{100 * m.shared:.1f} %")
        for name, m in steps.items()
    ]
    head = ["after", "units", "median size (px)", "pixels shared by two or more"]
    key = ", ".join(
        f'<span style="border-bottom: 4px solid {c}">{n}</span>'
        for n, c in zip(["none", "one", "two", "three or more"], COUNT_COLOURS, strict=True)
    )
    return Section(
        "footprints",
        "Footprints",
        "Good: round, compact spots that get sharper from step to step, overlap at the borders "
        "only. Bad: spots with tails or holes, large sheets (background taken for a cell), one "
        "cell in pieces, whole cells that overlap (then see merge). The largest value is 1.",
        table(head, rows, id="footprint-steps", numbers=(1, 2, 3)),
        {"footprints-figure": column(choice, row(*figures))},
        f'<p class="note">Units per pixel: {key}.</p>',
    )
