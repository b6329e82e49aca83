"""Simulated recordings with known cells, activity and motion.

Follows the paper's "Generation of simulated datasets" with the constants of the published
validation code, which differ from the text in three places: the drawn widths of cells and
backgrounds are variances, a frame holds a spike with probability 0.005, and the steps of
the background's random walk have a standard deviation of 0.2. Frames are made slab by
slab from the few numbers that describe a recording, so its length costs no memory.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import ndimage, signal, sparse
from scipy.interpolate import CubicSpline
from scipy.spatial import KDTree

from scopeflow import hardships
from scopeflow.footprints import from_rows
from scopeflow.gaussians import REACH_SD, add_cells, gaussian
from scopeflow.recipes import SHIFT_MAX_PX, complete
from scopeflow.track_run import PlaceFields, Run, make_place_fields, make_run, place_rate

GAIN_COUNTS = 60.0  # camera counts per unit of the simulation, at signal levels up to 1
DEEP_GAIN, DEEP_MAX = 16, 4095  # of 16-bit recordings, from a camera of 12 bit
PEDESTAL = 1.0  # added before the gain
CELL_VARIANCE_SD = 1 / 3  # spread of a cell's variance, as a share of the mean
CELL_VARIANCE_MIN_PX2 = 3.0
BACKGROUND_VARIANCE_PX2 = (900.0, 50.0)  # mean and standard deviation
BACKGROUNDS_PER_PX2 = 300 / 512**2
BACKGROUND_STEP, BACKGROUND_PULL = 0.2, 0.05
BACKGROUND_SMOOTHING_FRAMES = 60.0
MOTION_PULL = 0.2
JUMP_SHARE = 0.75  # of the largest movement; how far jumps go

BACKGROUND_REACH_PX = 60.0  # backgrounds this far outside the field's rim are made, too
GRID_SD = 1 / 3  # step of the grid that backgrounds are drawn on; error 1e-4 of a source
SLAB_FRAMES = 64  # frames that share a stream of noise; part of the definition


@dataclass(frozen=True)
class Field:
    """What all sessions of a field share; places in px of the un-shifted image.

    Attributes
    ----------
    centres, variances : ndarray of float64, shape (cell, 2)
        Row and column of a cell's centre, and variances of its Gaussian.
    bg_centres, bg_variances : ndarray of float64, shape (source, 2)
        The same of the background sources.
    """

    centres: np.ndarray
    variances: np.ndarray
    bg_centres: np.ndarray
    bg_variances: np.ndarray


@dataclass(frozen=True)
class Recording:
    """All that a recording is made of.

    Attributes
    ----------
    recipe : dict
        Complete recipe.
    unit_id : ndarray of int64, shape (cell,)
        Labels of the cells near the image, the same in all sessions of the field.
    centres, variances : ndarray of float64, shape (cell, 2)
        In px of this session's image without motion.
    C : ndarray of float32, shape (cell, frame)
        Camera counts at the centre of the cell.
    S : ndarray of uint8, shape (cell, frame)
        Spikes.
    bg_centres, bg_variances : ndarray of float64, shape (source, 2)
        Background sources.
    f : ndarray of float32, shape (source, frame)
        Their courses in camera counts, >= 0.
    movement : ndarray of float32, shape (frame, 2)
        How far the content of each frame has moved, px; positive is towards larger index.
    local : ndarray of float32, shape (cell, frame, 2), or None
        Motion of the cells on top of that, px.
    run : Run or None
        Of the animal, where some cells fire at places.
    fields : PlaceFields or None
        Of all cells of the field; those of this recording are at `unit_id`.
    """

    recipe: dict
    unit_id: np.ndarray
    centres: np.ndarray
    variances: np.ndarray
    C: np.ndarray
    S: np.ndarray
    bg_centres: np.ndarray
    bg_variances: np.ndarray
    f: np.ndarray
    movement: np.ndarray
    local: np.ndarray | None
    run: Run | None = None
    fields: PlaceFields | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the image in px."""
        return self.recipe["height_px"], self.recipe["width_px"]

    @property
    def counts(self) -> float:
        """Camera counts per unit of the simulation."""
        return _counts(self.recipe)

    @property
    def slabs(self) -> list[slice]:
        """Slices of frames that `frames` makes."""
        n = self.recipe["n_frames"]
        return [slice(start, min(start + SLAB_FRAMES, n)) for start in range(0, n, SLAB_FRAMES)]

    def frames(self, slab: slice) -> np.ndarray:
        """Make the frames of one of the `slabs`.

        Returns
        -------
        ndarray of uint8 or uint16, shape (frame, height, width)
            The same whenever and in whichever order slabs are made.
        """
        rng = np.random.default_rng([self.recipe["seed"], 3, slab.start])
        shape = (slab.stop - slab.start, *self.shape)
        noise = rng.standard_normal(shape, dtype=np.float32)
        movement = self.movement[slab].astype(np.float64)
        own = np.broadcast_to(movement, (len(self.C), *movement.shape))
        if self.local is not None:
            own = own + self.local[:, slab]
        sd = np.float32(self.recipe["noise_sd"] * self.counts)
        pedestal = np.float32(PEDESTAL * self.counts)
        if not self._hard:
            frames = noise
            frames *= sd
        else:
            frames = np.full(shape, pedestal)
        for frame, background in zip(frames, self._backgrounds(slab, movement), strict=True):
            frame += background
        add_cells(frames, self.C[:, slab], self.centres, self.variances, own)
        if self._hard:
            frames *= self._light(slab, movement)
            frames += noise * np.sqrt(sd**2 + self.recipe["shot_noise"] * np.maximum(frames, 0))
            frames += np.float32(0.5)
        else:
            frames += pedestal + np.float32(0.5)  # 0.5 rounds in the cast below
        if self.recipe["bit_depth"] == 8:
            return np.clip(frames, 0, 255, out=frames).astype(np.uint8)
        return np.clip(frames, 0, DEEP_MAX, out=frames).astype(np.uint16)

    @property
    def delivered(self) -> np.ndarray:
        """Frames that reach the files; the first and the last always do. Bool, (frame,)."""
        rng = np.random.default_rng([self.recipe["seed"], 5])
        kept = rng.random(self.recipe["n_frames"]) >= self.recipe["frames_lost"]
        kept[[0, -1]] = True
        return kept

    @property
    def _hard(self) -> bool:
        """Whether light is lost or makes noise."""
        keys = ("n_vessels", "vignette", "bleaching", "shot_noise", "flicker")
        return any(self.recipe[key] for key in keys)

    def _light(self, slab: slice, movement: np.ndarray) -> np.ndarray:
        """Return the share of the light that reaches each pixel of the frames of a slab."""
        margin = int(np.ceil(self.recipe["motion_max_px"])) + SHIFT_MAX_PX
        rng = np.random.default_rng([self.recipe["field_seed"], 4])
        field = tuple(n + 2 * margin for n in self.shape)
        dark = hardships.vessels(rng, self.recipe["n_vessels"], field)
        still = hardships.vignette(self.shape, self.recipe["vignette"])
        left = 1 - self.recipe["bleaching"] * np.arange(slab.start, slab.stop) / max(
            self.recipe["n_frames"] - 1, 1
        )
        rng = np.random.default_rng([self.recipe["seed"], 6, slab.start])
        left *= np.maximum(1 + self.recipe["flicker"] * rng.standard_normal(len(left)), 0)
        shift, angle = np.array(self.recipe["shift_px"]), self.recipe["rotation_deg"]
        return np.stack(
            [
                hardships.moved(dark, move + shift, margin, self.shape, angle)
                * still
                * np.float32(part)
                for move, part in zip(movement, left, strict=True)
            ]
        )

    def _backgrounds(self, slab: slice, movement: np.ndarray) -> Iterator[np.ndarray]:
        """Yield the background of each frame, drawn on a coarse grid and interpolated."""
        step = GRID_SD * np.sqrt(self.bg_variances.min(initial=BACKGROUND_VARIANCE_PX2[0]))
        far = self.recipe["motion_max_px"] + 1
        grids = [np.arange(-far - 2 * step, n + far + 3 * step, step) for n in self.shape]
        rows, cols = (
            np.exp(
                -((grid[:, None] - self.bg_centres[:, i]) ** 2) / (2 * self.bg_variances[:, i])
            ).astype(np.float32)
            for i, grid in enumerate(grids)
        )
        tables: list[dict[float, np.ndarray]] = [{}, {}]
        for course, moved in zip(self.f[:, slab].T, movement, strict=True):
            for i, (table, grid) in enumerate(zip(tables, grids, strict=True)):
                if moved[i] not in table:
                    spline = CubicSpline(grid, np.eye(len(grid)))
                    places = np.arange(self.shape[i]) - moved[i]
                    table[moved[i]] = spline(places).astype(np.float32)
            coarse = (rows * course) @ cols.T
            yield tables[0][moved[0]] @ coarse @ tables[1][moved[1]].T

    def truth(self) -> tuple[np.ndarray, sparse.csr_array, np.ndarray, np.ndarray]:
        """Return what an analysis should find: the cells whose centre is in the image.

        Returns
        -------
        unit_id : ndarray of int64, shape (unit_id,)
            Labels, the same in all sessions of a field.
        A : csr_array of float32, shape (unit_id, pixel)
            Footprints in the image without motion, largest value 1.
        C : ndarray of float32, shape (unit_id, frame)
            Camera counts at the footprint's peak pixel.
        S : ndarray of float32, shape (unit_id, frame)
            Spikes per frame.
        """
        size = np.array(self.shape)
        inside = ((self.centres >= -0.5) & (self.centres < size - 0.5)).all(axis=1)
        rows_of_units, peaks = [], []
        for centre, variance in zip(self.centres[inside], self.variances[inside], strict=True):
            pixels, values = gaussian(centre, variance, self.shape)
            peaks.append(values.max())
            rows_of_units.append((pixels, values / peaks[-1]))
        C = self.C[inside] * np.array(peaks, dtype=np.float32).reshape(-1, 1)
        A = from_rows(rows_of_units, size.prod())
        return self.unit_id[inside], A, C, self.S[inside].astype(np.float32)


