"""The part of a tab that follows the frame: movie, A C, and the average of events."""

import numpy as np

from scopeflow.explore.pictures import as_bytes
from scopeflow.pages.curation import pictures

EVENTS = 8  # averaged at most
BEFORE_S, AFTER_S = 0.5, 2.0
MINI_FRAMES = 40  # shown of an average at most
CLEAR = 0.2  # of a footprint's peak: so far it is taken to reach
SAMPLED = 8  # frames that the contrast is taken from


class MovieView:
    """Images of one tab that change from frame to frame.

    Parameters
    ----------
    view : View
        The tab; its images and controls exist.
    """

    def __init__(self, view) -> None:
        self.view, self.result = view, view.result
        controls, images = view.controls, view.images
        self._events = np.zeros(0, dtype=np.int64)
        if self.result.movie is None:
            for widget in (controls.background, controls.contrast):
                widget.visible = False
            images.movie.title.text = "movie: not kept"
            images.mini.title.text = "no movie, no events"
            view.say(self.result.why_no_movie)
            return
        self.set_contrast()
        controls.background.on_change("active", lambda a, o, new: self.set_contrast())
        controls.contrast.on_change("value", lambda a, o, new: view.later("f", self.show_again))
        for plot in (images.field,):
            plot.on_event("rangesupdate", lambda event: self._on_zoom())

    # ------------------------------------------------------------------ frames

    def _counts(self, t: int, where: pictures.Window) -> np.ndarray:
        frame = self.result.frame(t)[where.rows, where.cols].astype(np.float32)
        if self.view.controls.background.active:
            frame -= self.result.background[where.rows, where.cols] * self.result.course[t]
        return frame

    def set_contrast(self) -> None:
        """Set black and white from a few frames."""
        whole = self._window(everything=True)
        picks = np.linspace(0, self.result.n_frames - 1, SAMPLED).astype(int)
        values = np.stack([self._counts(int(t), whole) for t in picks])
        low, high = np.percentile(values, [1, 99.9])
        slider = self.view.controls.contrast
        bottom, top = float(np.floor(values.min())), float(np.ceil(values.max())) + 1
        slider.update(start=bottom, end=top, value=(float(low), float(max(high, low + 1))))
        self.show_again()

    def _window(self, everything: bool = False) -> pictures.Window:
        """Return what to send: all of a small field, of a large one what is in view."""
        height, width = self.result.shape
        field = self.view.images.field
        view = (field.x_range.start, field.x_range.end, field.y_range.start, field.y_range.end)
        if everything or max(height, width) <= pictures.IMAGE_PIXELS:
            view = (0, width, 0, height)
        return pictures.window(view, self.result.shape)

    def _on_zoom(self) -> None:
        if max(self.result.shape) > pictures.IMAGE_PIXELS:
            self.view.later("zoom", self.show_again)

    def show_again(self) -> None:
        """Show the frame again, since something else has changed."""
        self._show(self.view.controls.slider.value)

    def show(self, t: int) -> None:
        """Show a frame that the browser asks for, and tell it so."""
        if isinstance(t, int) and 0 <= t < self.result.n_frames:
            self._show(t)
            self.view.wire.shown = t

    def _show(self, t: int) -> None:
        images, shown, where = self.view.images, self.view.shown, self._window()
        place = {"x": [where.x], "y": [where.y], "dw": [where.width], "dh": [where.height]}
        traces = [self.result.traces(k)["C"] for k in shown]
        top = max((float(C.max(initial=0)) for C in traces), default=1.0)
        picture, row, col = pictures.activity_image(
            [self.result.footprints[k] for k in shown],
            [float(C[t]) for C in traces],
            self.result.shape,
            max(top, 1e-6),
        )
        images.activity_image.data = {
            "image": [picture], "x": [col - 0.5], "y": [row - 0.5],
            "dw": [picture.shape[1]], "dh": [picture.shape[0]],
        }  # fmt: skip
        if self.result.movie is None:
            return
        try:
            counts = self._counts(t, where)
        except OSError as error:
            self.view.say(f"The movie cannot be read: {error}")
            return
        picture = as_bytes(counts, *self.view.controls.contrast.value)
        images.movie_image.data = {"image": [picture], **place}

    # ------------------------------------------------------------------ events

    def _find_events(self) -> np.ndarray:
        S = self.result.traces(self.view.current)["S"]
        apart = max(round(AFTER_S * self.result.fps_hz), 1)
        return pictures.largest_events(S, apart, EVENTS)

    def jump_to_largest(self) -> None:
        """Go to the frame where the current unit is brightest."""
        C = self.result.traces(self.view.current)["C"]
        if C.size:
            self.go(int(C.argmax()))

    def go(self, t: int) -> None:
        """Move to a frame; the browser then asks for it."""
        self.view.controls.slider.value = t
        for cursor in self.view.traces.cursors:
            cursor.location = float(self.result.time_s[t])

    def next_event(self) -> None:
        """Go to the next of the largest events of the current unit, from the last to the first."""
        if self.view.current < 0:
            return
        events = self._find_events()
        if not len(events):
            self.view.say("This unit has no events.")
            return
        rise = round(0.2 * self.result.fps_hz)  # a little later it is bright
        frames = np.minimum(events + rise, self.result.n_frames - 1)
        later = frames[frames > self.view.controls.slider.value]
        self.go(int(later[0] if len(later) else frames[0]))

    def show_mini(self) -> None:
        """Average the movie around the current unit's largest events, in a thread."""
        if self.result.movie is None or self.view.current < 0:
            return
        k, fps_hz = self.view.current, self.result.fps_hz
        events = self._find_events()
        step = max(round((BEFORE_S + AFTER_S) * fps_hz / MINI_FRAMES), 1)
        before, after = (max(round(s * fps_hz / step), 1) for s in (BEFORE_S, AFTER_S))
        rows, cols = self._box(k)

        def read(i: int) -> np.ndarray:
            return self.result.frame(i, rows)[:, cols].astype(np.float32)

        def work():
            offsets = np.arange(-before, after) * step
            frames = pictures.mean_of_events(read, events, offsets, self.result.n_frames)
            low, high = np.percentile(frames, [2, 99.8]) if frames.size else (0, 1)
            return k, [as_bytes(f, low, high) for f in frames], offsets / fps_hz

        self.view.apart(work, lambda found: self._show_mini(*found, rows, cols, len(events)))

    def _box(self, k: int) -> tuple[slice, slice]:
        """Return a square around a unit, as far as it lies in the field."""
        height, width = self.result.shape
        one = self.result.footprints[k]
        clear = one.pixels[one.values >= CLEAR * one.values.max(initial=1)]
        rows, cols = np.divmod(clear, width)
        reach = max(1.2 * np.ptp(rows), 1.2 * np.ptp(cols), 8) if len(rows) else 8
        row, col = self.result.place[k]
        return tuple(
            slice(int(max(centre - reach, 0)), int(min(centre + reach + 1, size)))
            for centre, size in ((row, height), (col, width))
        )

    def _show_mini(self, k: int, frames: list, time_s: np.ndarray, rows, cols, n: int) -> None:
        if k != self.view.current:
            return
        images = self.view.images
        images.mini_stack.data = {"frames": frames, "time_s": time_s[: len(frames)]}
        place = {"x": [cols.start - 0.5], "y": [rows.start - 0.5],
                 "dw": [cols.stop - cols.start], "dh": [rows.stop - rows.start]}  # fmt: skip
        empty = {name: [] for name in ("image", *place)}
        images.mini_image.data = {"image": frames[:1], **place} if frames else empty
        images.mini.x_range.update(start=cols.start - 0.5, end=cols.stop - 0.5)
        images.mini.y_range.update(start=rows.stop - 0.5, end=rows.start - 0.5)
        images.mini.title.text = f"mean of {n} events" if n else "no events"

    # ------------------------------------------------------------------ zoom

    def zoom(self) -> None:
        """Zoom to the current unit, or back to the whole field."""
        if self.view.current < 0:
            return
        (height, width), field = self.result.shape, self.view.images.field
        rows, cols = self._box(self.view.current)
        side = 1.3 * max(rows.stop - rows.start, cols.stop - cols.start)
        if abs(field.x_range.end - field.x_range.start) <= side + 1:
            field.x_range.update(start=-0.5, end=width - 0.5)
            field.y_range.update(start=height - 0.5, end=-0.5)
        else:
            row, col = self.result.place[self.view.current]
            tall = side * height / width
            field.x_range.update(start=col - side / 2, end=col + side / 2)
            field.y_range.update(start=row + tall / 2, end=row - tall / 2)
        self._on_zoom()
