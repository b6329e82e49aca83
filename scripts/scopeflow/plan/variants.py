"""Who computes a step: the first variant, `default` before all, that agrees here and upstream."""

import hashlib
import json
from collections.abc import Callable
from copy import deepcopy
from functools import cache
from pathlib import Path

from scopeflow.errors import InputError
from scopeflow.plan.discover import discover
from scopeflow.plan.settings import load_config
from scopeflow.plan.sheet import Session, read_sheet
from scopeflow.plan.stages import FINAL, LOOP, STAGES, node

# Keys of the run, not of a session: no step may depend on them.
NOT_SETTINGS = ("sessions", "discover", "results", "simulate", "overrides", "variants", "mem_mb",
                "compare", "benchmark", "preview", "variant", "inspect")  # fmt: skip

# Before a session's name, for what is a session of its own on the disk:
PREVIEW = "preview/"  # a short segment and a crop of it, tried first
IMPLANT = "implant/"  # the recording with synthetic cells in it


class Variants:
    """Sessions, variants and their settings; which variant computes which product.

    Parameters
    ----------
    config : dict
        As Snakemake read it; checked here.
    source : str
        Where the config comes from, for messages.

    Attributes
    ----------
    config : dict
        Complete: with every default.
    sessions : dict of Session
        Rows of the sheet by name.
    variants : list of str
        ``default`` first.
    results : str
        Root folder of the results.
    """

    def __init__(self, config: dict, source: str = "the config") -> None:
        self.config = load_config(config, source)
        self.recipes: dict[str, dict] = self.config["simulate"]
        self.sessions = self._read_sessions()
        for key, names in {
            "overrides.": self.config["overrides"],
            "preview.sessions: ": self.config["preview"]["sessions"] or (),
        }.items():
            strangers = [name for name in names if name not in self.sessions]
            if strangers:
                raise InputError(
                    f"{key}{strangers[0]}: there is no session of this name; allowed: "
                    f"{', '.join(self.sessions)}."
                )
        self.variants = ["default", *(v for v in self.config["variants"] if v != "default")]
        results = Path(self.config["results"])
        for folder in (results, *results.parents):
            if folder.exists() and not folder.is_dir():
                raise InputError(
                    f"results: cannot write to {results}, because {folder} is a file. Set results "
                    "to another place."
                )
        self.results = results.as_posix()
        # Bound here and not decorated, so that the caches live and die with the plan.
        self.effective = cache(self._effective)
        self.fingerprint = cache(self._fingerprint)
        self.owner = cache(self._owner)

    def _read_sessions(self) -> dict[str, Session]:
        if self.config["sessions"] is None:
            return discover(**self.config["discover"])
        return read_sheet(self.config["sessions"], frozenset(self.recipes))

    def row(self, session: str) -> Session:
        """Return the row of a session, or of the one that a preview is made of.

        Likewise of the one that synthetic cells were put into.
        """
        return self.sessions[session.removeprefix(PREVIEW).removeprefix(IMPLANT)]

    # ---------------------------------------------------------------- settings

    def _effective(self, session: str, variant: str) -> dict:
        """Return the settings of one run: config, sheet, session's and variant's overrides."""
        row = self.row(session)
        run = {k: deepcopy(v) for k, v in self.config.items() if k not in NOT_SETTINGS}
        run["session"] = {
            **row.metadata, "session": row.name, "path": row.path, "fps_hz": row.fps_hz
        }  # fmt: skip
        if row.units is not None:
            run["session"]["units"] = row.units
        if row.pattern is not None:
            run["load"]["pattern"] = row.pattern
        for overrides in (
            row.settings,
            self.config["overrides"].get(row.name),
            self.config["variants"].get(variant),
        ):
            laid_over(run, overrides or {})
        if session.startswith(PREVIEW):
            size = {k: self.config["preview"][k] for k in ("n_frames", "size_px")}
            run["load"]["excerpt"] = size
        return run

    def used(self, stage: str, session: str, variant: str) -> dict:
        """Return exactly the settings that a stage, or a rule behind `units`, uses."""
        run, used = self.effective(session, variant), {}
        for entry in STAGES[stage].keys if stage in STAGES else FINAL[stage]:
            dotted, _, condition = entry.partition(" if ")
            if condition and not _value(run, condition):
                continue
            section, _, key = dotted.partition(".")
            if key:
                used.setdefault(section, {})[key] = run[section][key]
            else:
                used[section] = run[section]
        return used

    def settings(self, stage: str) -> Callable:
        """Return a params function: the settings of a stage."""
        return lambda wildcards: self.used(stage, wildcards.session, wildcards.variant)

    def all_settings(self, wildcards) -> dict:
        """Params function: everything that the units of a session depend on."""
        run = self.effective(wildcards.session, wildcards.variant)
        sections = sorted({k.split(".")[0] for stage in STAGES.values() for k in stage.keys})
        return {k: run[k] for k in [*sections, *FINAL["units"], "n_iterations"]}

    # ---------------------------------------------------------------- owners

    def _fingerprint(self, stage: str, iteration: int, session: str, variant: str) -> str:
        parts: list = [stage, self.used(stage, session, variant)]
        for name in STAGES[stage].reads:
            parts.append(self.fingerprint(*node(name, iteration), session, variant))
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    def _owner(self, stage: str, iteration: int, session: str, variant: str) -> str:
        """Return the first variant with the same product, among those that get this far."""
        if len(self.variants) == 1:
            return variant
        own = self.fingerprint(stage, iteration, session, variant)
        # The last iteration has no merge behind it.
        needed = iteration + (stage == "merge")
        reach = (v for v in self.variants if self.effective(session, v)["n_iterations"] >= needed)
        return next(v for v in reach if self.fingerprint(stage, iteration, session, v) == own)

    def product(self, stage: str, file: str) -> Callable | str:
        """Return an input function: the `product_path` of `file`.

        Where nothing is to be found out it is a pattern, which costs Snakemake much less for
        each job.
        """
        if len(self.variants) == 1 and not (stage in LOOP or stage.startswith("<")):
            return f"<results>/{{session}}/{{variant}}/{STAGES[stage].folder}/{file}"
        return lambda wildcards: self.product_path(stage, file, wildcards)

    def product_path(self, stage: str, file: str, wildcards) -> str:
        """Return the path of `file` of a stage, from the variant that computes it.

        Without a wildcard ``iteration``, the last one is meant.
        """
        session, variant = wildcards.session, wildcards.variant
        iteration = wildcards.get("iteration")
        if iteration is None:
            iteration = self.effective(session, variant)["n_iterations"]
        return self.path(*node(stage, int(iteration)), session, variant, file)

    def path(self, stage: str, iteration: int, session: str, variant: str, file: str) -> str:
        """Return the path of a product, below its owner's folder."""
        owner = self.owner(stage, iteration, session, variant)
        folder = STAGES[stage].folder + (f"/{iteration}" if iteration else "")
        return f"{self.results}/{session}/{owner}/{folder}/{file}"

    def merges(self, wildcards) -> list[str]:
        """Input function: what every merge before the last iteration wrote."""
        session, variant = wildcards.session, wildcards.variant
        last = self.effective(session, variant)["n_iterations"]
        return [self.path("merge", i, session, variant, "units.zarr") for i in range(1, last)]

    def all_iterations(self, stage: str, file: str) -> Callable:
        """Return an input function: `file` of a stage in every iteration, in order."""

        def paths(wildcards) -> list[str]:
            session, variant = wildcards.session, wildcards.variant
            last = self.effective(session, variant)["n_iterations"]
            return [self.path(stage, i, session, variant, file) for i in range(1, last + 1)]

        return paths

    def computed_by(self, wildcards) -> dict[str, str]:
        """Params function: which variant computed each stage, for the record."""
        session, variant = wildcards.session, wildcards.variant
        last = self.effective(session, variant)["n_iterations"]
        nodes = [
            (stage, i)
            for stage in STAGES
            for i in (range(1, last + (stage != "merge")) if stage in LOOP else [0])
        ]
        return {
            f"{stage}/{i}" if i else stage: self.owner(stage, i, session, variant)
            for stage, i in nodes
        }


def _value(run: dict, dotted: str):
    section, _, key = dotted.partition(".")
    return run[section][key]


def laid_over(run: dict, overrides: dict) -> None:
    """Lay overrides over settings, section by section, and never share a section."""
    for key, value in overrides.items():
        if isinstance(value, dict) and isinstance(run.get(key), dict):
            laid_over(run[key], value)
        else:
            run[key] = deepcopy(value)
