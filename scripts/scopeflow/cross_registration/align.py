"""The transform from each session's image to that of the template session.

Translation first, then rotation, an affine map and a smooth flow, as far as the user allows.
Each is kept only if it raises the correlation of the two pictures by more than what a better
fit of noise would give. What two fields have in common by chance is seen after one of them is
mirrored: its cells are as many and as large, but lie elsewhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from scopeflow.cross_registration.transforms import (
    IDENTITY,
    KINDS,
    Transform,
    moved_image,
    translation,
)
from scopeflow.cross_registration.translation import (
    Searched,
    best_shift,
    fit_of,
    halved,
    searchable,
)

ANGLE_STEP_DEG = 1.0
# A further kind of transform must raise the score by this much: the parameters more that an
# affine map has fit what is not in common, too, and a flow has many.
GAIN_MIN = {"rigid": 0.005, "affine": 0.02, "nonrigid": 0.03}
CLEAR = 1.15  # an alignment must fit as much better than the best of the mirrored pictures
ITERATIONS, PRECISION = 100, 1e-6  # of the refinement
SMOOTHING_PX = 5  # Gaussian of OpenCV's refinement, px
FLOW_WINDOW, FLOW_SMOOTHING = 6.0, 3.0  # in cell diameters
FLOW_ROUNDS = 3
SHARED_MIN = 1e-4  # weight of a flow where the pictures share nothing
MODELS = {
    "translation": cv2.MOTION_TRANSLATION,
    "rigid": cv2.MOTION_EUCLIDEAN,
    "affine": cv2.MOTION_AFFINE,
}


@dataclass(frozen=True)
class Limits:
    """How far an alignment may go.

    Attributes
    ----------
    kind : str
        The last of `KINDS` that is tried.
    max_shift_px : float
        Largest shift along each axis.
    max_rotation_deg : float
        Largest rotation either way.
    cell_diameter_px : float
        Width of a cell; scale of the flow.
    """

    kind: str
    max_shift_px: float
    max_rotation_deg: float
    cell_diameter_px: float


@dataclass(frozen=True, eq=False)
class Alignment:
    """The transform kept for a session, and how well each kind did.

    Attributes
    ----------
    transform : Transform
        Of the last kind that was kept.
    score : float
        Correlation of the two pictures over what both show.
    fit : float
        The same, less where little of the contents is in common (`translation.fit_of`).
    fit_by_chance : float
        The best fit that the mirrored pictures reach.
    scores : dict of float
        The score of each kind that was tried.
    """

    transform: Transform
    score: float
    fit: float = 0.0
    fit_by_chance: float = 0.0
    scores: dict[str, float] = field(default_factory=dict)

    @property
    def is_clear(self) -> bool:
        """Whether the alignment stands out from what any two pictures give."""
        return self.fit > CLEAR * self.fit_by_chance


def score_of(picture: np.ndarray, template: np.ndarray, transform: Transform) -> float:
    """Return Pearson's r of a moved picture and the template over what both show; 0 if even."""
    moved = moved_image(picture, transform, (0, 0, *template.shape))
    shared = np.isfinite(moved)
    if not shared.any():
        return 0.0
    a, b = (x[shared] - x[shared].mean(dtype=np.float64) for x in (moved, template))
    scale = np.sqrt((a @ a) * (b @ b))
    return float(a @ b / scale) if scale > 0 else 0.0


def align(picture: np.ndarray, template: np.ndarray, limits: Limits) -> Alignment:
    """Find the transform of a session onto the template session.

    Parameters
    ----------
    picture, template : ndarray of float32, shape (height, width)
        Of `pictures.picture`, of one size.
    limits : Limits
        What is tried.

    Returns
    -------
    Alignment
        The identity with score 0 where one picture is empty.
    """
    if not picture.any() or not template.any():
        return Alignment(IDENTITY, 0.0, scores={"translation": 0.0})
    kept = None
    scores: dict[str, float] = {}
    for kind in KINDS[: KINDS.index(limits.kind) + 1]:
        start = translation(np.zeros(2)) if kept is None else kept.transform
        candidate = _candidate(kind, picture, template, start, limits)
        if candidate is None:
            continue
        scores[kind] = score_of(picture, template, candidate)
        if kept is None or scores[kind] > kept.score + GAIN_MIN[kind]:
            kept = Alignment(candidate, scores[kind])
    fits = _fit(picture, template, kept.transform), _fit_by_chance(picture, template, limits)
    return Alignment(kept.transform, kept.score, *fits, scores)


def _fit(picture: np.ndarray, template: np.ndarray, transform: Transform) -> float:
    """Return the fit of a moved picture, at half size like that of the mirrored ones."""
    moved = moved_image(picture, transform, (0, 0, *template.shape))
    seen = halved(np.isfinite(moved).astype(np.float32)) > 0
    energy = float((halved(picture) ** 2).sum())
    return fit_of(halved(np.nan_to_num(moved)), seen, halved(template), energy)


def _fit_by_chance(picture: np.ndarray, template: np.ndarray, limits: Limits) -> float:
    """Return the best fit of the mirrored (and, if square, transposed) picture."""
    small, reach = halved(picture), _half_reach(limits)
    fixed = searchable(halved(template), reach)
    orientations = [small] + ([small.T] if small.shape[0] == small.shape[1] else [])
    mirrored = [x[::down, ::right] for x in orientations for down in (1, -1) for right in (1, -1)]
    angles = _angles(limits) if limits.kind != "translation" else [0.0]
    fits = (_best_turn(np.ascontiguousarray(x), fixed, reach, angles)[0] for x in mirrored[1:])
    return max(0.0, *fits)


