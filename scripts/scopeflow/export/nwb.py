"""Neurodata Without Borders: footprints, traces and quality in one file, by pynwb."""

import json
import re
import uuid
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import zarr
from hdmf.backends.hdf5.h5_utils import H5DataIO
from hdmf.common import DynamicTableRegion, ElementIdentifiers, VectorData
from hdmf.data_utils import AbstractDataChunkIterator, DataChunk, GenericDataChunkIterator
from pynwb import NWBHDF5IO, NWBFile, TimeSeries
from pynwb.base import Images
from pynwb.device import Device
from pynwb.file import Subject
from pynwb.image import GrayscaleImage
from pynwb.ophys import (
    Fluorescence,
    ImageSegmentation,
    ImagingPlane,
    OnePhotonSeries,
    OpticalChannel,
    PlaneSegmentation,
    RoiResponseSeries,
)

from scopeflow.export.dictionary import COLUMN_WORDS
from scopeflow.export.source import FOOTPRINT_CHUNK, FRAMES_AT_ONCE, UNITS_AT_ONCE, Source
from scopeflow.logs import logger

# Stands for a start that the sheet does not tell; nobody takes it for a real one.
UNKNOWN_START = datetime(1970, 1, 1, tzinfo=UTC)

DURATION = r"P(?!$)(\d+(\.\d+)?Y)?(\d+(\.\d+)?M)?(\d+(\.\d+)?W)?(\d+(\.\d+)?D)?(T[\dHMS.]+)?"
SPECIES = r"[A-Z][a-z]+ [a-z]+(\.?.*)|http://purl\.obolibrary\.org/obo/NCBITaxon_\d+"
SEX = {"m": "M", "male": "M", "f": "F", "female": "F", "o": "O", "other": "O"}

SERIES = {
    "YrA": ("Raw", "Raw trace: neighbours and background taken off, own baseline included, not "
            "clipped; NaN at frames left out."),
    "C": ("Denoised", "Calcium fitted to the raw trace, without the baseline b0 and the decay c0 "
          "that was under way at the start."),
    "S": ("Deconvolved", "Height of the transient that starts at the frame. Neither a number of "
          "spikes nor a rate."),
}  # fmt: skip

PICTURES = {
    "max_proj": "Maximum over time of the filtered, motion-corrected movie; (width, height).",
    "b": "Background image, camera counts; (width, height).",
    "glow": "Fixed image taken off every frame, camera counts; (width, height).",
}


class Pieces(GenericDataChunkIterator):
    """An array of the store with its dimensions in another order, read piece by piece.

    Parameters
    ----------
    array : zarr.Array
        What to read.
    axes : tuple of int
        Order of its dimensions in the file.
    chunk, piece : tuple of int
        Shape of a chunk in the file and of what is in memory, in the order of the file.
    """

    def __init__(self, array: zarr.Array, axes: tuple, chunk: tuple, piece: tuple) -> None:
        self._array, self._axes = array, axes
        shape = self._get_maxshape()
        chunk = tuple(min(n, m) for n, m in zip(chunk, shape, strict=True))
        piece = tuple(min(n, m) for n, m in zip(piece, shape, strict=True))
        super().__init__(chunk_shape=chunk, buffer_shape=piece)

    def _get_data(self, selection: tuple[slice, ...]) -> np.ndarray:
        stored = [slice(None)] * len(self._axes)
        for axis, part in zip(self._axes, selection, strict=True):
            stored[axis] = part
        return self._array[tuple(stored)].transpose(self._axes)

    def _get_maxshape(self) -> tuple[int, ...]:
        return tuple(self._array.shape[axis] for axis in self._axes)

    def _get_dtype(self) -> np.dtype:
        return self._array.dtype


class Masks(AbstractDataChunkIterator):
    """Footprints (unit_id, width, height), of which only the boxes are written.

    Parameters
    ----------
    source : Source
        Their units.
    """

    dtype = np.dtype(np.float32)

    def __init__(self, source: Source) -> None:
        self._n_units, (self._height, self._width) = source.n_units, source.shape
        self._boxes = source.boxes()

    @property
    def maxshape(self) -> tuple[int, ...]:
        return self._n_units, self._width, self._height

    def __iter__(self) -> "Masks":
        return self

    def __next__(self) -> DataChunk:
        box = next(self._boxes)
        return DataChunk(box.values.T, (box.unit, box.cols, box.rows))

    def recommended_chunk_shape(self) -> tuple[int, ...]:
        return 1, *(min(n, FOOTPRINT_CHUNK) for n in self.maxshape[1:])

    def recommended_data_shape(self) -> tuple[int, ...]:
        return self.maxshape


def compressed(pieces: AbstractDataChunkIterator) -> H5DataIO:
    """Return data to be written with compression."""
    return H5DataIO(pieces, compression="gzip", compression_opts=1, shuffle=True)


