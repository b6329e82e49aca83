"""What every exported number means, in which unit, and what it is not."""

from scopeflow.export.source import Source

# Per unit: meaning, in words that stand in the dictionary and in the NWB file alike.
COLUMN_WORDS = {
    "accepted": "1 if the unit meets the criteria of the config's section accept, or a person's.",
    "b0": "Baseline of the raw trace above the local background, as fitted; C is without it.",
    "c0": "Height of the calcium that was decaying when the recording started; C is without it.",
    "caiman_cnn": "CaImAn's own: probability of being a cell by its network (`cnn_preds`).",
    "caiman_snr": "CaImAn's own: signal-to-noise ratio of events (`SNR_comp`); not `snr`.",
    "caiman_spatial_r": "CaImAn's own: agreement of footprint and movie at events (`r_values`).",
    "centroid_height": "Centre of mass of the footprint, row; first row is 0.",
    "centroid_width": "Centre of mass of the footprint, column; first column is 0.",
    "diameter_px": "Width of the footprint at 13.5 % of its peak.",
    "f0": "Resting fluorescence, for DF/F = C / F0: F0 = glow + b * median of f over good frames + "
    "b0, at the footprint's brightest pixel. Most of it is light from above and below the cell; "
    "NaN where it is not above zero.",
    "g": "Autoregressive coefficients: C[t] = g[0] C[t-1] + g[1] C[t-2] + S[t] / s_scale.",
    "minian_label": "Minian's own: `unit_labels`, the person's label; -1 was dropped.",
    "s_scale": "S = s_scale * (G C): makes S the height of the transient.",
    "sigma": "Noise of the raw trace: standard deviation of its fast part.",
    "size_px": "Pixels of the footprint above zero.",
    "snr": "99.9th percentile of C over sigma. Not the probability of being a cell.",
    "spatial_r": "Agreement of the footprint with the movie; NaN for units that a person "
    "merged or split.",
    "tau_decay_s": "Decay time of calcium in the fit, as a rule shared by the session's units.",
    "tau_rise_s": "Rise time of calcium in the fit, as a rule shared by the session's units.",
}

ARRAYS = [
    ("A", "unit, height, width", "1", "Footprint, largest value 1.",
     "not a probability, and not a brightness: that is in C"),
    ("C", "unit, frame", "counts", "Calcium fitted to the raw trace, in camera counts at the "
     "footprint's peak, without b0 and c0.",
     "not DF/F; not comparable between cells at different depths"),
    ("S", "unit, frame", "counts", "Height of the transient that starts at the frame.",
     "not a number of spikes, not a firing rate"),
    ("YrA", "unit, frame", "counts", "Raw trace: neighbours and background taken off, own "
     "baseline included, not clipped; empty or NaN at frames left out.",
     "not the plain mean over the cell's pixels"),
    ("time_s", "frame", "s", "Time of the frame since the first one.",
     "not the clock of other devices"),
    ("frame_good", "frame", "1", "1 where the frame took part in the fits; elsewhere C and S "
     "are filled in by the model.", "no judgement of single cells"),
    ("motion", "frame, 2", "px", "Correction applied, rows and columns: Y[t, y, x] = "
     "raw[t, y - m0, x - m1].", "defined up to a constant, so not a place"),
    ("orientation", "frame, 4", "1", "Head orientation as a quaternion w, x, y, z (`qw` ... in "
     "`frames.csv`), where the miniscope has the sensor; NaN where not known.",
     "not turned into the room's axes; the sensor drifts"),
    ("b, f", "height, width; frame", "counts; 1", "Background image and its course.",
     "not the glow, which was taken off before"),
    ("glow", "height, width", "counts", "Fixed image taken off every frame before all else; "
     "includes the camera's offset.", "no measure of the tissue alone"),
    ("max_proj", "height, width", "counts", "Maximum over time of the filtered movie.",
     "not in proportion to brightness: the filters change it"),
]  # fmt: skip

EVENTS = """\
## Events (`events.csv`)

An **event** is a longest run of frames over which C rises from each frame to the next, with
activity S in it and an amplitude of at least 2 sigma.

| column | unit | meaning |
|---|---|---|
| `unit_id` | | unit |
| `onset_frame`, `onset_time_s` | , s | first frame of the rise |
| `peak_time_s` | s | last frame of the rise, where C is highest |
| `amplitude` | counts | C at the peak less C in the frame before the onset |
| `amplitude_sigma` | 1 | amplitude over the noise `sigma` of the raw trace |
| `area` | counts * s | area under the calcium that the event adds, followed to its end |

Area = sum of S over the rise / s_scale / (1 - sum of g) / frame rate.

What it is not: a spike, or a burst. Spikes that follow each other within the rise are one
event; the number of events depends on noise and on the penalty of the fit. In frames with
`frame_good` 0 nothing was measured.
"""

DFF = """\
## DF/F (`dff.csv`, column `f0`)

**DF/F = C / F0** with **F0 = glow + b * median(f) + b0**, where glow and b are taken at the
brightest pixel of the unit's footprint and the median of f is over the good frames: the
camera counts that this pixel shows while the cell rests.

What it is not: the relative change of the cell's own fluorescence. In one-photon images most
of F0 is light from above and below the cell, and the camera's offset is in it: DF/F comes out
smaller than with two photons, and depends on depth, vessels and vignetting. Compare a cell with
itself; between cells, C / sigma tells more. F0 is empty, and with it DF/F, where it is not above
zero and where cells were extracted from the filtered movie (`preprocess.cnmf_movie: filtered`).
"""

