"""What all tabs share: the session that is open, its settings, and what was chosen so far."""

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

from scopeflow.errors import InputError
from scopeflow.plan.plan import Plan
from scopeflow.plan.settings import read_schema, walk


class Missing(Exception):
    """A product that is not there or cannot be read; its message is shown in place of it."""


class _Wildcards(dict):
    """The wildcards of a rule, as the input functions of the plan expect them."""

    __getattr__ = dict.__getitem__


class Desk:
    """A session in one variant, and the values that a person has chosen.

    Parameters
    ----------
    config_path : Path
        The user's config.
    session, variant : str
        What is open.

    Attributes
    ----------
    plan : Plan
        Of the config as it was when opened.
    settings : dict
        Effective settings of session and variant.
    videos : list of str
        Files of the recording, in order of time.
    files : Recording of scopeflow.plan.videos
        These, and what lies beside them.
    chosen : dict
        New values by dotted key.
    is_closed : bool
        The page is no longer open.

    Raises
    ------
    InputError
        If config, session, variant or recording are not there.
    """

    def __init__(self, config_path: Path, session: str | None, variant: str) -> None:
        self.config_path = config_path
        self.plan = read_plan(config_path)
        names = list(self.plan.sessions)
        if session is None and len(names) == 1:
            session = names[0]
        if session not in names:
            found = "no session is named" if session is None else f"there is no session {session}"
            raise InputError(f"--session: {found}; allowed: {', '.join(names)}.")
        if variant not in self.plan.variants:
            raise InputError(
                f"--variant: there is no variant {variant}; allowed: "
                f"{', '.join(self.plan.variants)}."
            )
        self.session, self.variant = session, variant
        self.settings = deepcopy(self.plan.effective(session, variant))
        self.chosen: dict[str, object] = {}
        self.is_closed = False  # the page in the browser is
        self._listeners: list[Callable[[], None]] = []
        if session in self.plan.imported:
            raise InputError(
                f"session {session}: its units come from another program, without a recording to "
                "look at."
            )
        self.files = self.plan.videos(session, variant)
        self.videos = self.files.videos
        absent = [path for path in self.videos if not Path(path).exists()]
        if absent:
            raise InputError(
                f"session {session}: {absent[0]} is not there yet. It is a simulated recording; "
                f"make it first: snakemake --cores 2 --configfile {config_path} {absent[0]}"
            )

    @property
    def diameter_px(self) -> float:
        """Width of a cell, as chosen or set."""
        return self.value("cell_diameter_px")

    def value(self, dotted: str):
        """Return a setting: what was chosen, else what is set."""
        return self.chosen[dotted] if dotted in self.chosen else self.set_value(dotted)

    def set_value(self, dotted: str):
        """Return what is set in the config, or by default."""
        return value_in(self.settings, dotted)

    def section(self, name: str) -> dict:
        """Return a section with what was chosen in it."""
        section = deepcopy(self.settings[name])
        for dotted, value in self.chosen.items():
            first, *keys, last = dotted.split(".")
            if first == name:
                part = section
                for key in keys:
                    part = part[key]
                part[last] = value
        return section

    def choose(self, dotted: str, value: object) -> None:
        """Choose a value; one that is set already is no choice."""
        before = dict(self.chosen)
        if value == self.set_value(dotted):
            self.chosen.pop(dotted, None)
        else:
            self.chosen[dotted] = value
        if before != self.chosen:
            self._tell()

    def forget(self) -> None:
        """Take back all that was chosen."""
        self.chosen.clear()
        self._tell()

    def saved(self, variant: str | None = None) -> None:
        """Take what was chosen as set; a new variant is what is open from now on."""
        plan = read_plan(self.config_path)
        variant = variant or self.variant
        self.plan, self.variant = plan, variant
        self.settings = deepcopy(plan.effective(self.session, variant))
        self.chosen = {k: v for k, v in self.chosen.items() if v != self.set_value(k)}
        self._tell()

    def listen(self, listener: Callable[[], None]) -> None:
        """Call a function after every choice."""
        self._listeners.append(listener)

    def _tell(self) -> None:
        for listener in self._listeners:
            listener()

    def product(self, stage: str, file: str) -> Path:
        """Return the path of a product of the last run.

        Raises
        ------
        Missing
            If it has not been computed.
        """
        wildcards = _Wildcards(session=self.session, variant=self.variant)
        path = Path(self.plan.product_path(stage, file, wildcards))
        if not path.exists():
            raise Missing(
                f"{path} is not there: step {stage.removeprefix('<')} has not run for this session "
                f"(or the movie was removed, see keep_movies). Make it: snakemake --cores 2 "
                f"--configfile {self.config_path} {path}"
            )
        return path

    def units(self) -> Path:
        """Return the path of the session's result, or raise `Missing`."""
        path = Path(f"{self.plan.results}/{self.session}/{self.variant}/units.zarr")
        if not path.exists():
            raise Missing(f"{path} is not there: the session has not been run to its end.")
        return path


def read_plan(config_path: Path) -> Plan:
    """Return the plan of a config file.

    Raises
    ------
    InputError
        If it is not there, no YAML, or not valid.
    """
    try:
        text = config_path.read_text("utf-8")
    except OSError as error:
        raise InputError(
            f"--configfile: {config_path} is not readable ({error.strerror})."
        ) from None
    except UnicodeDecodeError as error:
        raise InputError(f"{config_path}: not readable as YAML ({error}).") from None
    return plan_of(text, config_path)


def plan_of(text: str, config_path: Path) -> Plan:
    """Return the plan of a config's text; raise InputError as `read_plan`."""
    import yaml

    try:
        config = yaml.safe_load(text)
    except yaml.YAMLError as error:
        line = str(error).splitlines()[0]
        raise InputError(f"{config_path}: not readable as YAML ({line}).") from None
    if not isinstance(config, dict):
        raise InputError(f"{config_path}: holds no settings.")
    return Plan(config, str(config_path))


def value_in(settings: dict, dotted: str):
    """Return the value of a dotted key; None within a section that is null."""
    value = settings
    for key in dotted.split("."):
        value = None if value is None else value[key]
    return value


def meaning(dotted: str) -> str:
    """Return what the schema says about a key."""
    return dict(walk(read_schema("config")))[dotted].get("description", "")