def write_nwb(source: Source, path: Path, keeps_movie: bool = False) -> None:
    """Write a store of units to an NWB file.

    Parameters
    ----------
    source : Source
        The units.
    path : Path
        File to write.
    keeps_movie : bool
        Whether the motion-corrected movie stays; only then the file links to it.

    Notes
    -----
    Images and masks have the dimensions (width, height), as the format asks for. Without
    units there is neither a segmentation nor a trace, which the format would not allow to
    be empty.
    """
    file = _new_file(source)
    plane = _imaging_plane(source, file)
    ophys = file.create_processing_module(
        name="ophys",
        description=f"Cells found by Scopeflow {source.attrs['package_version']}, "
        f"session {source.attrs['session']}, variant {source.attrs['variant']}.",
    )
    pictures = [
        GrayscaleImage(name=name, data=source.group[name][:].T, description=words)
        for name, words in PICTURES.items()
        if name in source.group
    ]
    ophys.add(
        Images(name="SegmentationImages", images=pictures, description="Images of the session.")
    )
    clock = _clock(source)
    ophys.add(
        TimeSeries(
            name="motion",
            data=source.group["motion"][:],
            unit="pixels",
            description="Motion correction applied, (height, width): Y[t, y, x] = "
            "raw[t, y - m0, x - m1]; defined up to a constant.",
            **clock,
        )
    )
    times = clock if "rate" in clock else _shared(ophys["motion"])
    if "orientation" in source.group:
        ophys.add(
            TimeSeries(
                name="head_orientation",
                data=source.group["orientation"][:],
                unit="1",
                description="Quaternion w, x, y, z of the sensor on the head; NaN: not known.",
                **times,
            )
        )
    if keeps_movie and source.movie_path:
        ophys.add(_movie_by_link(source, plane, times))
    if source.n_units:
        _add_units(source, plane, ophys, times)
    with NWBHDF5IO(path, mode="w") as io:
        io.write(file)


def _movie_by_link(source: Source, plane: ImagingPlane, times: dict) -> OnePhotonSeries:
    """Return the motion-corrected movie as a series whose frames lie in our zarr store."""
    height, width = source.shape
    if "rate" in times:
        times = {**times, "num_samples": source.n_frames}
    return OnePhotonSeries(
        name="motion_corrected",
        description="Motion-corrected movie: array Y (frame, height, width) of a zarr store, which "
        "is opened by zarr, not by NWB. The path is relative to this file.",
        imaging_plane=plane,
        format="external",
        external_file=[source.movie_path],
        starting_frame=[0],
        dimension=[width, height],
        unit="counts",
        **times,
    )


def _shared(series: TimeSeries) -> dict:
    """Return the time stamps of a series for another one to link to."""
    return {"timestamps": series}


def _new_file(source: Source) -> NWBFile:
    row = source.session
    start = session_start(row.get("date", ""))
    if start is None:
        logger.info("the sheet does not tell the date; the NWB file has 1970-01-01 in its place")
    words = f"One-photon calcium imaging, session {row['session']}."
    if start is None:
        words += " The start is not known: 1970-01-01 stands in its place."
    elif start.time().isoformat() == "00:00:00":
        words += " Of the start only the day is known."
    if not source.n_units:
        words += " No cell was found: there is neither a segmentation nor a trace."
    named = json.dumps([row, source.attrs["variant"], source.attrs.get("parameters", {})])
    notes = {
        "motion_corrected_movie": source.movie_path
        and f"{source.movie_path} (zarr, array Y; relative to this folder; removed after the run "
        "where keep_movies is false)",
        "videos": row.get("path", ""),
        "parameters": source.attrs.get("parameters", {}),
        "versions": source.attrs.get("versions", {}),
        "curation": source.attrs.get("curation", {}),
        "warnings": source.attrs.get("warnings", []),
    }
    return NWBFile(
        session_description=words,
        identifier=str(uuid.uuid5(uuid.NAMESPACE_OID, named)),
        session_start_time=start or UNKNOWN_START,
        session_id=row["session"],
        subject=_subject(row),
        experimenter=row.get("experimenter") or None,
        institution=row.get("institution") or None,
        lab=row.get("lab") or None,
        experiment_description=row.get("experiment") or None,
        keywords=["calcium imaging", "one-photon", "miniscope"],
        notes=json.dumps(notes, indent=1),
    )


def session_start(text: str) -> datetime | None:
    """Return the start that column ``date`` tells, or None.

    Parameters
    ----------
    text : str
        Year, month, day, in this order (``2026-05-01``, ``2026_05_01``, ``20260501``), and a
        time if it is known. Without a time zone, UTC is taken, so that the file does not
        depend on the computer. Dates in another order are not guessed.
    """
    plain = re.sub(r"^(\d{4})[_/.](\d{1,2})[_/.](\d{1,2})(?!\d)", r"\1-\2-\3", text.strip())
    plain = re.sub(
        r"^(\d{4})-(\d{1,2})-(\d{1,2})(?!\d)",
        lambda m: f"{m[1]}-{int(m[2]):02}-{int(m[3]):02}", plain,
    )  # fmt: skip
    if not re.match(r"\d{4}-\d\d-\d\d|\d{8}", plain):
        return None
    try:
        start = datetime.fromisoformat(plain)
    except ValueError:
        return None
    start = start if start.tzinfo else start.replace(tzinfo=UTC)
    return start if start.date() <= datetime.now(UTC).date() else None


