"""How far one image is shifted against another: the pair estimator of motion correction.

Images are reduced to spectra that hold only what is of the size of cells and vessels.
Everything else is done on spectra: a shift is a phase, a template a mean, a correlation a
small matrix product over the shifts that are searched.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import fft, ndimage

from scopeflow.events import band_pass
from scopeflow.frame_sums import add_binned

# Highest frequency kept, in cycles per width of the filter, where a cell has 1 % of its contrast
# left and sharp vessels 30 %; and the highest of all, in cycles per binned pixel.
BAND, BAND_MAX = 0.25, 0.35
TAPER_DIAMETERS = 1.0  # width of the soft edge, in cell diameters
STEP = 0.25  # binned px, of the search around the peak
FINE = np.arange(-1, 1 + STEP, STEP)
COARSE = np.arange(-1.5, 2, 0.5)  # around a guess that is already good
SHARED_MIN = 0.1
SHRINK = 2.0  # noises by which templates are drawn towards 0
EXCLUDED_DIAMETERS = 0.75  # around the peak, where the surface is not noise


@dataclass(frozen=True, eq=False)
class Registrar:
    """Turns frames into spectra and finds the shift between two spectra.

    Attributes
    ----------
    bin_px : int
        Pixels averaged along each side; 2 where a cell still spans 6 of them.
    sigma : float
        Width of the band-pass filter, in binned px.
    max_shift : int
        Largest shift searched along each axis, in binned px.
    padded : tuple of int
        Size of the transform: the image and zeros for the largest shift, so that the
        correlation does not wrap around.
    taper : ndarray of float32, shape (height, width)
        Soft edge of the binned image.
    shared : tuple of ndarray of float64
        For rows and columns, the part of the soft edges that two images share at a shift of
        0, 1, ... binned px.
    shared_inside : ndarray of float64, or None
        The same for a taper that is no product of rows and columns, at all shifts up to the
        largest along either axis, no shift in the middle.
    """

    bin_px: int
    sigma: float
    max_shift: int
    padded: tuple[int, int]
    taper: np.ndarray
    shared: tuple[np.ndarray, np.ndarray]
    shared_inside: np.ndarray | None = None

    @classmethod
    def for_images(
        cls,
        shape: tuple[int, int],
        cell_diameter_px: float,
        max_shift_px: float,
        inside: np.ndarray | None = None,
    ) -> "Registrar":
        """Derive the sizes from image (height, width), cell and largest shift, in px.

        `inside` (height, width) of bool, if given, marks the pixels that may be looked at: a
        soft edge is laid along its border too.
        """
        bin_px = 2 if cell_diameter_px >= 12 else 1
        small = [n // bin_px for n in shape]
        max_shift = int(np.ceil(max_shift_px / bin_px))
        padded = tuple(fft.next_fast_len(n + max_shift, real=True) for n in small)
        edge = TAPER_DIAMETERS * cell_diameter_px / bin_px
        ramps = [_soft_edge(n, edge) for n in small]
        taper = np.outer(*ramps).astype(np.float32)
        shared = tuple(np.correlate(r, r, "full")[len(r) - 1 :] / (r @ r) for r in ramps)
        within = None
        if inside is not None:
            taper = taper * _soft_border(inside[::bin_px, ::bin_px][: small[0], : small[1]], edge)
            within = _shared_at_shifts(taper, max_shift)
        return cls(bin_px, cell_diameter_px / 8 / bin_px, max_shift, padded, taper, shared, within)

    def binned(self, frames: np.ndarray) -> np.ndarray:
        """Return frames (frame, height, width) averaged over `bin_px`, as float32."""
        images = np.zeros((len(frames), *self.taper.shape), dtype=np.float32)
        for t, image in enumerate(images):
            add_binned(frames, np.array([t]), self.bin_px, image)
        images /= self.bin_px**2
        return images

    def spectra(self, binned: np.ndarray) -> np.ndarray:
        """Return the spectra of frames.

        Parameters
        ----------
        binned : ndarray of float32, shape (frame, height, width)
            Of `binned`; without the glow, which does not move with the brain.

        Returns
        -------
        ndarray of complex64, shape (frame, row frequency, column frequency)
            Frequencies inside the band only.
        """
        return np.stack([self._spectra(band_pass(b, self.sigma) * self.taper) for b in binned])

    @cached_property
    def _frequencies(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the indices of the frequencies kept."""
        n_rows, n_cols = self.padded
        band = min(BAND / self.sigma, BAND_MAX)
        highest = int(band * n_rows)
        rows = np.r_[0 : highest + 1, n_rows - highest : n_rows]
        return rows, np.arange(int(band * n_cols) + 1)

    def moved(self, spectra: np.ndarray, shifts: np.ndarray) -> np.ndarray:
        """Return spectra (image, ...) after shifts (image, 2) in px are applied."""
        rows, cols = self._frequencies
        per_row = np.where(rows > self.padded[0] // 2, rows - self.padded[0], rows) / self.padded[0]
        shifts = np.asarray(shifts, dtype=np.float64) / self.bin_px
        along_rows = np.exp(-2j * np.pi * np.outer(shifts[:, 0], per_row)).astype(np.complex64)
        along_cols = np.exp(-2j * np.pi * np.outer(shifts[:, 1], cols / self.padded[1]))
        moved = spectra * along_rows[:, :, None]
        moved *= along_cols.astype(np.complex64)[:, None, :]
        return moved

    def spectrum_of_max(self, spectra: np.ndarray) -> np.ndarray:
        """Return the spectrum of the maximum, pixel by pixel, of images given as spectra."""
        return self._spectra(self._images(spectra).max(axis=0))

    def shrunk(self, spectra: np.ndarray) -> np.ndarray:
        """Return templates without their noise, given as spectra (template, row, column).

        Pixel by pixel, values are drawn towards 0 by `SHRINK` times the noise. Most of a
        field is dark at any time, and correlates with nothing but the noise of a frame.
        """
        images = self._images(spectra)
        for image in images:
            some = image[: self.taper.shape[0] : 2, : self.taper.shape[1] : 2]  # enough to tell it
            level = np.float32(SHRINK / 0.6745 * np.median(np.abs(some)))
            image -= np.clip(image, -level, level)
        return self._spectra(images)

    def _spectra(self, images: np.ndarray) -> np.ndarray:
        """Transform images (..., row, column); frequencies outside the band are not computed."""
        rows, cols = self._frequencies
        by_row = fft.rfft(images, self.padded[1], axis=-1, workers=1)[..., cols]
        whole = fft.fft(by_row, self.padded[0], axis=-2, workers=1, overwrite_x=True)
        return whole[..., rows, :].astype(np.complex64, copy=False)

    def _images(self, spectra: np.ndarray) -> np.ndarray:
        """Return what spectra (..., row frequency, column frequency) show, padding included."""
        rows, cols = self._frequencies
        whole = np.zeros((*spectra.shape[:-2], self.padded[0], len(cols)), dtype=np.complex64)
        whole[..., rows, :] = spectra
        by_row = fft.ifft(whole, axis=-2, workers=1, overwrite_x=True)
        return fft.irfft(by_row, self.padded[1], axis=-1, workers=1)

    def shifts_between(
        self, moving: np.ndarray, fixed: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Find the corrections that move images onto others, pair by pair.

        Parameters
        ----------
        moving, fixed : ndarray of complex64, shape (pair, row frequency, column frequency)
            Of `spectra`.

        Returns
        -------
        shifts : ndarray of float64, shape (pair, 2)
            Rows and columns in px; positive moves the content to larger index.
        confidence : ndarray of float64, shape (pair,)
            Height of the correlation's peak over the rest of the surface, in standard
            deviations of the latter.

        Notes
        -----
        The correlation is computed at all whole shifts within the largest allowed, then in
        quarters of a pixel around the peak (the transform is a small matrix product for any
        set of shifts: Guizar-Sicairos et al. 2008); a paraboloid through the peak of these
        gives the rest. One through whole pixels errs by up to 0.2 px.

        The soft edges stay where they are, so that two images share less the further one is
        shifted, which draws the peak towards no shift. The surface is divided by what the
        edges share.
        """
        cross = fixed * moving.conj()
        to_rows, to_cols = self._whole_shifts
        surfaces = (to_rows @ cross @ to_cols).real
        pairs, shape = np.arange(len(cross)), surfaces.shape[1:]
        tops = np.unravel_index(surfaces.reshape(len(cross), -1).argmax(axis=1), shape)
        to_rows, to_cols = self._fine_shifts
        n = round(1 / STEP)
        rows, cols = (n * top[:, None] + np.arange(len(FINE)) for top in tops)
        near = (to_rows[rows] @ cross @ to_cols[:, cols].transpose(1, 0, 2)).real
        places = [FINE + top[:, None] - self.max_shift for top in tops]
        peaks = self._peaks(near, places, 0.0)
        heights = self._heights(surfaces, np.stack(tops, axis=1), surfaces[pairs, tops[0], tops[1]])
        return peaks, heights

    def confidences(self, moving: np.ndarray, fixed: np.ndarray, shifts: np.ndarray) -> list[float]:
        """Return the confidence of `shifts_between` in corrections that are given.

        Parameters
        ----------
        moving : ndarray of complex64, shape (image, row frequency, column frequency)
            Not moved.
        fixed : ndarray of complex64, shape (row frequency, column frequency)
            Their template.
        shifts : ndarray of float64, shape (image, 2)
            Corrections in px.
        """
        to_rows, to_cols = self._whole_shifts
        cross = fixed * moving.conj()
        # Every second shift along each axis tells the spread as well.
        surfaces = (to_rows[::2] @ cross @ to_cols[:, ::2]).real
        places = np.rint(shifts / self.bin_px).astype(int) + self.max_shift
        places = np.clip(places, 0, 2 * self.max_shift)
        heights = np.array([
            (to_rows[row] @ own @ to_cols[:, col]).real
            for own, (row, col) in zip(cross, places, strict=True)
        ])  # fmt: skip
        return self._heights(surfaces, places / 2, heights, every=2)

    def _heights(
        self, surfaces: np.ndarray, tops: np.ndarray, heights: np.ndarray, every: int = 1
    ) -> np.ndarray:
        """Return how many standard deviations of the rest correlations stand out.

        Surfaces (image, row, column) hold one in `every` shifts along each axis, `tops` (image,
        2) are places in them, where the surfaces are as high as `heights` (image,).
        """
        reach = EXCLUDED_DIAMETERS * 8 * self.sigma / every
        sums = surfaces.sum(axis=(1, 2), dtype=np.float64)
        squares = np.einsum("kyx,kyx->k", surfaces, surfaces, dtype=np.float64)
        first = np.maximum(np.ceil(tops - reach), 0).astype(int)
        stop = np.floor(tops + reach).astype(int) + 1
        count = np.full(len(surfaces), surfaces[0].size)
        for k, ((top, left), (bottom, right)) in enumerate(zip(first, stop, strict=True)):
            peak = surfaces[k, top:bottom, left:right].astype(np.float64)
            sums[k] -= peak.sum()
            squares[k] -= (peak**2).sum()
            count[k] -= peak.size
        mean = sums / np.maximum(count, 1)
        spread = np.sqrt(np.maximum(squares / np.maximum(count, 1) - mean**2, 0))
        clear = (count > 8) & (spread > 1e-6 * np.abs(heights))
        return np.divide(heights - mean, spread, out=np.zeros(len(mean)), where=clear)

    def shifts_near(
        self, aligned: np.ndarray, fixed: np.ndarray, guesses: np.ndarray, centre: np.ndarray
    ) -> np.ndarray:
        """Find corrections near guesses; otherwise as `shifts_between`, and much quicker.

        Parameters
        ----------
        aligned : ndarray of complex64, shape (image, row frequency, column frequency)
            Moved by the guesses.
        fixed : ndarray of complex64, shape (row frequency, column frequency)
            What they are registered to.
        guesses : ndarray of float64, shape (image, 2)
            Corrections in px.
        centre : ndarray of float64, shape (2,)
            Mean shift of the images that `fixed` was made of, in px.

        Returns
        -------
        ndarray of float64, shape (image, 2)
        """
        to_rows, to_cols = self._coarse_shifts
        surfaces = (to_rows @ (fixed * aligned.conj()) @ to_cols).real
        places = [COARSE + along[:, None] for along in guesses.T / self.bin_px]
        return self._peaks(surfaces, places, centre)

    def _peaks(
        self, surfaces: np.ndarray, places: list[np.ndarray], centre: np.ndarray | float
    ) -> np.ndarray:
        """Return the shifts in px at which correlations peak, shape (image, 2).

        Surfaces (image, row, column) are known at places (image, row) and (image, column) in
        binned px.
        """
        surfaces = surfaces / self._shared(places, centre)
        n_images, *shape = surfaces.shape
        best = np.unravel_index(surfaces.reshape(n_images, -1).argmax(axis=1), shape)
        image = np.arange(n_images)
        lines = surfaces[image, :, best[1]], surfaces[image, best[0]]  # through the peaks
        found = [
            along[image, top] + (along[:, 1] - along[:, 0]) * _vertices(line, top)
            for along, line, top in zip(places, lines, best, strict=True)
        ]
        return self.bin_px * np.stack(found, axis=1)

    def _shared(self, places: list[np.ndarray], centre: np.ndarray | float) -> np.ndarray:
        """Return how much of the soft edges two images share at places, in binned px."""
        centre = np.broadcast_to(centre, 2) / self.bin_px
        if self.shared_inside is not None:
            middle = np.array(self.shared_inside.shape) // 2
            rows, cols = (p - c + m for p, c, m in zip(places, centre, middle, strict=True))
            at = np.broadcast_arrays(rows[:, :, None], cols[:, None, :])
            part = ndimage.map_coordinates(self.shared_inside, at, order=1, mode="nearest")
            return np.maximum(part, SHARED_MIN)
        rows, cols = (
            np.interp(np.abs(place - middle), np.arange(len(ramp)), ramp)
            for ramp, place, middle in zip(self.shared, places, centre, strict=True)
        )
        return np.maximum(rows[:, :, None] * cols[:, None, :], SHARED_MIN)

    @cached_property
    def _whole_shifts(self) -> tuple[np.ndarray, np.ndarray]:
        """Return `_transforms` for all whole shifts up to the largest."""
        return self._transforms(np.arange(-self.max_shift, self.max_shift + 1))

    @cached_property
    def _fine_shifts(self) -> tuple[np.ndarray, np.ndarray]:
        """Return `_transforms` for `FINE` around each of these, in steps of `STEP`."""
        farthest = self.max_shift + 1
        return self._transforms(np.arange(-farthest, farthest + STEP / 2, STEP))

    @cached_property
    def _coarse_shifts(self) -> tuple[np.ndarray, np.ndarray]:
        """Return `_transforms` for `COARSE`."""
        return self._transforms(COARSE)

    def _transforms(self, shifts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return matrices that take a cross spectrum to its correlation at shifts in binned px."""
        rows, cols = self._frequencies
        rows = np.where(rows > self.padded[0] // 2, rows - self.padded[0], rows)
        to_rows = np.exp(2j * np.pi * np.outer(shifts, rows / self.padded[0]))
        to_cols = np.exp(2j * np.pi * np.outer(cols / self.padded[1], shifts))
        to_cols[1:] *= 2  # the other half of the spectrum of a real image
        return to_rows.astype(np.complex64), to_cols.astype(np.complex64)


def _soft_edge(n: int, width: float) -> np.ndarray:
    """Rise from 0 to 1 over `width` samples at both ends of a line of `n`."""
    width = min(width, n / 4)
    distance = np.minimum(np.arange(n) + 0.5, n - np.arange(n) - 0.5)
    return 0.5 - 0.5 * np.cos(np.pi * np.minimum(distance / max(width, 1e-9), 1))


def _soft_border(inside: np.ndarray, width: float) -> np.ndarray:
    """Rise from 0 to 1 over `width` px within the border of a region (height, width)."""
    depth = ndimage.distance_transform_edt(inside)
    return (0.5 - 0.5 * np.cos(np.pi * np.clip((depth - 0.5) / width, 0, 1))).astype(np.float32)


def _shared_at_shifts(taper: np.ndarray, max_shift: int) -> np.ndarray:
    """Return the part of its weight that a taper shares with itself, by shift (row, column)."""
    size = [fft.next_fast_len(n + max_shift, real=True) for n in taper.shape]
    power = np.abs(fft.rfft2(taper.astype(np.float64), size)) ** 2
    shared = fft.fftshift(fft.irfft2(power, size))
    rows, cols = (slice(n // 2 - max_shift, n // 2 + max_shift + 1) for n in size)
    return shared[rows, cols] / shared[size[0] // 2, size[1] // 2]


def _vertices(lines: np.ndarray, tops: np.ndarray) -> np.ndarray:
    """Return the offset of each parabola's vertex from the largest sample of its line.

    Lines are of shape (image, sample); 0 at either end.
    """
    image, inner = np.arange(len(lines)), np.clip(tops, 1, lines.shape[1] - 2)
    before, middle, after = (lines[image, inner + k].astype(np.float64) for k in (-1, 0, 1))
    curvature = before - 2 * middle + after
    peaked = (inner == tops) & (curvature < 0)
    return np.divide(0.5 * (before - after), curvature, out=np.zeros(len(lines)), where=peaked)
