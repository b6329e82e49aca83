"""Sections against time: the raw recording, and the motion."""

import numpy as np
import pandas as pd
from bokeh.layouts import column, row
from bokeh.models import BoxAnnotation, ColumnDataSource, Range1d, Span

from scopeflow.report import style
from scopeflow.report.packing import bin_times, bin_width, envelope
from scopeflow.report.page import Section, table
from scopeflow.report.pictures import encoded, in_range, limits
from scopeflow.spans import LEAST_PX, axis_span

POINTS = 4000  # of a curve; more than a screen is wide
MARKS = 400  # marked stretches of frames that are drawn


def _line(fig, time_s, values, **options):
    """Draw a curve; where there are more frames than points, lowest and highest of each bin."""
    width = bin_width(1, len(values), POINTS)
    source = {
        "time_s": bin_times(time_s, width, pairs=True).astype(np.float32),
        "value": envelope(np.asarray(values, dtype=np.float32), width),
    }
    return fig.line("time_s", "value", source=ColumnDataSource(source), **options)


def _mark(fig, time_s: np.ndarray, marked: np.ndarray, colour: str) -> None:
    """Shade stretches of frames, the longest ones where there are very many."""
    found = sorted(style.stretches(marked), key=lambda pair: pair[0] - pair[1])[:MARKS]
    half = np.median(np.diff(time_s)) / 2 if len(time_s) > 1 else 0.5
    for first, last in found:
        fig.add_layout(
            BoxAnnotation(
                left=time_s[first] - half, right=time_s[last] + half, fill_color=colour,
                fill_alpha=0.45, line_color=colour, line_alpha=0.8,
            )
        )  # fmt: skip


def recording_section(frames: pd.DataFrame) -> Section:
    """Return brightness and change against time, faulty frames marked.

    Parameters
    ----------
    frames : DataFrame
        The table of frames: ``time_s``, ``mean``, ``min``, ``max``, ``difference``, ``status``.
    """
    time_s, status = frames["time_s"].to_numpy(), frames["status"]
    light = style.curve_figure("brightness of each frame", "counts", "light", height=240)
    for name, colour in (("max", style.ORANGE), ("mean", style.BLUE), ("min", style.GRAY)):
        _line(light, time_s, frames[name], color=colour, legend_label=name)
    style.legend_above(light)
    change = style.curve_figure(
        "change from the frame before", "counts", "change", height=160, x_range=light.x_range
    )
    _line(change, time_s, frames["difference"], color=style.GREEN)
    faults = [name for name in status.unique() if name]
    rows = []
    for i, fault in enumerate(faults):
        where = (status == fault).to_numpy()
        colour = style.STATUS_COLOURS[i % len(style.STATUS_COLOURS)]
        for fig in (light, change):
            _mark(fig, time_s, where, colour)
        rows.append((fault, where.sum(), f"{100 * where.mean():.2f} %", _examples(where, time_s)))
    head = ["fault", "frames", "share", "first of them, at (s)"]
    body = (
        table(head, rows, id="faults", numbers=(1, 2))
        if rows
        else '<p id="faults">Every frame is good.</p>'
    )
    if rows:
        names = (
            f'<span style="border-bottom: 4px solid {c}">{fault}</span>'
            for fault, c in zip(faults, style.STATUS_COLOURS, strict=False)
        )
        body += f"<p>Marked in the curves: {', '.join(names)}.</p>"
    return Section(
        "recording",
        "The recording",
        "Good: the mean is steady or sinks slowly (bleaching), the maximum stays below what the "
        "camera can count. Bad: steps or a saw-tooth in the mean (light or gain changed), a "
        "maximum flat at the top (saturated), tall spikes of change (jumps, lost frames).",
        body,
        {"recording-curves": column(light, change)},
        _decimated(len(frames)),
    )


def _examples(where: np.ndarray, time_s: np.ndarray) -> str:
    first = [f"{time_s[a]:.2f}" for a, _ in style.stretches(where)[:5]]
    return ", ".join(first)


