"""Rule ``report``: one page that shows every step of a session, without server or network."""

import html
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import zarr

from scopeflow.defaults import MIN_CONFIDENCE, given
from scopeflow.footprints import read_footprints
from scopeflow.intact import open_store
from scopeflow.logs import job_log, logger
from scopeflow.parallel import single_threaded_libraries
from scopeflow.report import unit_script
from scopeflow.report.changes import changes_section
from scopeflow.report.curves import motion_section, recording_section
from scopeflow.report.filters_view import filters_section
from scopeflow.report.footprint_maps import footprints_section
from scopeflow.report.overview import costs_section, glance, settings_section, versions_section
from scopeflow.report.packing import packed
from scopeflow.report.page import page
from scopeflow.report.records import costs, settings_list, warnings_in
from scopeflow.report.seeds_map import seeds_section, tests_off
from scopeflow.report.sources import read_iterations, read_traces, read_units
from scopeflow.report.unit_browser import units_section
from scopeflow.report.unit_data import cutouts, outlines_of, window_side
from scopeflow.report.video_link import video_section
from scopeflow.stores import new_store, read
from scopeflow.unit_ends import ends

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main(smk: "Snakemake") -> None:
    group = open_store(smk.input.units)
    attrs = dict(group.attrs)
    curated = open_store(smk.input.curated)
    curation = curated.attrs.get("curation", {})
    parameters, max_proj = attrs["parameters"], group["max_proj"][:]
    frames = pd.read_csv(
        smk.input.frames, sep="\t", keep_default_na=False, dtype={"status": str},
        na_values={"difference": [""]},
    )  # fmt: skip
    time_s = frames["time_s"].to_numpy()
    warnings = warnings_in(smk.params.logs)
    units = read_units(smk.input.units, curation)
    motion, confidence, placed = read(smk.input.motion, "motion", "confidence", "placed")
    good = (frames["status"] == "").to_numpy()
    lost = good & ~placed.astype(bool)
    facts = {
        "n_frames": len(frames), "fps_hz": attrs["fps_hz"], "height": max_proj.shape[0],
        "width": max_proj.shape[1], "duration_s": float(np.ptp(time_s)),
        "n_bad": int((~good).sum()), "n_unplaced": int(lost.sum()),
        "diameter_px": parameters["cell_diameter_px"], "kinetics": attrs["kinetics"],
        "n_curated": curated["unit_id"].shape[0], "curation": curation,
    }  # fmt: skip
    steps = read_iterations(
        smk.input.initialize, _listed(smk.input.spatial), _listed(smk.input.temporal),
        _listed(smk.input.get("merges", [])), curated["unit_id"][:],
    )  # fmt: skip
    preview = open_store(smk.input.preview)
    n_left = facts["n_curated"]
    images = _motion_preview(smk.input.motion_preview)
    facts |= {name: images[name].tolist() for name in ("sharpness", "agreement")}
    seeds = pd.read_csv(smk.input.seeds, sep="\t")
    lowest = given(parameters["motion"]["min_confidence"], MIN_CONFIDENCE)
    browser, data = _units(smk, units, max_proj, time_s, attrs["fps_hz"])
    found = ends(steps.first, steps.rounds, curation)
    lineage = curated.attrs.get("lineage", {})
    sections = [
        glance(facts, units, warnings),
        settings_section(settings_list(parameters, smk.params.defaults), parameters["session"]),
        recording_section(frames),
        filters_section(_arrays(preview), preview.attrs["filters"], time_s[preview["frame"][:]]),
        motion_section(time_s, motion, confidence, lost, lowest, images),
        seeds_section(seeds, max_proj, tests_off(parameters["seeds"])),
        footprints_section(steps.maps),
        browser,
        changes_section(found, steps.places, lineage, max_proj, len(steps.first), n_left),
        *([video_section()] if smk.params.settings["report"]["video"] else []),
        costs_section(costs(smk.params.benchmarks)),
        versions_section(attrs),
    ]  # fmt: skip
    session, variant = smk.wildcards.session, smk.wildcards.variant
    animal = parameters["session"].get("animal", "")
    lead = f"<p>variant {html.escape(variant)}, animal {html.escape(animal)}</p>"
    text = page(f"Session {session}", lead, sections, data, unit_script.UNPACK)
    with new_store(smk.output.report) as part:
        part.write_text(text, "utf-8")
    logger.info("%d units, %.1f MB", len(units), len(text) / 1e6)


def _units(smk, units: pd.DataFrame, max_proj: np.ndarray, time_s: np.ndarray, fps_hz: float):
    """Return the section of the units, and the data of its script."""
    A, shape = read_footprints(smk.input.units)
    packer, rates = read_traces(smk.input.units, units)
    units["event_rate_hz"] = rates
    side = window_side(float(units["diameter_px"].median()) if len(units) else 9.0, shape)
    centres = units[["centroid_height", "centroid_width"]].to_numpy()
    cut = cutouts(A, centres, shape, side)
    span = float(time_s[0]), float(time_s[-1])
    section = units_section(units, cut, outlines_of(A, shape), max_proj, span, packer.width)
    if not len(units):
        return section, {}
    return section, {"units": {**packer.data(), "footprints": packed(cut.data), "fps_hz": fps_hz}}


def _arrays(group: zarr.Group) -> dict[str, np.ndarray]:
    return {name: array[...] for name, array in group.arrays()}


def _motion_preview(path: str) -> dict:
    group = open_store(path)
    return {**_arrays(group), "n_frames": group.attrs["n_frames"]}


def _listed(files) -> list[str]:
    return [files] if isinstance(files, str) else list(files)


if __name__ == "__main__":
    with job_log(snakemake.log[0]), single_threaded_libraries():
        main(snakemake)
