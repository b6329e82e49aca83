"""The part of a tab that lists pairs to merge, and differences between raters."""

import html

from scopeflow.errors import InputError
from scopeflow.pages.curation.agreement import compare_raters, report


class ListView:
    """Lists beside the traces.

    Parameters
    ----------
    view : View
        The tab; its controls exist.
    """

    def __init__(self, view) -> None:
        self.view, self.session, self.result = view, view.session, view.result
        self.controls = c = view.controls
        self._pairs = None
        c.pairs.source.selected.on_change("indices", lambda a, o, new: self.on_pair(new))
        c.differences.source.selected.on_change("indices", lambda a, o, n: self.on_difference(n))
        c.others.on_change("value", lambda a, o, new: view.told(self.on_other)(new))

    def find_pairs(self) -> None:
        """Look for pairs that may be one cell, in a thread: it reads all traces."""
        self.controls.buttons["find"].disabled = True
        self.controls.pairs_text.text = "Looking through all traces ..."
        self.view.apart(self.session.pairs, self._show_pairs)

    def _show_pairs(self, pairs) -> None:
        self.controls.buttons["find"].disabled = False
        ids = self.result.unit_id
        self._pairs = pairs
        self.controls.pairs.source.data = {
            "first": ids[pairs.first], "second": ids[pairs.second], "overlap": pairs.overlap,
            "correlation": pairs.correlation, "distance_px": pairs.distance_px,
        }  # fmt: skip
        self.controls.pairs_text.text = (
            f"{len(pairs.first)} pairs share pixels and rise together (overlap: cosine of the "
            "footprints; correlation: of C). Click one to choose both; m merges."
        )

    def on_pair(self, rows: list[int]) -> None:
        """A pair was clicked: both are chosen."""
        if self._pairs is not None and rows and 0 <= rows[0] < len(self._pairs.first):
            self.view.choose(int(self._pairs.first[rows[0]]))
            self.view.choose(int(self._pairs.second[rows[0]]), add=True)

    def on_other(self, name: str) -> None:
        """Compare with another rater; only names that were found on the disk are heeded."""
        theirs = self.session.decisions_of(name) if name else None
        if theirs is None:
            self.controls.agreement.text = ""
            self.controls.differences.source.data = {"unit_id": [], "yours": [], "theirs": []}
            return
        result = compare_raters(self.session.store.decisions, theirs)
        head = report(result, ("You", name)).split("\n")[: 2 if result.table.sum() else 1]
        self.controls.agreement.text = "<br>".join(html.escape(line) for line in head)
        unit, yours, their = (
            zip(*result.differences, strict=True) if result.differences else ((),) * 3
        )
        self.controls.differences.source.data = {
            "unit_id": list(unit), "yours": list(yours), "theirs": list(their)
        }  # fmt: skip

    def on_difference(self, rows: list[int]) -> None:
        """A difference was clicked."""
        units = self.controls.differences.source.data["unit_id"]
        if rows and 0 <= rows[0] < len(units):
            self.view.choose(self.session.position[int(units[rows[0]])])

    def next_difference(self) -> None:
        """Go to the next unit on which the raters differ."""
        source = self.controls.differences.source
        n = len(source.data["unit_id"])
        if not n:
            raise InputError(
                "Choose a rater to compare with first; without differences none is next."
            )
        last = source.selected.indices
        source.selected.indices = [(last[0] + 1) % n if last else 0]
