"""Results of a session as the workflow writes them, made from a simulated recording's truth.

For tests of what shows results: every product is there, in seconds and without a run. One
candidate fails each test of the seeds, one unit is dropped by the first spatial update,
and two halves of a cell are merged.
"""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import zarr
from scipy import sparse

from scopeflow.deconvolve import coefficients, response_norms
from scopeflow.footprints import centroids, from_rows, write_footprints
from scopeflow.plan.settings import load_config
from scopeflow.plan.stages import STAGES
from scopeflow.preprocess import Filters, denoise, glow_image, remove_background, remove_glow
from scopeflow.quality import accepted, diameters, signal_to_noise
from scopeflow.shift import shift_frames
from scopeflow.simulate import make_recording
from scopeflow.stores import create, create_movie, new_store, put, slabs, write_slab

RECIPE = {
    "height_px": 112, "width_px": 128, "n_frames": 600, "n_cells": 18, "motion_max_px": 4,
    "spike_probability": 0.01, "seed": 2, "field_seed": 2,
}  # fmt: skip
DIAMETER = 16.0
TRUE_S = 2.0, 5 / 30  # decay and rise of simulated transients
BAD_FRAMES = {100: "black", 101: "black", 300: "duplicated"}
UNPLACED = (400,)
LOGGED = {
    "load": ["3 of 600 frames are bad"],
    "estimate_motion": ["session {session}: 1 of 597 good frames could not be placed"],
}
TESTS = ("events", "gmm", "pnr", "ks", "merge")


@dataclass
class Made:
    """Where the results lie, and what they were made from."""

    root: Path
    session: str
    variant: str
    unit_id: np.ndarray
    dropped: int  # unit that the first spatial update dropped
    merged: tuple[int, int]  # label that stayed, label that went into it

    @property
    def folder(self) -> Path:
        """Folder of the session's variant."""
        return self.root / "results" / self.session / self.variant


def make_results(
    root: Path, session: str = "s1", variant: str = "default", config: dict | None = None, **recipe
) -> Made:
    """Write ``results``, ``logs`` and ``benchmarks`` of one session below `root`."""
    recording = make_recording({**RECIPE, **recipe})
    settings = {
        **load_config({"sessions": "sheet.tsv", "cell_diameter_px": DIAMETER, **(config or {})}),
        "session": {"session": session, "animal": "m1", "path": session, "fps_hz": 30.0},
    }
    made = _Maker(Path(root), session, variant, recording, settings)
    made.movies()
    made.seeds()
    made.iterations()
    made.units()
    made.jobs()
    ids = made.unit_id
    return Made(made.root, session, variant, ids, int(ids[-1]) + 1, (int(ids[0]), 900))


