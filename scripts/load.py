"""Rule ``load``: the videos of a session as one movie, with a verdict on every frame."""

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from scopeflow.errors import InputError
from scopeflow.excerpt import excerpt, files_before
from scopeflow.frames import (
    GOOD,
    Extremes,
    FrameStatistics,
    extremes,
    frame_statistics,
    joined,
    judge,
)
from scopeflow.load_checks import beyond, no_frame, refuse_too_few, region, verdict
from scopeflow.load_table import add_orientation, frame_table
from scopeflow.loading import Collector, Slab, Source, averaged, axis_of, cropped, every, excluded
from scopeflow.logs import job_log, logger, progress
from scopeflow.miniscope import read_metadata
from scopeflow.parallel import BASE_MB, map_slabs, single_threaded_libraries, threads_that_fit
from scopeflow.readers.probe import check_alike, probe
from scopeflow.stores import create, create_movie, new_store, put, slab_frames, slabs, write_slab

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake

COPIES = 2.5  # memory of a slab in work, over its own: itself, and what is made of it


def main(smk: "Snakemake") -> None:
    settings, row = smk.params.settings["load"], smk.params.settings["session"]
    session = smk.wildcards.session
    videos = [probe(path, settings["dataset"]) for path in _listed(smk.input.videos)]
    check_alike(videos, session)
    recording = {**videos[0].metadata, **read_metadata(_listed(smk.input.get("metadata", [])))}
    axis = axis_of(
        videos, _listed(smk.input.get("timestamps", [])), row.get("fps_hz"),
        recording.get("fps_hz"), session,
    )  # fmt: skip
    source, settings = _source(videos, axis, settings)
    entries, shape = _reduced(source, settings, smk.threads, session)
    threads = _threads_that_fit(smk, shape, videos[0].dtype)
    fps_hz = axis.fps_hz / settings["downsample"]["frame"]

    with new_store(smk.output.raw) as part:
        out = create(part)
        collector = Collector()
        movie, statistics, found = _store(out, source, entries, collector, shape, settings, threads)
        if movie is None:
            raise InputError(no_frame(source, session))
        absent = np.array(collector.absent, dtype="<U16")
        status = judge(
            statistics, absent, shape[0], settings["black_frac"], roughness_floor=_step(movie.dtype)
        )
        warnings = [video.note for video in videos if video.note][:1]
        warnings += [*axis.warnings, *source.losses(), *verdict(status, session)]
        warnings += beyond(settings["exclude"], source)
        if not settings["drop_bad_frames"]:
            status = absent
        good = status == GOOD
        refuse_too_few(status, session)
        again = found.mend(good, movie, slabs(movie))
        if again:
            logger.info("%d slabs read again for the minimum over the good frames", again)
        for name, image in (("minimum", found.minimum), ("maximum", found.maximum)):
            text = f"{name} over the good frames"
            put(out, name, image, ("height", "width"), units="counts", long_name=text)
        movie.attrs.update(units="counts")
        out.attrs.update(
            fps_hz=fps_hz,
            fps_source=axis.source,
            recording=recording,
            clock=axis.clock,
            session=dict(row),
            files=[
                {"name": video.path.name, "frames": n}
                for video, n in zip(videos, source.n_read, strict=False)
            ],
            frames_lost=source.n_lost,
            warnings=warnings,
            parameters=settings,
            code=smk.params.code,
        )
        table = frame_table(collector, statistics, status, videos)
        add_orientation(table, _listed(smk.input.get("orientation", [])), axis)
        with new_store(Path(smk.output.frames)) as text:
            table.to_csv(text, sep="\t", index=False)
    for warning in warnings:
        logger.warning("session %s: %s", session, warning)
    logger.info(
        "session %s: %d files, %d frames of %d x %d px (%s), %.4g Hz by the %s, %d frames good",
        session, len(videos), len(good), *shape, movie.dtype, fps_hz, axis.source, good.sum(),
    )  # fmt: skip