def _counts(recipe: dict) -> float:
    gain = GAIN_COUNTS if recipe["bit_depth"] == 8 else GAIN_COUNTS * DEEP_GAIN
    return gain / max(recipe["signal_level"], 1.0)


def make_field(recipe: dict) -> Field:
    """Draw cells and background sources of a field, a rim around the image included.

    The image holds exactly ``n_cells``; the rim, from which content moves in, has them at
    the same density.
    """
    rng = np.random.default_rng([recipe["field_seed"], 1])
    shape = np.array([recipe["height_px"], recipe["width_px"]], dtype=np.float64)
    rim = recipe["motion_max_px"] + SHIFT_MAX_PX
    n_rim = round(recipe["n_cells"] * ((shape + 2 * rim).prod() / shape.prod() - 1))
    inner = rng.uniform(-0.5, shape - 0.5, (recipe["n_cells"], 2))
    centres = np.concatenate([inner, _in_rim(rng, n_rim, shape, rim)])
    mean = recipe["cell_variance_px2"]
    variances = rng.normal(mean, CELL_VARIANCE_SD * mean, centres.shape)
    variances = np.maximum(variances, min(CELL_VARIANCE_MIN_PX2, mean))

    n_inner = recipe["n_backgrounds"]
    if n_inner is None:
        n_inner = BACKGROUNDS_PER_PX2 * shape.prod()
    rim += BACKGROUND_REACH_PX
    n_sources = round(n_inner * (shape + 2 * rim).prod() / shape.prod())
    bg_centres = rng.uniform(-0.5 - rim, shape - 0.5 + rim, (n_sources, 2))
    bg_variances = rng.normal(*BACKGROUND_VARIANCE_PX2, bg_centres.shape)
    return Field(centres, variances, bg_centres, bg_variances)


