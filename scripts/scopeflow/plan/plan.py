"""The whole plan of a run: files that are read, and what it shall end with."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

from scopeflow.errors import InputError
from scopeflow.labels import remakes_units
from scopeflow.plan.differences import differences
from scopeflow.plan.variants import PREVIEW, Variants
from scopeflow.plan.videos import find_timestamps, find_videos
from scopeflow.recipes import video_names


class Plan(Variants):
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
    """

    def __init__(self, config: dict, source: str = "the config") -> None:
        super().__init__(config, source)
        self.simulated, self.logs, self.benchmarks, self.curation = (
            (Path(self.results).parent / name).as_posix()
            for name in ("simulated", "logs", "benchmarks", "curation")
        )
        self.videos = cache(self._videos)
        for name in self.sessions:
            for variant in self.variants:
                self.videos(name, variant)  # a missing file is told before anything runs

    # ---------------------------------------------------------------- files

    def _videos(self, session: str, variant: str) -> tuple[list[str], list[str]]:
        """Return the video files of a session in order, and its table of time stamps."""
        row = self.row(session)
        if row.path in self.recipes:
            folder = f"{self.simulated}/{row.path}/video"
            names = video_names(self.recipes[row.path])
            return [f"{folder}/{name}" for name in names], [f"{folder}/timeStamps.csv"]
        pattern = self.effective(session, variant)["load"]["pattern"]
        return find_videos(row.path, pattern, row.where), find_timestamps(row.path)

    def recording(self, wildcards) -> dict[str, list[str]]:
        """Input function, to be unpacked: ``videos`` and ``timestamps`` of a session."""
        videos, timestamps = self.videos(
            wildcards.session, getattr(wildcards, "variant", "default")
        )
        return {"videos": videos, "timestamps": timestamps}

    def file_names(self, wildcards) -> list[str]:
        """Params function: names of the videos in reading order, which inputs do not keep."""
        return [Path(p).name for p in self.videos(wildcards.session, wildcards.variant)[0]]

    def truth(self, wildcards) -> str:
        """Input function: the truth of a simulated session."""
        return f"{self.simulated}/{self.row(wildcards.session).path}/truth.zarr"

    def known_truth(self, wildcards) -> dict[str, str]:
        """Input function, to be unpacked: the ``truth`` of a session, if it is simulated."""
        simulated = self.row(wildcards.session).path in self.recipes
        return {"truth": self.truth(wildcards)} if simulated else {}

    def benchmark_tables(self, table: str) -> list[str]:
        """Input function: a table of every run that the target benchmark measures."""
        folder, cores = f"{self.results}/benchmark", self.config["benchmark"]["cores"]
        return [f"{folder}/{s}/{n}/{table}.tsv" for s in self.sessions for n in sorted(set(cores))]

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
        """Input function: the movie, if labels merge or split units and it is kept."""
        labels = self.labels(wildcards)
        if not labels or not self.config["keep_movies"] or not remakes_units(Path(labels[0])):
            return []
        return [self.product("apply_motion", "Y.zarr")(wildcards)]

    def recordings_by_files(self) -> dict[int, list[str]]:
        """Return the names of simulated recordings by their number of video files."""
        groups: dict[int, list[str]] = {}
        for name, recipe in self.recipes.items():
            groups.setdefault(len(video_names(recipe)), []).append(name)
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
        return [file for session in self.sessions for file in self.targets_of(session)]

    def targets_of(self, session: str) -> list[str]:
        """Return what a run shall end with for one session."""
        files = []
        for variant in self.variants:
            folder = f"{self.results}/{session}/{variant}"
            files += [f"{folder}/units.zarr", f"{folder}/figures/summary.png"]
            files += [f"{folder}/curated.zarr", f"{folder}/export"]
            if self.row(session).path in self.recipes:
                files.append(f"{folder}/score.tsv")
        if len(self.variants) > 1:
            files += [f"{self.results}/{session}/variants.{kind}" for kind in ("tsv", "png")]
        return files

    def previews(self) -> list[str]:
        """Input function: what the target preview shall end with."""
        files = []
        for name in self.config["preview"]["sessions"] or self.sessions:
            session = PREVIEW + name
            files += self.of_variants(session, "figures/summary.png")
            files += [f"{self.results}/{session}/variants.{kind}" for kind in ("tsv", "png")]
        return files

    def memory(self, rule: str) -> Callable:
        """Return a resource function: the rule's budget, more at every further attempt."""
        budget = self.config["mem_mb"][rule]
        return lambda wildcards, attempt: budget * attempt
