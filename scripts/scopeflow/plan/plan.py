"""The whole plan of a run: files that are read, and what it shall end with."""

from collections.abc import Callable
from dataclasses import asdict
from functools import cache
from pathlib import Path

from scopeflow.errors import InputError
from scopeflow.labels import remakes_units
from scopeflow.plan.animals import Animals
from scopeflow.plan.differences import differences
from scopeflow.plan.settings import normal, read_schema, walk
from scopeflow.plan.variants import IMPLANT, PREVIEW
from scopeflow.plan.videos import Recording, find_recording, timestamps_in
from scopeflow.recipes import has_run, video_names


class Plan(Animals):
    """Sessions, variants and settings, with the files of recordings and the targets.

    Parameters
    ----------
    config : dict
        As Snakemake read it; checked here.
    source : str
        Where the config comes from, for messages.

    Attributes
    ----------
    simulated, logs, benchmarks, curation : str
        Root folders, beside that of the results.
    imported, recorded : list of str
        Sessions whose units another program found, and those with videos.
    """

    def __init__(self, config: dict, source: str = "the config") -> None:
        super().__init__(config, source)
        self.simulated, self.logs, self.benchmarks, self.curation = (
            (Path(self.results).parent / name).as_posix()
            for name in ("simulated", "logs", "benchmarks", "curation")
        )
        self.videos = cache(self._videos)
        self.imported = [name for name, row in self.sessions.items() if row.units]
        self.recorded = [name for name in self.sessions if name not in self.imported]
        for name in self.recorded:
            for variant in self.variants:
                self.videos(name, variant)  # a missing file is told before anything runs

    # ---------------------------------------------------------------- files

    def _videos(self, session: str, variant: str) -> Recording:
        """Return the files of a session's recording."""
        row = self.row(session)
        if row.path in self.recipes:
            folder = f"{self.simulated}/{row.path}/video"
            names = video_names(self.recipes[row.path])
            return Recording([f"{folder}/{name}" for name in names], [f"{folder}/timeStamps.csv"])
        pattern = self.effective(session, variant)["load"]["pattern"]
        return find_recording(row.path, pattern, row.where)

    def recording(self, wildcards) -> dict[str, list[str]]:
        """Input function, to be unpacked: the files of a session, by kind."""
        return asdict(self.videos(wildcards.session, getattr(wildcards, "variant", "default")))

    def earlier(self, wildcards) -> str:
        """Input function: the result of another program."""
        return self.sessions[wildcards.session].units

    def to_inspect(self, wildcards=None) -> list[dict]:
        """Params function: what `inspect_sessions` is to know of every session with videos."""
        return [
            {
                "session": name,
                "animal": row.animal,
                "fps_hz": row.fps_hz,
                "files": asdict(self.videos(name, "default")),
                "load": self.effective(name, "default")["load"],
            }
            for name, row in self.sessions.items()
            if name in self.recorded
        ]

    def all_files(self, wildcards=None) -> list[str]:
        """Input function: the files of all recordings."""
        return [f for s in self.to_inspect() for files in s["files"].values() for f in files]

    def budgets(self, wildcards=None) -> dict[str, float]:
        """Params function: the memory in MB that each step with whole frames may use."""
        steps = ("load", "estimate_motion", "apply_motion", "seeds_init", "initialize")
        return {step: self.config["mem_mb"][step] for step in steps}

    def file_names(self, wildcards) -> list[str]:
        """Params function: names of the videos in reading order, which inputs do not keep."""
        return [Path(p).name for p in self.videos(wildcards.session, wildcards.variant).videos]

    def truth(self, wildcards) -> str:
        """Input function: the truth of a simulated session."""
        return f"{self.simulated}/{self.row(wildcards.session).path}/truth.zarr"

    def truths_of_animal(self, wildcards) -> list[str]:
        """Input function: the truth of an animal's sessions, which must be simulated."""
        paths = (self.sessions[s].path for s in self.animals[wildcards.animal])
        return [f"{self.simulated}/{path}/truth.zarr" for path in paths]

    def known_truth(self, wildcards) -> dict[str, str]:
        """Input function, to be unpacked: the ``truth`` of a session, if it is simulated."""
        simulated = self.row(wildcards.session).path in self.recipes
        return {"truth": self.truth(wildcards)} if simulated else {}

    def behavior_table(self, session: str) -> str | None:
        """Return the table of the animal's positions in a session, if there is one."""
        row = self.sessions[session]
        if session in self.imported:
            return None  # times of frames are not known
        if row.behavior is None and row.path in self.recipes and has_run(self.recipes[row.path]):
            return f"{self.simulated}/{row.path}/behavior.csv"
        return row.behavior

    def behavior(self, wildcards) -> dict[str, str]:
        """Input function, to be unpacked: a session's table of behavior, and time stamps.

        ``behavior_stamps`` are those of the table's own folder, else those of all cameras
        (``timestamp.dat``) beside the recording.
        """
        table = self.behavior_table(wildcards.session)
        if table is None:
            raise InputError(
                f"session {wildcards.session}: place cells need a table of the animal's positions. "
                "Name it in column behavior of the sample sheet."
            )
        own = self.videos(wildcards.session, wildcards.variant).timestamps
        beside = [path for path in timestamps_in(Path(table).parent) if path not in own]
        stamps = beside or [path for path in own if path.endswith(".dat")]
        found = {"behavior": table}
        found |= {"behavior_stamps": stamps[0]} if stamps else {}
        return found | ({"timestamps": own[0]} if own else {})

    def sessions_with_places(self, animal: str) -> list[str]:
        """Return the sessions of an animal that have a table of behavior and are included."""
        return [
            name
            for name, row in self.sessions.items()
            if row.animal == animal and row.is_included and self.behavior_table(name)
        ]

    def placed_sessions(self, wildcards) -> dict[str, list[str]]:
        """Input function, to be unpacked: cells and maps of an animal's sessions."""
        names = self.sessions_with_places(wildcards.animal)
        if len(names) < 2:
            raise InputError(
                f"animal {wildcards.animal}: {len(names)} sessions have a table of behavior; two "
                "are needed to compare place cells. Name it in column behavior of the sheet."
            )
        folders = [f"{self.results}/{name}/{wildcards.variant}" for name in names]
        return {
            "units": [f"{folder}/curated.zarr" for folder in folders],
            "maps": [f"{folder}/place_cells/maps.zarr" for folder in folders],
            "tables": [f"{folder}/place_cells/place_cells.tsv" for folder in folders],
        }

    def implant_variants(self, session: str) -> list[str]:
        """Return the variants that synthetic cells can compare: those that load alike."""
        return [v for v in self.variants if self.owner("load", 0, session, v) == "default"]

    def implant_scores(self, wildcards) -> dict[str, list[str]]:
        """Input function, to be unpacked: what each variant made of the synthetic cells.

        For a simulated session, what it made of the true ones besides.
        """
        session = wildcards.session
        variants = self.implant_variants(session)
        folders = [f"{self.results}/{IMPLANT}{session}/{v}" for v in variants]
        found = {name: [f"{folder}/{file}.tsv" for folder in folders]
                 for name, file in (("cells", "implant"), ("counts", "counts"))}  # fmt: skip
        if self.sessions[session].path in self.recipes:
            own = [f"{self.results}/{session}/{v}" for v in variants]
            for name in ("score_cells", "score_found"):
                found[name] = [f"{folder}/{name}.tsv" for folder in own]
        return found

    def implant_targets(self) -> list[str]:
        """Return what the target implant shall end with."""
        names = [name for name in self.recorded if self.sessions[name].is_included]
        return [f"{self.results}/{IMPLANT}{name}/ranking.tsv" for name in names]

    def benchmark_tables(self, table: str) -> list[str]:
        """Input function: a table of every run that the target benchmark measures."""
        folder, cores = f"{self.results}/benchmark", self.config["benchmark"]["cores"]
        return [f"{folder}/{s}/{n}/{table}.tsv" for s in self.recorded for n in sorted(set(cores))]

    def scores(self, variant: str, table: str) -> list[str]:
        """Input function: a table of the comparison with the truth, of all simulated sessions."""
        rows = [s for s, row in self.sessions.items() if row.path in self.recipes]
        if not rows:
            raise InputError(
                "validation: none of the sessions is simulated, so that there is no truth to "
                "compare with. Use --configfile config/validation.yaml."
            )
        return [f"{self.results}/{session}/{variant}/{table}.tsv" for session in rows]

    def comparisons(self) -> list[str]:
        """Input function: what the target compare shall end with."""
        if not self.config["compare"]:
            raise InputError(
                "compare: nothing is named. Write compare: {NAME: {first: PATH, second: PATH}} "
                "into the config."
            )
        return [f"{self.results}/compare/{name}/summary.tsv" for name in self.config["compare"]]

    def labels(self, wildcards) -> list[str]:
        """Input function: the table of labels that a person wrote, if there is one."""
        path = f"{self.curation}/{wildcards.session}/{wildcards.variant}.csv"
        return [path] if Path(path).is_file() else []

    def movie_for_labels(self, wildcards) -> list[str]:
        """Input function: the movie, if labels merge or split units.

        Whether movies are kept does not matter: Snakemake makes a removed one again once the
        labels change, and as long as they do not, nothing.
        """
        labels, session = self.labels(wildcards), wildcards.session
        if not (labels and session in self.recorded):
            return []
        if not remakes_units(Path(labels[0])):
            return []
        return [self.path("apply_motion", 0, session, wildcards.variant, "Y.zarr")]

    def job_files(self, folder: str, suffix: str) -> Callable:
        """Return a params function: log or benchmark of every job behind the units, by step.

        They are no inputs: Snakemake keeps them out of the graph, and what is missing is
        left out of the report.
        """
        root = {"logs": self.logs, "benchmarks": self.benchmarks}[folder]

        def paths(wildcards) -> dict[str, str]:
            session, variant = wildcards.session, wildcards.variant
            owners = {**self.computed_by(wildcards), "units": variant, "curate": variant}
            return {
                step: f"{root}/{session}/{owner}/{step.replace('/', '.')}.{suffix}"
                for step, owner in owners.items()
            }

        return paths

    def defaults(self, wildcards) -> dict[str, object]:
        """Params function: the default of every setting that units depend on, by dotted key."""
        settings = self.all_settings(wildcards)
        return {
            key: normal(part["default"], part)
            for key, part in walk(read_schema("config"))
            if key.partition(".")[0] in settings and "properties" not in part and "default" in part
        }

    def recordings_by_files(self) -> dict[tuple[int, bool], list[str]]:
        """Return the names of simulated recordings by their files.

        These are a number of videos, and a table of behavior or none.
        """
        groups: dict[tuple[int, bool], list[str]] = {}
        for name, recipe in self.recipes.items():
            groups.setdefault((len(video_names(recipe)), has_run(recipe)), []).append(name)
        return groups

    # ---------------------------------------------------------------- variants side by side

    def of_variants(self, session: str, file: str) -> list[str]:
        """Return the path of a file of every variant of a session."""
        return [f"{self.results}/{session}/{variant}/{file}" for variant in self.variants]

    def scores_of_variants(self, wildcards) -> list[str]:
        """Input function: every variant's score, of a simulated session that is not a preview."""
        session = wildcards.session
        scored = session in self.sessions and self.row(session).path in self.recipes
        return self.of_variants(session, "score.tsv") if scored else []

    def differences(self, wildcards) -> dict[str, str]:
        """Params function: in which settings each variant differs from ``default``."""
        runs = {v: self.effective(wildcards.session, v) for v in self.variants}
        return {v: differences(run, runs["default"]) for v, run in runs.items()}

    # ---------------------------------------------------------------- targets

    def targets(self) -> list[str]:
        """Return what a run shall end with: results, figures, scores of simulated sessions."""
        files = [file for session in self.sessions for file in self.targets_of(session)]
        files += [file for animal in self.animals for file in self.targets_of_animal(animal)]
        return files + [
            f"{self.results}/cross_registration/{animal}/{variant}/place_cells/summary.tsv"
            for animal in self.animals
            if len(self.sessions_with_places(animal)) > 1
            for variant in self.variants
        ]

    def targets_of(self, session: str) -> list[str]:
        """Return what a run shall end with for one session."""
        files = []
        for variant in self.variants:
            folder = f"{self.results}/{session}/{variant}"
            files += [f"{folder}/{n}" for n in ("units.zarr", "curated.zarr", "export")]
            if session in self.recorded:
                # One of the figures of the steps; the others come with it.
                pages = ("figures/summary.png", "figures/motion.png", "report.html")
                files += [f"{folder}/{name}" for name in pages]
                if self.effective(session, variant)["report"]["video"]:
                    files.append(f"{folder}/video.mp4")
            if self.behavior_table(session):
                files.append(f"{folder}/place_cells/place_cells.tsv")
            if self.row(session).path in self.recipes:
                files.append(f"{folder}/score.tsv")
        if len(self.variants) > 1 and session in self.recorded:
            files += [f"{self.results}/{session}/variants.{kind}" for kind in ("tsv", "png")]
        return files

    def previews(self) -> list[str]:
        """Input function: what the target preview shall end with."""
        files, names = [], self.config["preview"]["sessions"] or self.recorded
        taken_over = [name for name in names if name in self.imported]
        if taken_over:
            raise InputError(
                f"preview.sessions: {taken_over[0]} is taken over from another program; there is "
                "no recording to preview. Leave it out."
            )
        for name in names:
            session = PREVIEW + name
            files += self.of_variants(session, "figures/summary.png")
            files += [f"{self.results}/{session}/variants.{kind}" for kind in ("tsv", "png")]
        return files

    def memory(self, rule: str) -> Callable:
        """Return a resource function: the rule's budget, more at every further attempt."""
        budget = self.config["mem_mb"][rule]
        return lambda wildcards, attempt: budget * attempt