def _decimated(n_frames: int) -> str:
    width = bin_width(1, n_frames, POINTS)
    if width == 1:
        return '<p class="note">Every frame is drawn.</p>'
    return f'<p class="note">Lowest and highest of every {width} frames are drawn.</p>'


def motion_section(
    time_s: np.ndarray,
    motion: np.ndarray,
    confidence: np.ndarray,
    left_out: np.ndarray,
    lowest: float,
    preview: dict,
) -> Section:
    """Return the correction against time, and images without and with it.

    Parameters
    ----------
    time_s : ndarray of float, shape (frame,)
    motion : ndarray of float, shape (frame, 2)
        Correction in px: height, width.
    confidence : ndarray of float, shape (frame,)
    left_out : ndarray of bool, shape (frame,)
        Good frames that could not be placed.
    lowest : float
        Confidence that a frame needs.
    preview : dict
        ``mean_before``, ``mean_after``, ``max_before``, ``max_after`` (height, width),
        ``sharpness`` and ``agreement`` (before, after), ``n_frames``.
    """
    shifts = style.curve_figure("correction applied", "px", "motion", height=240)
    for i, (name, colour) in enumerate((("height", style.BLUE), ("width", style.ORANGE))):
        _line(shifts, time_s, motion[:, i], color=colour, legend_label=name)
    shifts.y_range = Range1d(*axis_span(motion, LEAST_PX))
    style.legend_above(shifts)
    trust = style.curve_figure(
        "confidence of the placement (sd of the correlation)",
        "confidence (sd)",
        "confidence",
        height=160,
        x_range=shifts.x_range,
    )
    _line(trust, time_s, confidence, color=style.GREEN)
    trust.y_range = Range1d(0, float(max(np.nanquantile(confidence, 0.999) * 1.1, 1)))
    for fig in (shifts, trust):
        _mark(fig, time_s, left_out, style.PINK)
    needed = {"dimension": "width", "line_dash": "dashed", "line_color": "black"}
    trust.add_layout(Span(location=lowest, **needed))
    lost = left_out.sum()
    marked = " (pink) and are" if lost else "; none is"
    body = f"<p>{lost} good frames could not be placed{marked} left out.</p>"
    sharp, agree = preview["sharpness"], preview["agreement"]
    rows = [
        ("sharpness of the mean image (counts per px)", f"{sharp[0]:.3g}", f"{sharp[1]:.3g}"),
        ("correlation of frames with the mean image", f"{agree[0]:.4f}", f"{agree[1]:.4f}"),
    ]
    body += table(["", "before", "after"], rows, id="sharpness", numbers=(1, 2))
    return Section(
        "motion",
        "Motion",
        "Good: shifts of a few px that return, high confidence throughout, vessels and cells "
        "sharper and both numbers larger after than before. Bad: shifts that stick at the limit or "
        "jump back and forth, confidence near the dashed line, images that are doubled or not "
        "sharper. Then see motion.max_shift_px, or motion.region to keep a dirty lens out.",
        body,
        {"motion-curves": column(shifts, trust), "motion-images": _pairs(preview)},
        _decimated(len(time_s))
        + f'<p class="note">Images and numbers are those of {preview["n_frames"]} frames spread '
        "over the recording, the same ones before and after, less the fixed glow. Sharpness is the "
        "slope of the mean. For the numbers images are smoothed by a tenth of a cell's width, so "
        "that grain does not count.</p>",
    )


def _pairs(preview: dict):
    """Return mean and maximum, without and with the correction, zoomed together."""
    shape = preview["mean_before"].shape
    shared: dict = {}
    rows = []
    for kind in ("mean", "max"):
        bounds = limits(preview[f"{kind}_after"])
        figures = []
        for when in ("before", "after"):
            words = {"mean": "mean", "max": "maximum"}[kind]
            fig = style.image_figure(
                f"{words} {when} the correction", shape, f"{kind}_{when}", 460, **shared
            )
            shared = {"x_range": fig.x_range, "y_range": fig.y_range}
            style.add_image(fig, encoded(in_range(preview[f"{kind}_{when}"], bounds)), shape)
            figures.append(fig)
        rows.append(row(*figures))
    return column(*rows)
