"""What was chosen, and the buttons that write it into the config."""

import re

from bokeh.layouts import column, row
from bokeh.models import Button, Div, RadioButtonGroup, TextInput

from scopeflow.errors import InputError
from scopeflow.pages.explorer.desk import Desk, plan_of, value_in
from scopeflow.pages.explorer.parts import escaped, on_change, sentence, tagged

WHERE = ("session", "all", "variant")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class SavePanel:
    """The panel; `view` is its layout."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._list: Div = sentence("chosen", width=560)
        self._where = tagged(
            RadioButtonGroup(
                labels=["for this session", "for all sessions", "as a new variant"], active=0,
                width=340,
            ),
            "save-where",
        )  # fmt: skip
        self._name = tagged(
            TextInput(placeholder="name of the variant", width=160, visible=False), "variant-name"
        )
        self._save = tagged(Button(label="Save into the config", button_type="primary",
                                   disabled=True, width=170), "save")  # fmt: skip
        self._forget = tagged(Button(label="Take all back", disabled=True, width=110), "forget")
        self._words = sentence("saved", width=700)
        on_change(self._where, "active", lambda: self._show())
        self._save.on_click(self._write)
        self._forget.on_click(self._take_back)
        self.view = column(
            row(self._where, self._name, self._save, self._forget), row(self._list, self._words)
        )
        desk.listen(self._show)
        self._show()

    def _show(self) -> None:
        self._name.visible = WHERE[self._where.active] == "variant"
        chosen = self._desk.chosen
        self._save.disabled = self._forget.disabled = not chosen
        if not chosen:
            self._list.text = "Nothing is chosen yet: what you change in the tabs is listed here."
            return
        lines = [
            f"<code>{escaped(key)}: {escaped(short(value))}</code> "
            f"(was {escaped(short(self._desk.set_value(key)))})"
            for key, value in sorted(chosen.items())
        ]
        self._list.text = "<br>".join(lines)

    def _take_back(self) -> None:
        self._words.text = ""
        self._desk.forget()

    def _write(self) -> None:
        try:
            self._words.text = self._saved()
        except InputError as error:
            lines = "<br>".join(escaped(line) for line in str(error).split("\n"))
            self._words.text = f"<b>Not saved.</b> {lines}"

    def _saved(self) -> str:
        from scopeflow.explore.saving import (
            changed_text,
            destination,
            refuse_overruled,
            write_config,
        )
        from scopeflow.plan.differences import flat

        desk, where, name = self._desk, WHERE[self._where.active], self._name.value.strip()
        if where == "variant" and (not NAME.fullmatch(name) or name == "default"):
            raise InputError(
                f"{name or 'an empty text'} is not a name for a new variant; allowed: letters, "
                "digits, '.', '_' and '-', the first a letter or digit, and not default."
            )
        if where == "variant" and name in desk.plan.variants:
            raise InputError(f"there is a variant {name} already. Give the new one another name.")
        path, wanted = desk.config_path, dict(desk.chosen)
        try:
            text = path.read_text("utf-8")
        except OSError as error:
            raise InputError(f"{path}: not readable ({error.strerror}).") from None
        if where == "variant":  # it is built on the default, not on the variant that is open
            wanted = {**flat(desk.plan.config["variants"].get(desk.variant) or {}), **wanted}
        parts = destination(where, desk.session, name, wanted, len(desk.plan.sessions))
        for place, values in parts.items():
            text = changed_text(text, values, place, str(path))
        variant = name if where == "variant" else desk.variant
        after = plan_of(text, path).effective(desk.session, variant)
        holds = {key: value_in(after, key) for key in desk.chosen}
        refuse_overruled(desk.chosen, holds, f"session {desk.session}, variant {variant}")
        backup = write_config(path, text)
        places = " and ".join(".".join(place) or "the settings of all sessions" for place in parts)
        desk.saved(name if where == "variant" else None)
        return (
            f"Saved under <b>{escaped(places)}</b> in {escaped(path)}; what it was is kept in "
            f"{escaped(backup.name)}. To compute what changes: <code>snakemake --cores 2 "
            f"--configfile {escaped(path)}</code>"
        )


def short(value: object) -> str:
    """Return a value as in the config, a long list by its beginning."""
    text = "null" if value is None else str(value)
    text = {"True": "true", "False": "false"}.get(text, text)
    return text if len(text) <= 70 else f"{text[:66]} ..."
