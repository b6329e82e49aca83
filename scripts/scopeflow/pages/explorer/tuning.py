"""Controls for single settings: each shows what is set, and tells the desk what is chosen."""

from collections.abc import Callable

from bokeh.layouts import row
from bokeh.models import Checkbox, Select, Slider

from scopeflow.pages.explorer.desk import Desk
from scopeflow.pages.explorer.parts import on_change, tagged

WIDTH = 260


class Tuned:
    """A slider for a number; with a box for "automatic" where the setting may be null.

    Parameters
    ----------
    desk : Desk
        Where the choice goes.
    key : str
        The setting, dotted.
    title : str
        What it is, with its unit.
    start, end, step : float
        Of the slider.
    automatic : callable, optional
        Returns what null stands for.
    whole : bool, optional
        The setting is a whole number.
    """

    def __init__(
        self,
        desk: Desk,
        key: str,
        title: str,
        start: float,
        end: float,
        step: float,
        automatic: Callable[[], float] | None = None,
        whole: bool = False,
    ) -> None:
        self._desk, self._key, self._automatic, self._whole = desk, key, automatic, whole
        self._showing = False
        name = key.replace(".", "-")
        value = self.value
        self._slider = tagged(
            Slider(start=min(start, value), end=max(end, value), step=step, value=value,
                   title=title, width=WIDTH), name
        )  # fmt: skip
        self._auto = tagged(Checkbox(label="automatic", active=desk.value(key) is None),
                            f"{name}-auto")  # fmt: skip
        on_change(self._slider, "value", self._slid)
        on_change(self._auto, "active", self._switched)
        self.view = row(self._slider, self._auto) if automatic else row(self._slider)
        desk.listen(self.show)
        self.show()

    @property
    def value(self) -> float:
        """The number that holds: chosen, set or automatic."""
        value = self._desk.value(self._key)
        if value is None and self._automatic is not None:
            value = self._automatic()
        return int(value) if self._whole else float(value)

    def show(self) -> None:
        """Show what holds; automatic values follow others."""
        self._showing = True
        value = self.value
        if not self._slider.start <= value <= self._slider.end:
            self._slider.update(
                start=min(value, self._slider.start), end=max(value, self._slider.end)
            )
        self._slider.value = value
        self._auto.active = self._automatic is not None and self._desk.value(self._key) is None
        self._showing = False

    def _slid(self) -> None:
        if not self._showing:
            number = self._slider.value
            # Floats of a slider carry noise of the step's arithmetic.
            self._desk.choose(self._key, int(number) if self._whole else round(float(number), 6))

    def _switched(self) -> None:
        if not self._showing:
            number = None if self._auto.active else self._slider.value
            whole = self._whole and number is not None
            self._desk.choose(self._key, int(number) if whole else number)


class Picked:
    """A list to pick one of few values from."""

    def __init__(self, desk: Desk, key: str, title: str, options: list) -> None:
        self._desk, self._key = desk, key
        self._values = {str(option): option for option in options}
        self.view = tagged(
            Select(title=title, options=list(self._values), value=str(desk.value(key)), width=150),
            key.replace(".", "-"),
        )
        on_change(self.view, "value", lambda: desk.choose(key, self._values[self.view.value]))
        desk.listen(self.show)

    def show(self) -> None:
        """Show what holds."""
        self.view.value = str(self._desk.value(self._key))


class Switched:
    """A box for true or false."""

    def __init__(self, desk: Desk, key: str, title: str) -> None:
        self._desk, self._key = desk, key
        self.view = tagged(
            Checkbox(label=title, active=bool(desk.value(key))), key.replace(".", "-")
        )
        on_change(self.view, "active", lambda: desk.choose(key, bool(self.view.active)))
        desk.listen(self.show)

    def show(self) -> None:
        """Show what holds."""
        self.view.active = bool(self._desk.value(self._key))