def _subject(row: dict) -> Subject:
    """Return the animal, with what the sheet tells of it in the words that NWB knows."""
    age = _known(row, "age", DURATION, "a duration such as P90D or P12W")
    species = _known(row, "species", SPECIES, "a Latin name such as Mus musculus")
    born = session_start(row.get("date_of_birth", ""))
    return Subject(
        subject_id=row.get("animal") or row["session"],
        age=age,
        date_of_birth=born,
        species=species,
        sex=SEX.get(row.get("sex", "").lower(), "U"),
        genotype=row.get("genotype") or None,
        strain=row.get("strain") or None,
    )


def _known(row: dict, column: str, pattern: str, allowed: str) -> str | None:
    """Return a value of the sheet if NWB knows its form; else say so and return None."""
    value = row.get(column, "")
    if value and not re.fullmatch(pattern, value):
        logger.warning("column %s is %r; NWB needs %s. Left out.", column, value, allowed)
        return None
    return value or None


def _imaging_plane(source: Source, file: NWBFile) -> ImagingPlane:
    row = source.session
    device = Device(name="Miniscope", description=row.get("device") or "One-photon microscope.")
    file.add_device(device)
    channel = OpticalChannel(
        name="OpticalChannel",
        description="Emission of the indicator; NaN: not known.",
        emission_lambda=_wavelength(row, "emission_nm"),
    )
    plane = ImagingPlane(
        name="ImagingPlane",
        optical_channel=channel,
        description="Field of view of the analysed recording; wavelengths of NaN are not known.",
        device=device,
        excitation_lambda=_wavelength(row, "excitation_nm"),
        indicator=row.get("indicator") or "unknown",
        location=row.get("location") or "unknown",
        imaging_rate=source.fps_hz,
    )
    file.add_imaging_plane(plane)
    return plane


def _wavelength(row: dict, column: str) -> float:
    try:
        value = float(row.get(column) or "nan")
    except ValueError:
        value = 0.0
    if value < 100:
        logger.warning(
            "column %s is %r; a wavelength in nm is needed. Left out.", column, row[column]
        )
        return float("nan")
    return value


def _clock(source: Source) -> dict:
    """Return the arguments that tell a series its times: a rate where they are regular."""
    steps = np.unique(np.diff(source.time_s).round(9))
    if len(steps) == 1 and steps[0] > 0:
        first, last = source.time_s[[0, -1]].tolist()
        return {"starting_time": first, "rate": (source.n_frames - 1) / (last - first)}
    if source.n_frames < 2:
        return {"starting_time": float(source.time_s[0]), "rate": source.fps_hz}
    return {"timestamps": source.time_s}


def _add_units(source: Source, plane: ImagingPlane, ophys, clock: dict) -> None:
    columns = [
        VectorData(
            name="image_mask",
            data=compressed(Masks(source)),
            description="Footprint (width, height), largest value 1.",
        )
    ]
    for name, (values, unit) in source.columns.items():
        words = f"{COLUMN_WORDS.get(name, name)} Unit: {unit}."
        columns.append(VectorData(name=name, data=values, description=words))
    g = source.group["g"][:]
    columns.append(VectorData(name="g", data=g, description=COLUMN_WORDS["g"]))
    cells = PlaneSegmentation(
        name="PlaneSegmentation",
        description="Units; id is the unit_id of the store.",
        imaging_plane=plane,
        id=ElementIdentifiers(name="id", data=source.unit_id),
        columns=columns,
    )
    segmentation = ImageSegmentation(name="ImageSegmentation")
    segmentation.add_plane_segmentation(cells)
    ophys.add(segmentation)
    fluorescence = Fluorescence(name="Fluorescence")
    ophys.add(fluorescence)  # before the series, whose table must be in the same file
    for name, (title, words) in SERIES.items():
        region = DynamicTableRegion(
            name="rois",
            data=np.arange(source.n_units),
            description="All units.",
            table=cells,
        )
        traces = Pieces(
            source.group[name],
            (1, 0),
            chunk=(FRAMES_AT_ONCE, UNITS_AT_ONCE),
            piece=(FRAMES_AT_ONCE, UNITS_AT_ONCE),
        )
        fluorescence.add_roi_response_series(
            RoiResponseSeries(
                name=title,
                data=compressed(traces),
                rois=region,
                unit="counts",
                description=f"{name}: {words} Camera counts at the footprint's peak.",
                **clock,
            )
        )