FORMATS = {
    "nwb": """\
## NWB (`{session}.nwb`)

`processing/ophys`: `ImageSegmentation/PlaneSegmentation` (ids are the unit_id; `image_mask` is
(width, height), the order of the format; a column for each number of the table above),
`Fluorescence/Raw` (YrA), `Denoised` (C) and `Deconvolved` (S), all (frame, unit), `motion`,
`head_orientation` where it was measured, and `SegmentationImages`. Times are a rate where they
are regular, else time stamps. `motion_corrected` links to the movie where it is kept
(`keep_movies`): its `external_file` is a zarr store, to be opened by zarr. Parameters are in
`notes`. Animal, lab and imaging come from the sheet's columns (config/README.md), else from the
recording software; what neither tells is left out or `unknown`. A start of 1970-01-01 means that
no date is known. Without units there is no segmentation.
""",
    "hdf5": """\
## HDF5 (`units.h5`)

Each array is a data set of its own name. MATLAB shows dimensions in reverse, and there (or with
`docs/load_units.m`) `C`, `S`, `YrA` are (unit, frame), `A` is (height, width, unit). In Python
(h5py), `C` is (frame, unit) and `A` is (unit, width, height). The attributes `dims`,
`dims_in_matlab` and `units` of each data set say so; parameters are attributes of the file, as
JSON. `n_units`, `n_frames`, `height_px`, `width_px` and `fps_hz` are single numbers. Rows and
columns in `centroid_height`, `centroid_width` count from 0.
""",
    "csv": """\
## Tables

`C.csv`, `S.csv`, `YrA.csv`, `dff.csv`: a row for each frame; columns `frame`, `time_s`, then
`unit_<unit_id>`. `units.csv`: a row for each unit with the columns above, `g` as `g0`, `g1`.
`frames.csv`: a row for each frame with `time_s`, `frame_good`, `motion_height_px`,
`motion_width_px`, `f`, and `qw`, `qx`, `qy`, `qz` where the head's orientation was measured.
Numbers are written with the digits that give the stored value back; an empty cell is NaN.
""",
    "minian": """\
## Minian (`minian/`)

A folder that `minian.utilities.open_minian("minian")` of Minian 2 opens: a zarr store (format 2)
for each of `A`, `C`, `S`, `YrA`, `b0`, `c0`, `b`, `f`, `motion` and `max_proj`, with the
coordinates `unit_id`, `unit_labels`, `frame`, `height`, `width`, `shift_dim`, `animal` and
`session`. Three are as Minian has them and not as in the table above: `S` = G C (divided by
`s_scale`); `b0` and `c0` are (unit_id, frame), `c0` with its decay, so that C + b0 + c0 is fitted
to `YrA`.
`unit_labels` is the unit's own label, and -1 where `accepted` is 0.
""",
}


def dictionary(source: Source, formats: list[str]) -> str:
    """Return the data dictionary of an export, in Markdown.

    Parameters
    ----------
    source : Source
        What is exported.
    formats : list of str
        Formats that are written.
    """
    session, variant = source.attrs["session"], source.attrs["variant"]
    lines = [
        f"# Session {session}, variant {variant}",
        "",
        f"{source.n_units} units, {source.n_frames} frames at {source.fps_hz:g} Hz, image of "
        f"{source.shape[0]} x {source.shape[1]} px; Scopeflow {source.attrs['package_version']}. "
        f"Made from `../curated.zarr`. {_curated(source)}",
        "",
        "Counts are camera counts. `unit_id` is a label: it has gaps, and survives every "
        "selection. Frames and pixels count from 0.",
        "",
        *(f"**Warning:** {text}\n" for text in source.attrs.get("warnings", [])),
        "The sample sheet says of this session: "
        + "; ".join(f"{name} = {value}" for name, value in source.session.items() if value)
        + ".",
        "",
        "## Arrays",
        "",
        "| name | dimensions | unit | meaning | what it is not |",
        "|---|---|---|---|---|",
        *(f"| `{name}` | {' | '.join(rest)} |" for name, *rest in ARRAYS),
        "",
        "## Numbers of each unit",
        "",
        "| name | unit | meaning |",
        "|---|---|---|",
        *(
            f"| `{name}` | {unit} | {COLUMN_WORDS.get(name, '')} |"
            for name, (_, unit) in source.columns.items()
        ),
        f"| `g` | 1 | {COLUMN_WORDS['g']} |",
        "",
    ]
    parts = ["\n".join(lines), *(FORMATS[name].format(session=session) for name in formats)]
    if "csv" in formats:
        parts.append(EVENTS)
    return "\n".join([*parts, DFF])


def _curated(source: Source) -> str:
    """Say which units a person rejected, merged and split."""
    done = source.attrs.get("curation", {})
    said = {
        "rejected": _listed(done.get("rejected", [])),
        "merged": _groups(done.get("merged", {}), "of"),
        "split": _groups(done.get("split", {}), "into"),
        "to be split, but left whole": _listed(done.get("not_split", [])),
    }
    if not any(said.values()):
        return "No unit was rejected, merged or split by a person."
    words = "; ".join(f"{what}: {units}" for what, units in said.items() if units)
    return f"By a person: {words}."


def _listed(units: list[int]) -> str:
    return ", ".join(map(str, units))


def _groups(groups: dict[str, list[int]], word: str) -> str:
    return ", ".join(f"{unit} ({word} {_listed(units)})" for unit, units in groups.items())
