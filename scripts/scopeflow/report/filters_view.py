"""Section of the filters: a few frames before and after each, as image, contours, histogram."""

import numpy as np
from bokeh.layouts import column, row
from bokeh.models import ColumnDataSource, CustomJS, RadioButtonGroup
from bokeh.plotting import figure

from scopeflow.report import style
from scopeflow.report.page import Section
from scopeflow.report.pictures import encoded, in_range, level_lines, limits
from scopeflow.spans import count_bins, most_active

# Arrays of preview.zarr in the order of the steps, and how each is called.
STEPS = {
    "raw": "raw",
    "glow": "glow removed",
    "denoise": "denoised",
    "background": "background removed",
}
LEVELS = 5  # of the contours, as in the paper


def filters_section(preview: dict[str, np.ndarray], filters: dict, time_s: np.ndarray) -> Section:
    """Return images, contours and histograms of a few frames, after each step.

    Parameters
    ----------
    preview : dict of ndarray
        The arrays of ``preview.zarr``: ``raw``, ``glow``, ``denoise``, ``background``
        (frame, height, width).
    filters : dict
        Methods and sizes in px.
    time_s : ndarray of float, shape (frame,)
        Time of the frames of the preview.
    """
    n = len(time_s)
    best = most_active(preview["background"])
    middle = best if 0 < best < n - 1 else n // 2
    picks = np.unique([0, middle, n - 1])
    first = int(np.flatnonzero(picks == best)[0])
    shape = preview["raw"].shape[1:]
    figures, sources, pages = [], [], []
    shared: dict = {}
    for name, words in STEPS.items():
        stack = preview[name][picks]
        bounds = limits(stack, 0.005, 0.998)
        images = [encoded(in_range(frame, bounds)) for frame in stack]
        lines = [encoded(_contours(frame, stack), lossless=True) for frame in stack]
        for kind, urls in (("image", images), ("contours", lines)):
            title = f"{words}, {bounds[0]:.0f} to {bounds[1]:.0f} counts"
            title = title if kind == "image" else f"{words}, {LEVELS} levels"
            fig = style.image_figure(title, shape, f"{name}_{kind}", style.WIDTH // 4, **shared)
            shared = {"x_range": fig.x_range, "y_range": fig.y_range}
            sources.append(style.add_image(fig, urls[first], shape))
            pages.append([{"url": [url]} for url in urls])
            figures.append(fig)
        counts, edges = zip(*(_histogram(frame, stack) for frame in stack), strict=True)
        hist = _histogram_figure(words, name)
        sources.append(ColumnDataSource(_bars(counts[first], edges[first])))
        hist.quad(left="left", right="right", top="top", bottom=0.7, source=sources[-1],
                  color=style.BLUE, line_color=None)  # fmt: skip
        pages.append([_bars(*pair) for pair in zip(counts, edges, strict=True)])
        figures.append(hist)
    choice = RadioButtonGroup(
        labels=[f"frame at {time_s[k]:.1f} s" for k in picks], active=first, name="frame"
    )
    choice.js_on_change(
        "active",
        CustomJS(
            args={"sources": sources, "pages": pages},
            code="sources.forEach((source, i) => { source.data = pages[i][cb_obj.active]; });",
        ),
    )
    columns = [column(*figures[i : i + 3]) for i in range(0, len(figures), 3)]
    sizes = f"denoise: {filters['denoise']}, {filters['window_px']} px; background: "
    sizes += f"{filters['background']}, {filters['radius_px']} px"
    return Section(
        "filters",
        "Filters",
        "These frames serve to find cells; traces are read from frames without glow only. Good: "
        "denoising takes the grain and leaves cells round, and its contours are few smooth lines; "
        "after background removal cells stand bright on black. Bad: ragged contours around every "
        "grain (window too small), cells smeared together (window too large), cells hollow or gone "
        "(radius too small), clouds that stay (radius too large).",
        f'<p id="filter-sizes">{sizes}.</p>',
        {"filters-figure": column(choice, row(*columns))},
        '<p class="note">Images of a step share one range of counts; the images are compressed '
        "for the page. Histograms count pixels on a logarithmic axis.</p>",
    )


def _contours(frame: np.ndarray, stack: np.ndarray) -> np.ndarray:
    """Return the contours of a frame, at levels that all frames share."""
    low, high = limits(stack, 0.02, 0.999)
    return level_lines(frame, np.linspace(low, high, LEVELS + 2)[1:-1].tolist())


def _histogram(frame: np.ndarray, stack: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the histogram of a frame over the range of all."""
    return np.histogram(frame, count_bins(stack))


def _bars(counts: np.ndarray, edges: np.ndarray) -> dict[str, list]:
    top = np.maximum(counts, 0.7)  # an empty bin has no height on a logarithmic axis
    return {"left": edges[:-1].tolist(), "right": edges[1:].tolist(), "top": top.tolist()}


def _histogram_figure(words: str, name: str):
    fig = figure(
        title=words, width=style.WIDTH // 4, height=190, x_axis_label="counts",
        y_axis_label="pixels", y_axis_type="log", tools="save", toolbar_location=None,
        name=f"{name}_histogram",
    )  # fmt: skip
    fig.y_range.start = 0.7
    return fig