class _Maker:
    def __init__(self, root, session, variant, recording, settings):
        self.root, self.session, self.variant = root, session, variant
        self.recording, self.settings = recording, settings
        self.folder = root / "results" / session / variant
        self.fps_hz = recording.recipe["fps_hz"]
        self.unit_id, self.A, C, _ = recording.truth()
        self.n_frames = C.shape[1]
        rng = np.random.default_rng(0)
        g = coefficients(*TRUE_S, self.fps_hz)
        self.g, self.s_scale = g, response_norms(g)[1]
        new = np.zeros_like(C, dtype=np.float64)
        new[:, 2:] = C[:, 2:] - g[0] * C[:, 1:-1] - g[1] * C[:, :-2]
        self.C, self.S = C, (self.s_scale * np.maximum(new, 0)).astype(np.float32)
        self.S[1e-3 * self.S.max(initial=1e-9) > self.S] = 0
        self.b0 = rng.uniform(5, 9, len(C)).astype(np.float32)
        self.sigma = rng.uniform(1.5, 4, len(C)).astype(np.float32)
        noise = rng.standard_normal(C.shape).astype(np.float32)
        self.YrA = C + self.b0[:, None] + noise * self.sigma[:, None]

    @property
    def shape(self):
        return self.recording.shape

    def movies(self):
        """The steps load, preprocess and motion."""
        rec, n = self.recording, self.n_frames
        frames = np.concatenate([rec.frames(slab) for slab in rec.slabs])
        status = np.full(n, "", dtype=object)
        for frame, fault in BAD_FRAMES.items():
            if frame < n:
                status[frame] = fault
                frames[frame] = 0 if fault == "black" else frames[frame - 1]
        good = status == ""
        minimum, maximum = frames[good].min(axis=0), frames[good].max(axis=0)
        with new_store(self.folder / "load/raw.zarr") as part:
            out = create(part, fps_hz=self.fps_hz, fps_source="the recipe", frames_lost=0,
                         files=[{"name": "msCam1.avi", "frames": n}], warnings=[])  # fmt: skip
            self._movie(out, frames)
            put(out, "minimum", minimum, ("height", "width"), units="counts")
            put(out, "maximum", maximum, ("height", "width"), units="counts")
        flat = frames.reshape(n, -1)
        change = np.abs(np.diff(flat.astype(np.float32), axis=0)).mean(axis=1)
        self.time_s = np.arange(n) / self.fps_hz
        table = pd.DataFrame({
            "frame": np.arange(n), "time_s": np.round(self.time_s, 6), "mean": flat.mean(axis=1),
            "min": flat.min(axis=1), "max": flat.max(axis=1),
            "difference": [np.nan, *change], "file": "msCam1.avi",
            "file_frame": np.arange(n), "status": status,
        })  # fmt: skip
        table.to_csv(self.folder / "load/frames.tsv", sep="\t", index=False)

        steps = self.settings["preprocess"]
        filters = Filters.for_cells("median", None, "tophat", None, DIAMETER)
        self.glow = glow_image(minimum, steps["glow"]["method"], DIAMETER)
        picks = np.flatnonzero(good)[np.linspace(0, good.sum() - 1, 6).astype(int)]
        no_glow = remove_glow(frames[picks], self.glow)
        denoised = np.stack([denoise(f, filters) for f in no_glow])
        final = np.stack([remove_background(f, filters) for f in denoised])
        with new_store(self.folder / "preprocess/preview.zarr") as part:
            out = create(part, filters=dataclasses.asdict(filters))
            put(out, "frame", picks, ("frame",))
            steps = {
                "raw": frames[picks],
                "glow": no_glow,
                "denoise": denoised,
                "background": final,
            }
            for name, stack in steps.items():
                put(out, name, stack, ("frame", "height", "width"), units="counts")
            put(out, "glow_image", self.glow, ("height", "width"), units="counts")

        self.motion = -rec.movement
        placed = good.copy()
        placed[[t for t in UNPLACED if t < n]] = False
        self.weight = placed
        confidence = np.where(placed, 12.0, 2.0).astype(np.float32)
        confidence += np.random.default_rng(1).uniform(0, 2, n).astype(np.float32)
        with new_store(self.folder / "motion/motion.zarr") as part:
            out = create(part, shift_dim=["height", "width"], method="recursive")
            put(out, "motion", self.motion, ("frame", "shift_dim"), units="px")
            put(out, "confidence", confidence, ("frame",), units="1")
            put(out, "placed", placed.astype(np.uint8), ("frame",), units="1")
        Y = shift_frames(remove_glow(frames, self.glow), self.motion)
        with new_store(self.folder / "motion/Y.zarr") as part:
            out = create(part, fps_hz=self.fps_hz, filtered=False)
            self._movie(out, Y)
            put(out, "weight", placed.astype(np.uint8), ("frame",))
            put(out, "seen", np.ones(self.shape, np.float32), ("height", "width"), units="1")
        shown = [remove_background(denoise(f, filters), filters) for f in Y[placed][::6]]
        self.max_proj = np.max(shown, axis=0)
        with new_store(self.folder / "motion/projections.zarr") as part:
            out = create(part, fps_hz=self.fps_hz, block_frames=16, n_frames=n)
            put(out, "max_proj", self.max_proj, ("height", "width"), units="counts")
            put(out, "mean", Y[placed].mean(axis=0, dtype=np.float32), ("height", "width"))

    def _movie(self, out, frames):
        movie = create_movie(out, "Y", frames.shape, frames.dtype)
        for slab in slabs(movie):
            write_slab(movie, slab, frames[slab])

    def seeds(self):
        """Candidates: the cells, and one more for each test that it fails."""
        rng = np.random.default_rng(4)
        place = centroids(self.A, self.shape)
        away = rng.uniform(5, np.array(self.shape) - 5, (len(TESTS), 2))
        place = np.concatenate([place, away])
        n, cells = len(place), len(self.A.indptr) - 1
        table = pd.DataFrame({
            "height": place[:, 0], "width": place[:, 1],
            "count": rng.integers(1, 9, n), "score": rng.uniform(5, 40, n),
            "peak_to_peak": rng.uniform(20, 90, n), "pnr": rng.uniform(1, 4, n),
            "ks_p": rng.uniform(0, 0.1, n),
        })  # fmt: skip
        for i, test in enumerate(TESTS):
            table[f"mask_{test}"] = np.arange(n) != cells + i
        # Where an earlier test failed the merge was not asked: it says no.
        table.loc[cells:, "mask_merge"] = False
        (self.folder / "seeds").mkdir()
        table.to_csv(self.folder / "seeds/seeds.tsv", sep="\t", index_label="candidate")
        with new_store(self.folder / "seeds/candidates.zarr") as part:
            out = create(part, fps_hz=self.fps_hz, method="events", shape=list(self.shape))
            for name in ("height", "width", "count", "score"):
                put(out, name, table[name].to_numpy(np.float64), ("candidate",))
            noise = rng.normal(0, 3, (n, self.n_frames)).astype(np.float32)
            noise[:cells] += self.C
            put(out, "traces", noise, ("candidate", "frame"), units="counts")
            put(out, "null_traces", noise[cells:], ("site", "frame"), units="counts")

    def iterations(self):
        """From initialize to the last temporal update."""
        extra = self.A[[0]]
        first = sparse.csr_array(sparse.vstack([self.A, extra, self._speck()], format="csr"))
        labels = np.array([*self.unit_id, 900, self.unit_id[-1] + 1])
        C = np.concatenate([self.C, 0.5 * self.C[:1], 0 * self.C[:1]])
        self._store("initialize/units.zarr", labels, A=first, C=C, b=self._b(), f=self._f())
        with new_store(self.folder / "noise/noise.zarr") as part:
            put(create(part), "sn", np.full(self.shape, 3, np.float32), ("height", "width"))
        both, ids, own = sparse.csr_array(first[:-1]), labels[:-1], C[:-1]
        r = np.linspace(0.86, 0.99, len(ids)).astype(np.float32)
        for i, (A, k, c) in enumerate([(both, ids, own), (self.A, self.unit_id, self.C)], start=1):
            size = np.diff(A.indptr)
            self._store(f"spatial/{i}/units.zarr", k, A=A, spatial_r=r[: len(k)], size_px=size)
            YrA = self._gaps(c + 5)
            self._store(f"traces/{i}/units.zarr", k, YrA=YrA, b=self._b(), f=self._f())
            zero, tau = np.zeros(len(k), np.float32), np.full(len(k), TRUE_S[0], np.float32)
            self._store(
                f"temporal/{i}/units.zarr", k, C=c, S=np.resize(self.S, c.shape), c0=zero,
                tau_decay_s=tau, kept=np.ones(len(k), bool),
            )  # fmt: skip
        path = "merge/1/units.zarr"
        self._store(path, self.unit_id, A=self.A, C=self.C, b=self._b(), f=self._f())
        zarr.open_group(self.folder / path).attrs["lineage"] = self._lineage

    @property
    def _lineage(self):
        return {str(self.unit_id[0]): [int(self.unit_id[0]), 900]}

    def _speck(self):
        return from_rows([(np.array([5, 6, 7]), np.array([0.5, 1, 0.5]))], np.prod(self.shape))

    def _b(self):
        return np.full(self.shape, 20, np.float32)

    def _f(self):
        return 1 + 0.1 * np.sin(np.arange(self.n_frames) / 40).astype(np.float32)

    def _gaps(self, traces):
        traces = traces.astype(np.float32)
        traces[:, ~self.weight] = np.nan
        return traces

    def _store(self, path, unit_id, A=None, **arrays):
        with new_store(self.folder / path) as part:
            out = create(part, fps_hz=self.fps_hz)
            put(out, "unit_id", np.asarray(unit_id, np.int64), ("unit_id",))
            if A is not None:
                write_footprints(out, A, self.shape)
            for name, values in arrays.items():
                dims = {"b": ("height", "width"), "f": ("frame",)}.get(name, ("unit_id", "frame"))
                put(out, name, values, dims[: values.ndim])

    def units(self):
        """The result, and the same as the curated one."""
        attrs = {
            "package": "scopeflow", "package_version": "0.1.0", "session": self.session,
            "variant": self.variant, "fps_hz": self.fps_hz, "warnings": [], "conventions": {},
            "versions": {"python": "3.11", "numpy": "2", "zarr": "3"},
            "parameters": self._parameters(), "lineage": self._lineage,
            "computed_by": {name: self.variant for name in self._nodes()},
            "kinetics": {"tau_decay_s": TRUE_S[0], "tau_rise_s": TRUE_S[1], "source": "given"},
            "coordinates": "time_s frame_good",
        }  # fmt: skip
        n = len(self.unit_id)
        place, width = centroids(self.A, self.shape), diameters(self.A)
        snr = signal_to_noise(self.C, self.sigma)
        r = np.linspace(0.86, 0.99, n).astype(np.float32)
        good = accepted(snr, r, width / DIAMETER, self.settings["accept"])
        columns = {
            "b0": self.b0, "c0": np.zeros(n), "sigma": self.sigma, "s_scale": self.s_scale,
            "tau_decay_s": TRUE_S[0], "tau_rise_s": TRUE_S[1], "snr": snr, "spatial_r": r,
            "centroid_height": place[:, 0], "centroid_width": place[:, 1], "diameter_px": width,
        }  # fmt: skip
        for name in ("units.zarr", "curated.zarr"):
            with new_store(self.folder / name) as part:
                out = create(part, **attrs)
                put(out, "unit_id", self.unit_id.astype(np.int64), ("unit_id",))
                for axis, size in zip(("height", "width"), self.shape, strict=True):
                    put(out, axis, np.arange(size), (axis,), units="px")
                put(out, "frame", np.arange(self.n_frames), ("frame",))
                put(out, "time_s", self.time_s, ("frame",), units="s")
                put(out, "frame_good", self.weight.astype(np.uint8), ("frame",))
                write_footprints(out, self.A, self.shape)
                traces = {"C": self.C, "S": self.S, "YrA": self._gaps(self.YrA)}
                for key, values in traces.items():
                    put(out, key, values.astype(np.float32), ("unit_id", "frame"), units="counts")
                for key, values in columns.items():
                    column = np.broadcast_to(values, n).astype(np.float32)
                    put(out, key, column, ("unit_id",))
                put(out, "size_px", np.diff(self.A.indptr), ("unit_id",), units="px")
                put(out, "accepted", good.astype(np.uint8), ("unit_id",))
                put(out, "g", np.tile(self.g, (n, 1)), ("unit_id", "lag"))
                put(out, "b", self._b(), ("height", "width"), units="counts")
                put(out, "f", self._f(), ("frame",), units="1")
                put(out, "glow", self.glow, ("height", "width"), units="counts")
                put(out, "motion", self.motion, ("frame", "shift_dim"), units="px")
                put(out, "max_proj", self.max_proj, ("height", "width"), units="counts")

    def _parameters(self):
        sections = sorted({k.split(".")[0] for stage in STAGES.values() for k in stage.keys})
        return {key: self.settings[key] for key in [*sections, "accept", "n_iterations"]}

    def _nodes(self):
        loop = ("spatial_update", "compute_traces", "temporal_update")
        names = [name for name in STAGES if name not in (*loop, "merge")]
        return [*names, *(f"{name}/{i}" for name in loop for i in (1, 2)), "merge/1"]

    def jobs(self):
        """Logs and benchmarks, as the rules leave them."""
        for kind in ("logs", "benchmarks"):
            (self.root / kind / self.session / self.variant).mkdir(parents=True)
        for i, node in enumerate([*self._nodes(), "units", "curate"]):
            name = node.replace("/", ".")
            lines = ["10:00:00 INFO started"]
            for words in LOGGED.get(name, []):
                lines.append(f"10:00:01 WARNING {words.format(session=self.session)}")
            lines.append("10:00:02 INFO done in 2.0 s")
            log = self.root / "logs" / self.session / self.variant / f"{name}.log"
            log.write_text("\n".join(lines) + "\n", "utf-8")
            row = f"{i + 1.5}\t0:00:02\t{200 + i}\t900\t180\t190\t1\t2\t90\t{i + 1.0}"
            head = (
                "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time"
            )
            table = self.root / "benchmarks" / self.session / self.variant / f"{name}.tsv"
            table.write_text(f"{head}\n{row}\n", "utf-8")
