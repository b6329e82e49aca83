"""The part of a tab that shows traces: of the current unit, and of all looked at."""

import numpy as np
from bokeh.events import RangesUpdate

from scopeflow.pages.curation import pictures
from scopeflow.pages.curation.layout import CHOSEN_COLOURS, TRACE_PX


class TraceView:
    """Traces of one tab, thinned to the stretch of time that is looked at.

    Parameters
    ----------
    view : View
        The tab; its figures and controls exist.
    """

    def __init__(self, view) -> None:
        self.view, self.result, self.figures = view, view.result, view.traces
        view.controls.scale.on_change("active", lambda a, o, new: self.show_rows())
        self.figures.unit.on_event(RangesUpdate, lambda event: view.later("traces", self.show))

    def show(self) -> None:
        """Show the traces of the current unit in the stretch of time that is looked at."""
        if self.view.current < 0:
            return
        values, k = self.result.traces(self.view.current), self.view.current
        b0 = self.result.columns["b0"][k] if "b0" in self.result.columns else 0.0
        for source, y in (
            (self.figures.raw, values["YrA"]),
            (self.figures.fit, values["C"] + np.float32(b0)),
            (self.figures.activity, values["S"]),
        ):
            x, y = self._thin(y)
            source.data = {"x": x, "y": y}
        self.figures.unit.title.text = f"unit {self.result.unit_id[k]}"
        self.show_rows()

    def _thin(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        view = self.figures.unit.x_range
        margin = (view.end - view.start) / 2
        start, stop = view.start - margin, view.end + margin
        return pictures.thinned(self.result.time_s, y, start, stop, 2 * TRACE_PX)

    def show_rows(self) -> None:
        """Show all units looked at below each other."""
        if self.view.current < 0:
            return
        shown = self.view.shown
        traces = [self.result.traces(k) for k in shown]
        peaks = [max(float(t["C"].max(initial=0)), 1e-6) for t in traces]
        scales = peaks if self.view.controls.scale.active else [max(peaks)] * len(peaks)
        xs, ys, alpha = [], [], []
        for i, (trace, scale) in enumerate(zip(traces, scales, strict=True)):
            quiet = np.nan_to_num(np.nanmedian(trace["YrA"] - trace["C"]))
            for y, a in ((trace["YrA"] - quiet, 0.35), (trace["C"], 1.0)):
                x, y = self._thin(y)
                xs.append(x)
                ys.append((0.9 * y / scale - i).astype(np.float32))
                alpha.append(a)
        colours = [CHOSEN_COLOURS[i // 2] for i in range(2 * len(shown))]
        self.figures.rows.data = {"xs": xs, "ys": ys, "colour": colours, "alpha": alpha}
        axis, ids = self.figures.group.yaxis[0], self.result.unit_id[shown]
        axis.ticker.ticks = [-i for i in range(len(shown))]
        axis.major_label_overrides = {-i: str(unit) for i, unit in enumerate(ids)}
        self.figures.group.title.text = "peaks in camera counts: " + ", ".join(
            f"{unit}: {peak:.3g}" for unit, peak in zip(ids, peaks, strict=True)
        )