def _in_rim(rng: np.random.Generator, n: int, shape: np.ndarray, rim: float) -> np.ndarray:
    """Draw places outside the image but within `rim` px of it."""
    found: list[np.ndarray] = []
    while sum(map(len, found)) < n:
        places = rng.uniform(-0.5 - rim, shape - 0.5 + rim, (n + 16, 2))
        outside = ((places < -0.5) | (places >= shape - 0.5)).any(axis=1)
        found.append(places[outside])
    return np.concatenate(found)[:n] if found else np.zeros((0, 2))


def placed(points: np.ndarray, recipe: dict) -> np.ndarray:
    """Return where a session sees places (..., 2) of the field, px.

    The field is turned about the middle of the image by ``rotation_deg`` (positive takes the
    axis of columns towards that of rows) and then shifted by ``shift_px``. Footprints keep the
    direction of their axes.
    """
    angle = np.deg2rad(recipe["rotation_deg"])
    if not angle:
        return points + np.array(recipe["shift_px"], dtype=np.float64)
    middle = (np.array([recipe["height_px"], recipe["width_px"]]) - 1) / 2
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return (points - middle) @ turn.T + middle + np.array(recipe["shift_px"])


def make_recording(recipe: dict) -> Recording:
    """Draw one session: which cells are active, their spikes, background and motion.

    Parameters
    ----------
    recipe : dict
        Any keys of `recipes.DEFAULTS`. Sessions with the same ``field_seed``, image size,
        number of cells and limit of motion see the same field, as `placed` there.
    """
    recipe = complete(recipe)
    field = make_field(recipe)
    rng = np.random.default_rng([recipe["seed"], 2])
    n_frames, n_field = recipe["n_frames"], len(field.centres)
    active = np.zeros(n_field, dtype=bool)
    active[rng.permutation(n_field)[: round(recipe["fraction_active"] * n_field)]] = True
    shape = np.array([recipe["height_px"], recipe["width_px"]])
    centres, bg_centres = (placed(c, recipe) for c in (field.centres, field.bg_centres))
    reach = recipe["motion_max_px"] + REACH_SD * np.sqrt(field.variances)
    near = ((centres > -reach) & (centres < shape + reach)).all(axis=1)
    unit_id = np.flatnonzero(active & near)
    counts = _counts(recipe)
    movement = _motion(rng, recipe)
    f = _background_courses(rng, len(bg_centres), n_frames) * np.float32(counts)
    S = np.empty((len(unit_id), n_frames), dtype=np.uint8)
    C = np.empty((len(unit_id), n_frames), dtype=np.float32)
    burst, modulation = recipe["burst_spikes"], recipe["rate_modulation"]
    p, run, fields, place_rates = recipe["spike_probability"], None, None, {}
    if recipe["place_fraction"]:
        run, fields, place_rates = _places(recipe, n_field, unit_id)
    for unit, spikes, calcium in zip(unit_id.tolist(), S, C, strict=True):
        if unit in place_rates:
            spikes[:] = rng.random(n_frames) < place_rates[unit]
        elif burst > 1 or modulation > 0:
            spikes[:] = hardships.spike_train(rng, n_frames, p, burst, modulation)
        else:
            spikes[:] = rng.random(n_frames) < p
        spread = 1.0
        if recipe["kinetics_spread"]:
            spread = max(rng.normal(1, recipe["kinetics_spread"]), 0.3)
        times = recipe["tau_decay_frames"] * spread, recipe["tau_rise_frames"] * spread
        calcium[:] = _calcium(spikes, *times)
    C *= np.float32(recipe["signal_level"] * counts)
    if recipe["neuropil"]:
        nearest = KDTree(centres[unit_id]).query(
            bg_centres, min(hardships.NEUROPIL_CELLS, len(unit_id))
        )[1]
        for course, members in zip(f, np.atleast_2d(nearest), strict=True):
            course += np.float32(recipe["neuropil"]) * C[members].mean(axis=0)
    local = None
    if recipe["nonrigid_px"]:
        size = recipe["nonrigid_px"]
        local = hardships.local_motion(rng, centres[unit_id], n_frames, size, float(shape.max()))
    return Recording(
        recipe, unit_id, centres[unit_id], field.variances[unit_id], C, S,
        bg_centres, field.bg_variances, f, movement, local, run, fields,
    )  # fmt: skip


