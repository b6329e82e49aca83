"""What is found of a recording before anything runs, and what its analysis will cost."""

import math
from dataclasses import dataclass

import numpy as np

from scopeflow.errors import InputError
from scopeflow.loading import axis_of
from scopeflow.miniscope import read_metadata
from scopeflow.parallel import BASE_MB
from scopeflow.readers.base import Reader
from scopeflow.readers.probe import check_alike, probe
from scopeflow.stores import slab_frames
from scopeflow.timestamps import usual_interval

# As measured (docs/performance.md): processor time of a session at two iterations, and how
# much of it several cores share.
START_CPU_S = 60.0
CPU_S_PER_MEGAPIXEL = 0.075
SHARED_BY_CORES = 0.6
SLABS_IN_MEMORY = 8  # two in flight, each with three copies in other forms

COLUMNS = (
    "session", "animal", "animal_recorded", "software", "format", "codec", "bits", "files",
    "height_px", "width_px", "frames_stated", "frames_indexed", "frames_decoded", "time_stamps",
    "fps_hz", "fps_from", "fps_stamps_hz", "fps_header_hz", "duration_s", "frames_missing",
    "pauses", "memory_mb", "disk_gb", "time_min", "remarks",
)  # fmt: skip


@dataclass(frozen=True)
class Cost:
    """What an analysis takes.

    Attributes
    ----------
    memory_mb : float
        Least memory of its largest step, in MB.
    disk_gb : float
        Of the raw and the corrected movie, in GB.
    time_min : float
        In minutes, to within a factor of two: it depends on codec, processor and cells.
    """

    memory_mb: float
    disk_gb: float
    time_min: float


def expected_cost(
    n_frames: int, shape: tuple[int, int], itemsize: int, megapixels_read: float, cores: int
) -> Cost:
    """Estimate the cost of an analysis.

    Parameters
    ----------
    n_frames : int
        Frames analysed.
    shape : tuple of int
        (height, width) of the image analysed, in px.
    itemsize : int
        Bytes of a pixel.
    megapixels_read : float
        Size of the original recording, in millions of pixels times frames.
    cores : int
        Number of cores.
    """
    frame = shape[0] * shape[1] * itemsize
    slab_mb = slab_frames(*shape, itemsize) * frame / 1e6
    analysed = n_frames * shape[0] * shape[1] / 1e6
    # A third of the processor time is decoding, which reads what is cropped away, too.
    work = CPU_S_PER_MEGAPIXEL * (2 / 3 * analysed + megapixels_read / 3)
    seconds = (START_CPU_S + work) / (1 + SHARED_BY_CORES * (cores - 1))
    return Cost(BASE_MB + SLABS_IN_MEMORY * slab_mb, 2 * n_frames * frame / 1e9, seconds / 60)


def inspect_recording(
    session: str, animal: str, files: dict[str, list[str]], settings: dict,
    sheet_fps_hz: float | None, cores: int, budget_mb: dict[str, float], decode: bool = False,
) -> dict:  # fmt: skip
    """Say what is found of a recording.

    Parameters
    ----------
    session, animal : str
        Their names in the sample sheet.
    files : dict of list of str
        ``videos``, ``timestamps``, ``metadata``, as `scopeflow.plan.videos` finds them.
    settings : dict
        The config's section ``load`` for this session.
    sheet_fps_hz : float or None
        Frame rate by the sheet.
    cores : int
        Number of cores that the run may use.
    budget_mb : dict
        Memory that each step may use, in MB.
    decode : bool, optional
        Decode every frame; else frames are counted by the files' index.

    Returns
    -------
    dict
        `COLUMNS`; what is not known is None. What would stop the analysis stands in
        ``remarks``, after "problem:".
    """
    row: dict = dict.fromkeys(COLUMNS)
    row |= {"session": session, "animal": animal, "files": len(files["videos"])}
    try:
        videos = [probe(path, settings["dataset"]) for path in files["videos"]]
        check_alike(videos, session)
        told = {**videos[0].metadata, **read_metadata(files["metadata"])}
        row |= _of_files(videos, told, decode)
        axis = axis_of(videos, files["timestamps"], sheet_fps_hz, told.get("fps_hz"), session)
    except InputError as error:
        return {**row, "remarks": f"problem: {error}"}
    n_pauses = sum("a pause of" in warning for warning in axis.warnings)
    stamps = len(axis.time_s)
    n_frames = row["frames_decoded"] or row["frames_indexed"] or row["frames_stated"] or 0
    end_s = float(axis.time_s[-1]) if stamps else n_frames / axis.fps_hz
    row |= {
        "time_stamps": stamps or None, "fps_hz": round(axis.fps_hz, 4), "fps_from": axis.source,
        "fps_stamps_hz": _rate(axis.time_s), "duration_s": round(end_s, 2),
        "frames_missing": int(axis.missing.sum()), "pauses": n_pauses,
    }  # fmt: skip
    shape = _analysed(settings, videos[0].shape)
    kept = _frames(settings, n_frames) if n_frames else 0
    read = n_frames * videos[0].height * videos[0].width / 1e6
    cost = expected_cost(kept, shape, videos[0].dtype.itemsize, read, cores)
    row |= {
        "memory_mb": math.ceil(cost.memory_mb), "disk_gb": round(cost.disk_gb, 3),
        "time_min": round(cost.time_min, 1),
    }  # fmt: skip
    row["remarks"] = "; ".join(_remarks(row, videos, axis, told, cost, budget_mb))
    return row


