"""Sessions by animal, for rules over all sessions of one."""

from collections.abc import Callable
from copy import deepcopy

from scopeflow.errors import InputError
from scopeflow.plan.stages import FINAL
from scopeflow.plan.variants import Variants, laid_over


class Animals(Variants):
    """Sessions, variants and settings, with the animals that the sessions belong to.

    Parameters
    ----------
    config : dict
        As Snakemake read it; checked here.
    source : str
        Where the config comes from, for messages.

    Attributes
    ----------
    animals : dict of list of str
        Sessions of each animal that take part in rules over all of them.
    """

    def __init__(self, config: dict, source: str = "the config") -> None:
        super().__init__(config, source)
        self.animals: dict[str, list[str]] = {}
        for name, row in self.sessions.items():
            if row.is_included:
                self.animals.setdefault(row.animal, []).append(name)
            for where, given in (
                (f"overrides.{name}.cross_register", self.config["overrides"].get(name)),
                (f"{row.where}: columns cross_register", row.settings),
            ):
                if "cross_register" in (given or {}):
                    raise InputError(
                        f"{where}: it holds for all sessions of an animal. Set it in the config "
                        "or in a variant."
                    )
        for variant in self.variants:
            self._check_templates(variant)

    def animal_settings(self, rule: str) -> Callable:
        """Return a params function: the settings of a rule over all sessions of an animal.

        Overrides of single sessions do not reach it.
        """

        def settings(wildcards) -> dict:
            run = {name: deepcopy(self.config[name]) for name in FINAL[rule]}
            own = self.config["variants"].get(wildcards.variant) or {}
            laid_over(run, {name: own[name] for name in run if name in own})
            return run

        return settings

    def _templates(self, variant: str) -> list[str]:
        """Return the sessions that are named as templates."""
        own = (self.config["variants"].get(variant) or {}).get("cross_register", {})
        named = own.get("template", self.config["cross_register"]["template"])
        return [named] if isinstance(named, str) else list(named or [])

    def _check_templates(self, variant: str) -> None:
        """Refuse templates that are no session, are left out, or are two of one animal."""
        included = [name for names in self.animals.values() for name in names]
        owners: dict[str, str] = {}
        for name in self._templates(variant):
            if name not in included:
                known = name in self.sessions
                fault = "is left out (include: no in the sheet)" if known else "is no session"
                raise InputError(
                    f"cross_register.template: {name!r} {fault}; allowed: {', '.join(included)}."
                )
            animal = self.sessions[name].animal
            if animal in owners:
                raise InputError(
                    f"cross_register.template: {owners[animal]} and {name} are both of animal "
                    f"{animal}; allowed is one session of each animal."
                )
            owners[animal] = name

    def template_of(self, animal: str, variant: str) -> str | None:
        """Return the session that others of an animal are aligned to, if one is named."""
        named = (s for s in self._templates(variant) if self.sessions[s].animal == animal)
        return next(named, None)

    def units_of_animal(self, wildcards) -> list[str]:
        """Input function: the curated units of an animal's sessions."""
        sessions = self.animals[wildcards.animal]
        return [f"{self.results}/{s}/{wildcards.variant}/curated.zarr" for s in sessions]

    def targets_of_animal(self, animal: str) -> list[str]:
        """Return what a run shall end with for one animal; nothing if it has one session."""
        sessions = self.animals[animal]
        if len(sessions) < 2:
            return []
        names = ["mappings.csv", "report.html"]
        if all(self.sessions[s].path in self.config["simulate"] for s in sessions):
            names.append("score.tsv")
        folder = f"{self.results}/cross_registration/{animal}"
        return [f"{folder}/{variant}/{name}" for variant in self.variants for name in names]