def _half_reach(limits: Limits) -> int:
    """Return the largest shift in px of pictures at half size."""
    return max(round(limits.max_shift_px / 2), 1)


def _angles(limits: Limits) -> np.ndarray:
    """Return the rotations that are searched, in degrees."""
    n_steps = int(limits.max_rotation_deg / ANGLE_STEP_DEG)
    return np.arange(-n_steps, n_steps + 1) * ANGLE_STEP_DEG


def _candidate(
    kind: str, picture: np.ndarray, template: np.ndarray, start: Transform, limits: Limits
) -> Transform | None:
    """Return the best transform of one kind, or None if it cannot be found."""
    if kind == "translation":
        reach = round(limits.max_shift_px)
        pair = (searchable(p, reach) for p in (picture, template))
        return translation(best_shift(*pair)[1])
    if kind == "nonrigid":
        return _flow(picture, template, start, limits)
    if kind == "rigid":
        start = _turned(picture, template, limits)
    refined = _refined(kind, picture, template, start)
    return None if refined is None or _too_far(refined, template.shape, limits) else refined


def _too_far(transform: Transform, shape: tuple[int, int], limits: Limits) -> bool:
    """Return whether a refinement went astray: beyond the limits, or to another scale."""
    shift = np.abs(transform.shift_px(shape)).max()
    scales = np.linalg.svd(transform.matrix[:, :2], compute_uv=False)
    return bool(
        shift > limits.max_shift_px + 1
        or abs(transform.rotation_deg) > limits.max_rotation_deg + ANGLE_STEP_DEG
        or scales.max() > 1.2
        or scales.min() < 1 / 1.2
    )


def _turned(picture: np.ndarray, template: np.ndarray, limits: Limits) -> Transform:
    """Search rotations in steps at half size; return the best with its shift."""
    reach = _half_reach(limits)
    fixed = searchable(halved(template), reach)
    _, angle, shift = _best_turn(halved(picture), fixed, reach, _angles(limits))
    turn, middle = _rotation(angle), (np.array(picture.shape) - 1) / 2
    return Transform("rigid", np.column_stack([turn.T, middle - turn.T @ (middle + 2 * shift)]))


def _best_turn(
    small: np.ndarray, fixed: Searched, reach: int, angles: Sequence[float]
) -> tuple[float, float, np.ndarray]:
    """Return the best fit over rotations and shifts, the angle in degrees and the shift in px."""
    middle = (np.array(small.shape) - 1) / 2
    best = (-np.inf, 0.0, np.zeros(2))
    for angle in angles:
        turn = _rotation(angle)
        back = Transform("rigid", np.column_stack([turn.T, middle - turn.T @ middle]))
        turned = np.nan_to_num(moved_image(small, back, (0, 0, *small.shape)))
        fit, shift = best_shift(searchable(turned, reach), fixed)
        if fit > best[0]:
            best = (fit, float(angle), shift)
    return best


def _rotation(angle_deg: float) -> np.ndarray:
    """Return the matrix (rows, columns) that turns columns towards rows."""
    angle = np.deg2rad(angle_deg)
    return np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])


def _refined(
    kind: str, picture: np.ndarray, template: np.ndarray, start: Transform
) -> Transform | None:
    """Climb to the highest enhanced correlation (Evangelidis, Psarakis 2008) from a start."""
    swap = np.array([[0, 1], [1, 0]])
    matrix = start.matrix
    warp = np.column_stack([swap @ matrix[:, :2] @ swap, matrix[::-1, 2]]).astype(np.float32)
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, ITERATIONS, PRECISION)
    seen = np.full(picture.shape, 255, dtype=np.uint8)
    try:
        _, warp = cv2.findTransformECC(
            template, picture, warp, MODELS[kind], criteria, seen, SMOOTHING_PX
        )
    except cv2.error:  # it says so where the two have too little in common to converge
        return None
    warp = warp.astype(np.float64)
    return Transform(kind, np.column_stack([swap @ warp[:, :2] @ swap, warp[::-1, 2]]))


def _flow(picture: np.ndarray, template: np.ndarray, start: Transform, limits: Limits) -> Transform:
    """Add a smooth flow (Farneback 2003) to a transform.

    It is averaged over the surroundings with the weight of what the two pictures share there:
    where nothing is shown, or not the same, no flow can be seen.
    """
    window = round(FLOW_WINDOW * limits.cell_diameter_px) | 1
    flow = np.zeros((*template.shape, 2), dtype=np.float32)
    found = start
    for _ in range(FLOW_ROUNDS):
        moved = np.nan_to_num(moved_image(picture, found, (0, 0, *template.shape)))
        added = cv2.calcOpticalFlowFarneback(
            _bytes(template), _bytes(moved), None, 0.5, 2, window, 5, 7, 1.5,
            cv2.OPTFLOW_FARNEBACK_GAUSSIAN,
        )[..., ::-1]  # fmt: skip
        shared = _blurred(template * moved, limits.cell_diameter_px / 2)
        weight = np.maximum(shared, 0)[..., None] + SHARED_MIN
        wide = FLOW_SMOOTHING * limits.cell_diameter_px
        flow = flow + _blurred(added * weight, wide) / _blurred(weight, wide)[..., None]
        found = Transform("nonrigid", start.matrix, flow)
    return found


def _blurred(image: np.ndarray, sigma_px: float) -> np.ndarray:
    return cv2.GaussianBlur(image, (0, 0), sigma_px, borderType=cv2.BORDER_REFLECT)


def _bytes(picture: np.ndarray) -> np.ndarray:
    """Return a picture between -1 and 1 as bytes, as the optical flow wants it."""
    return np.clip(np.rint(127.5 + 127.5 * picture), 0, 255).astype(np.uint8)