def _of_files(videos: list[Reader], told: dict, decode: bool) -> dict:
    first = videos[0]
    counts = [video.count() for video in videos]
    stated = [video.n_stated for video in videos]
    decoded = None
    if decode:
        decoded = sum(frame is not None for video in videos for frame in video.frames())
    return {
        "animal_recorded": told.get("animal"), "software": told.get("software"),
        "format": first.form, "codec": first.codec, "bits": 8 * first.dtype.itemsize,
        "height_px": first.height, "width_px": first.width, "fps_header_hz": first.fps_hz,
        "frames_stated": None if None in stated else sum(stated),
        "frames_indexed": None if None in counts else sum(counts), "frames_decoded": decoded,
    }  # fmt: skip


def _rate(time_s: np.ndarray) -> float | None:
    return round(1 / usual_interval(np.diff(time_s)), 4) if len(time_s) > 1 else None


def _analysed(settings: dict, shape: tuple[int, int]) -> tuple[int, int]:
    """Return the size of the image after region and down-sampling."""
    region, factors = settings["region"], settings["downsample"]
    rows = min(region["bottom"] or shape[0], shape[0]) - region["top"]
    cols = min(region["right"] or shape[1], shape[1]) - region["left"]
    return max(rows // factors["height"], 1), max(cols // factors["width"], 1)


def _frames(settings: dict, n_frames: int) -> int:
    part = range(n_frames)[settings["frames"]["start"] : settings["frames"]["stop"]]
    return len(part[:: settings["downsample"]["frame"]])


def _remarks(row, videos, axis, told, cost: Cost, budget_mb: dict[str, float]) -> list[str]:
    """Say what the user should look at, problems first."""
    found = []
    tight = [step for step, mb in budget_mb.items() if mb < cost.memory_mb]
    if tight:
        found.append(
            f"problem: {math.ceil(cost.memory_mb)} MB are needed, but mem_mb allows less for "
            f"{', '.join(tight)}. Raise it"
        )
    if told.get("animal") and told["animal"].lower() != str(row["animal"]).lower():
        found.append(f"the recording says animal {told['animal']}, the sheet {row['animal']}")
    found += [video.note for video in videos if video.note][:1]
    found += [f"{video.path.name} is cut short" for video in videos if video.is_cut_short]
    n_counted, what = row["frames_decoded"], "decoded"
    if n_counted is None:
        n_counted, what = row["frames_indexed"], "in the index"
    if n_counted is not None and row["frames_stated"] not in (None, n_counted):
        found.append(
            f"the headers state {row['frames_stated']} frames, {n_counted} are {what} and are used"
        )
    return [*found, *axis.warnings]


def as_text(rows: list[dict]) -> str:
    """Return a page for people: a block of lines for each session, then the sum."""
    blocks = []
    for row in rows:
        lines = [f"{row['session']} (animal {row['animal']})"]
        if row["format"]:
            lines.append(
                f"  {row['files']} files, {row['format']}, {row['codec']}, {row['bits']} bits, "
                f"{row['height_px']} x {row['width_px']} px"
                + (f", {row['software']}" if row["software"] else "")
            )
            counted = {
                "stated": row["frames_stated"], "in the index": row["frames_indexed"],
                "decoded": row["frames_decoded"], "time stamps": row["time_stamps"],
            }  # fmt: skip
            known = [f"{n} {what}" for what, n in counted.items() if n is not None]
            lines.append(f"  frames: {', '.join(known) or 'not known'}")
        if row["fps_hz"]:
            lines.append(
                f"  {row['fps_hz']:.4g} Hz by the {row['fps_from']}{_other_rates(row)}, "
                f"{row['duration_s']:.0f} s, "
                f"{row['frames_missing']} frames missing, {row['pauses']} pauses"
            )
            lines.append(
                f"  expected: {row['memory_mb']} MB of memory, {row['disk_gb']:.2f} GB of disk, "
                f"about {row['time_min']:.0f} min"
            )
        if row["remarks"]:
            lines.append(f"  {row['remarks']}")
        blocks.append("\n".join(lines))
    disk = sum(row["disk_gb"] or 0 for row in rows)
    minutes = sum(row["time_min"] or 0 for row in rows)
    problems = sum(str(row["remarks"] or "").startswith("problem") for row in rows)
    blocks.append(
        f"{len(rows)} sessions, {problems} with problems; together {disk:.2f} GB of disk and about "
        f"{minutes:.0f} min, one after the other"
    )
    return "\n\n".join(blocks) + "\n"


def _other_rates(row: dict) -> str:
    """Return in brackets what stamps and header say, as far as known and not the one taken."""
    rates = {"time stamps": row["fps_stamps_hz"], "header of the video": row["fps_header_hz"]}
    others = {what: rate for what, rate in rates.items() if rate and what != row["fps_from"]}
    known = ", ".join(f"{rate:.4g} Hz by the {what}" for what, rate in others.items())
    return f" ({known})" if known else ""