def _source(videos, axis, settings):
    """Return the frames to read; of a preview the middle ones, without what lies before them."""
    skipped = 0
    if "excerpt" in settings:
        stated = [video.n_stated for video in videos]
        n_stated = None if None in stated else sum(stated)
        settings = excerpt(settings, n_stated, (videos[0].height, videos[0].width))
        skipped = files_before(settings["frames"]["start"], stated)
    frames = settings["frames"]
    return Source(videos, axis, frames["start"], frames["stop"], n_skipped=skipped), settings


def _reduced(source, settings, threads, session):
    """Return the entries to store, cropped and down-sampled, and their shape."""
    rows, cols = region(settings, source.videos[0], session)
    factors = tuple(settings["downsample"][side] for side in ("frame", "height", "width"))
    entries = excluded(source.entries(threads), settings["exclude"], settings["frames"]["start"])
    if settings["downsample_method"] == "mean":
        entries = averaged(cropped(entries, rows, cols), factors, settings["black_frac"])
        shape = tuple(
            (s.stop - s.start) // f for s, f in zip((rows, cols), factors[1:], strict=True)
        )
    else:
        rows, cols = (
            slice(s.start, s.stop, f) for s, f in zip((rows, cols), factors[1:], strict=True)
        )
        entries = every(cropped(entries, rows, cols), factors[0])
        shape = tuple(len(range(s.start, s.stop, s.step)) for s in (rows, cols))
    if min(shape) < 1:
        raise InputError(
            f"session {session}: nothing is left of the image after load.downsample "
            f"{factors[1]} (height), {factors[2]} (width). Use smaller factors."
        )
    return entries, shape


def _store(out, source, entries, collector, shape, settings, threads):
    """Write the frames, in one pass; return the movie, its statistics and its extremes."""
    dtype = source.videos[0].dtype
    n_stated = sum(video.n_stated or 0 for video in source.videos)
    n_wanted = min(n_stated, source.stop or n_stated) - source.start
    n_guess = max(n_wanted // settings["downsample"]["frame"], 1)
    movie = create_movie(out, "Y", (n_guess, *shape), dtype)
    found = Extremes(shape, dtype)

    def work(slab: Slab) -> tuple[FrameStatistics, np.ndarray, tuple[np.ndarray, np.ndarray]]:
        statistics = frame_statistics(slab.frames, slab.before)
        status = judge(
            statistics, slab.absent, shape[0], settings["black_frac"], slab.brightness, _step(dtype)
        )
        write_slab(movie, slab.place, slab.frames)
        return statistics, status == GOOD, extremes(slab.frames, status == GOOD)

    size = movie.chunks[0]
    pieces = _growing(movie, collector.slabs(entries, size))
    results = map_slabs(work, pieces, threads)
    parts = []
    for statistics, taken, ends in progress(results, math.ceil(n_guess / size), "slabs loaded"):
        found.add(*ends, taken)
        parts.append(statistics)
    if not parts:
        return None, None, found
    movie.resize((len(collector.time_s), *shape))
    return movie, joined(parts), found


def _step(dtype: np.dtype) -> float:
    """Return the smallest difference between two values of a type of pixels, counts."""
    return 0.0 if dtype.kind == "f" else 1.0


def _listed(files) -> list[str]:
    return [files] if isinstance(files, str) else list(files)


def _threads_that_fit(smk, shape, dtype) -> int:
    """Return how many slabs may be worked on at once within the memory allowed."""
    slab = slab_frames(*shape, dtype.itemsize) * math.prod(shape) * dtype.itemsize
    least = BASE_MB + (1 + COPIES) * slab / 1e6
    if least > smk.resources.mem_mb:
        raise InputError(
            f"session {smk.wildcards.session}: images of {shape[0]} x {shape[1]} px need "
            f"{math.ceil(least)} MB, but mem_mb.load allows {smk.resources.mem_mb} MB. Raise it."
        )
    being_filled = slab / 1e6
    return threads_that_fit(smk.threads, smk.resources.mem_mb - being_filled, slab, COPIES)


def _growing(movie, pieces):
    """Pass pieces on; make room for them where headers stated fewer frames than there are."""
    for slab in pieces:
        if slab.place.stop > movie.shape[0]:
            movie.resize((max(2 * movie.shape[0], slab.place.stop), *movie.shape[1:]))
        yield slab


if __name__ == "__main__":
    with job_log(snakemake.log[0]), single_threaded_libraries():
        main(snakemake)