def _places(
    recipe: dict, n_field: int, unit_id: np.ndarray
) -> tuple[Run, PlaceFields, dict[int, np.ndarray]]:
    """Return the animal's run, the place fields, and the rates of the cells that have one."""
    n_frames = recipe["n_frames"]
    rng = np.random.default_rng([recipe["field_seed"], 7])
    fields = make_place_fields(rng, n_field, recipe["place_fraction"])
    rng = np.random.default_rng([recipe["seed"], 8])
    run = make_run(rng, n_frames / recipe["fps_hz"])
    position, speed = run.at(np.arange(n_frames) / recipe["fps_hz"])
    rates = {
        unit: place_rate(
            position, speed, fields.centre_cm[unit], fields.sd_cm[unit],
            int(fields.direction[unit]), recipe["spike_probability"],
        )
        for unit in unit_id[fields.direction[unit_id] != 0].tolist()
    }  # fmt: skip
    return run, fields, rates


def _calcium(spikes: np.ndarray, tau_decay: float, tau_rise: float) -> np.ndarray:
    """Convolve with exp(-t/tau_decay) - exp(-t/tau_rise), t = 1 on the spike's frame."""
    decay, rise = np.exp(-1 / tau_decay), np.exp(-1 / tau_rise)
    train = spikes.astype(np.float64)
    slow = signal.lfilter([decay], [1, -decay], train)
    return slow - signal.lfilter([rise], [1, -rise], train)


