"""The part of a tab that shows which unit is which: outlines, table, numbers, state."""

import html

import numpy as np
from bokeh.palettes import Cividis256

from scopeflow.explore.pictures import as_bytes
from scopeflow.pages.curation import pictures
from scopeflow.pages.curation.agreement import verdict
from scopeflow.pages.curation.layout import CHOSEN_COLOURS, LABEL_COLOURS

REPORTED = ("snr", "spatial_r", "size_px", "diameter_px", "accepted")


class FieldView:
    """Outlines of all units, those looked at, the table and the line of state.

    Parameters
    ----------
    view : View
        The tab; its images and controls exist.
    """

    def __init__(self, view) -> None:
        self.view, self.session, self.result = view, view.session, view.result
        self.images, self.controls = view.images, view.controls
        view.controls.colour.on_change("value", lambda a, o, new: self.show_colours())
        view.controls.backdrop.on_change("value", lambda a, o, new: self.show_backdrop())
        self._show_field()

    @property
    def decisions(self):
        """What is decided so far."""
        return self.session.store.decisions

    def word(self, k: int) -> str:
        """Return the state of the unit at position `k` in a word."""
        return self.decisions.word(int(self.result.unit_id[k]))

    def show_backdrop(self) -> None:
        """Show footprints or the maximum over time, in which missed cells are seen, too."""
        image, title = self.session.field, "all footprints"
        if self.controls.backdrop.value == "max projection":
            bright = self.result.max_proj
            image = as_bytes(bright, *np.percentile(bright, [1, 99.8]))
            title = "max projection"
        height, width = self.result.shape
        self.images.field.title.text = title
        self.images.field_image.data = {
            "image": [image], "x": [-0.5], "y": [-0.5], "dw": [width], "dh": [height],
        }  # fmt: skip

    def _show_field(self) -> None:
        self.show_backdrop()
        xs, ys = zip(*self.session.outlines, strict=True) if self.session.outlines else ((), ())
        n = self.result.n_units
        self.images.outlines.data = {
            "xs": list(xs), "ys": list(ys), "colour": [""] * n, "dash": ["solid"] * n,
        }  # fmt: skip
        self.show_colours()
        self.show_table()

    def show_colours(self) -> None:
        """Colour the outlines by label or by a column."""
        name, bar = self.controls.colour.value, self.images.colour_bar
        units = self.result.unit_id.tolist()
        verdicts = [verdict(self.decisions, unit) for unit in units]
        if name in self.result.columns:
            values = self.result.columns[name]
            colours, low, high = pictures.coloured(values, Cividis256)
            bar.color_mapper.low, bar.color_mapper.high = low, high
            unit = self.result.column_units.get(name) or "1"
            bar.title = name if unit == "1" else f"{name} ({unit})"
            bar.visible = True
        else:
            colours, bar.visible = [LABEL_COLOURS[v] for v in verdicts], False
        self.images.outlines.data["colour"] = colours
        self.images.outlines.data["dash"] = ["dashed" if v == "drop" else "solid" for v in verdicts]

    def show_table(self) -> None:
        """Show the units in order."""
        value = self.controls.order.value
        name = value[1:] if value[1:] in self.result.columns else "snr"
        column = self.result.columns.get(name, np.full(self.result.n_units, np.nan))
        ids, table = self.result.unit_id[self.view.order], self.controls.units
        table.columns[2].title = name
        self.view.quiet = True
        table.source.data = {
            "unit_id": ids, "label": [self.word(int(k)) for k in self.view.order],
            "value": column[self.view.order],
            "note": [self.decisions.of(unit).note for unit in ids.tolist()],
        }  # fmt: skip
        table.source.selected.indices = np.flatnonzero(
            self.view.order == self.view.current
        ).tolist()
        self.view.quiet = False
        self.show_status()

    def show_chosen(self) -> None:
        """Mark the units looked at in all images, and fill in what is known of the first."""
        shown = self.view.shown
        colours = list(CHOSEN_COLOURS[: len(shown)])
        outlines = [self.session.outlines[k] for k in shown]
        self.images.chosen.data = {
            "xs": [x for x, _ in outlines], "ys": [y for _, y in outlines], "colour": colours,
        }  # fmt: skip
        place = self.result.place[shown]
        self.images.numbers.data = {
            "x": place[:, 1], "y": place[:, 0], "colour": colours,
            "text": [str(unit) for unit in self.result.unit_id[shown]],
        }  # fmt: skip
        self.view.quiet = True
        self.controls.note.value = self.decisions.of(
            int(self.result.unit_id[self.view.current])
        ).note
        at = np.flatnonzero(self.view.order == self.view.current).tolist()
        self.controls.units.source.selected.indices = at
        self.view.quiet = False
        self.show_status()

    def show_status(self) -> None:
        counts = self.decisions.counts()
        words = ", ".join(f"{n} {word}" for word, n in counts.items())
        head = "no unit"
        if self.view.current >= 0:
            k = self.view.current
            at = int(np.flatnonzero(self.view.order == k)[0]) + 1
            others = [str(self.result.unit_id[i]) for i in self.view.chosen[1:]]
            numbers = ", ".join(
                f"{name} {self.result.columns[name][k]:.3g}"
                for name in REPORTED
                if name in self.result.columns
            )
            head = (
                f"<b>unit {self.result.unit_id[k]}</b> ({at} of {len(self.view.order)}) "
                f"{'and ' + ', '.join(others) if others else ''} "
                f"<b>{html.escape(self.word(k)) or 'not decided'}</b>; {numbers}"
            )
        saved = html.escape("/".join(self.session.store.path.parts[-3:]))
        self.controls.status.text = f"{head}<br>{words}; labels: <code>{saved}</code>"