def _walk(rng: np.random.Generator, n: int, n_frames: int, step: float, pull: float) -> np.ndarray:
    """Draw `n` mean-reverting random walks that start in their stationary state."""
    keep = 1 - pull
    steps = rng.normal(0.0, step, (n, n_frames))
    steps[:, 0] /= np.sqrt(1 - keep**2)
    return signal.lfilter([1.0], [1.0, -keep], steps, axis=1)


def _background_courses(rng: np.random.Generator, n: int, n_frames: int) -> np.ndarray:
    courses = np.empty((n, n_frames), dtype=np.float32)
    for course in courses:  # one at a time: walks are in double precision
        walk = _walk(rng, 1, n_frames, BACKGROUND_STEP, BACKGROUND_PULL)[0]
        course[:] = np.maximum(ndimage.gaussian_filter1d(walk, BACKGROUND_SMOOTHING_FRAMES), 0)
    return courses


def _motion(rng: np.random.Generator, recipe: dict) -> np.ndarray:
    """Draw the movement of the frames in px: whole pixels as in the paper, or not."""
    limit = recipe["motion_max_px"]
    keep = 1 - MOTION_PULL
    steps = rng.normal(0.0, recipe["motion_step_px"], (recipe["n_frames"], 2))
    movement = np.zeros((recipe["n_frames"], 2))
    last = np.zeros(2)
    for t, step in enumerate(steps):
        last = np.clip(keep * last + step, -limit, limit)
        movement[t] = last
    movement += np.linspace(-0.5, 0.5, len(steps))[:, None] * recipe["drift_px"]
    if recipe["n_jumps"]:
        jumped = hardships.jumps(rng, recipe["n_jumps"], len(steps), JUMP_SHARE * limit)
        movement = np.clip(movement + jumped, -limit, limit)
    return (movement if recipe["subpixel_motion"] else np.rint(movement)).astype(np.float32)
