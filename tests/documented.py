"""What docs/outputs.md says of arrays and columns, against the files of a project."""

import re
from fnmatch import fnmatchcase
from pathlib import Path

import zarr

PAGE = Path(__file__).parents[1] / "docs" / "outputs.md"
IN_BACKTICKS = re.compile(r"`([^`\n]+)`")
COORDINATES = {"unit_id", "frame", "height", "width", "time_s"}  # the same in every store
CAMERA = {"uint8", "uint16", "float32"}
# Not in every recording: head orientation, a warped field, an open field, place cells.
SOMETIMES = {"orientation", "flow", "x", "y", "place_centre_cm", "place_sd_cm", "place_direction"}
# A table of the recording software, and one whose columns are the names of the sessions.
OTHERS = {"timeStamps.csv", "mappings.csv"}


def faults(project: Path, sheet: set[str]) -> list[str]:
    """Return what the page lacks or tells wrongly of a project's stores and tables.

    Parameters
    ----------
    project : Path
        Folder that holds ``results`` and ``simulated``.
    sheet : set of str
        Columns of the sample sheet, which are carried into tables.
    """
    found, page = [], PAGE.read_text("utf-8")
    stores = _arrays(page)
    names = [word for word in IN_BACKTICKS.findall(page) if re.fullmatch(r"[\w.*]+", word)]
    for part in ("results", "simulated"):
        for path in sorted(path.parent for path in (project / part).rglob("*.zarr/zarr.json")):
            where = path.relative_to(project).as_posix()
            found += [f"{where}: {fault}" for fault in _of_store(path, where, stores)]
        for path in sorted((project / part).rglob("*.[ct]sv")):
            with path.open(encoding="utf-8") as file:
                columns = file.readline().strip().split("," if path.suffix == ".csv" else "\t")
            found += [
                f"{path.relative_to(project).as_posix()}: column {column} is not there"
                for column in columns
                if path.name not in OTHERS and column not in sheet
                and not any(fnmatchcase(column, name) for name in names)
            ]  # fmt: skip
    return found


def _arrays(page: str) -> dict[str, dict[str, tuple[str, str, str]]]:
    """Return dims, dtype and unit of every array by the end of its store's path and its name."""
    stores: dict = {}
    head, store = [], ""
    for line in page.splitlines():
        row = [cell.strip() for cell in line.split("|")[1:-1]] if line.startswith("|") else []
        if not row or not head:
            head, store = row, "units.zarr"
        elif "dtype" in head and not row[0].startswith("-"):
            cell = dict(zip(head, row, strict=True))
            store = (IN_BACKTICKS.findall(cell.get("store", "")) or [store])[0]
            for name in IN_BACKTICKS.findall(cell["name"]):
                stores.setdefault(store, {})[name] = (cell["dims"], cell["dtype"], cell["unit"])
    return stores


def _of_store(path: Path, where: str, stores: dict) -> list[str]:
    where = where.replace("curated.zarr", "units.zarr")
    ends = [end for end in stores if fnmatchcase(where, f"*/{end.replace('{i}', '*')}")]
    if not ends:
        return ["the store is not there"]
    rows = stores[max(ends, key=lambda end: end.count("/"))]
    arrays = dict(zarr.open_group(path, mode="r").arrays())
    found = [f"{name} is not written" for name in rows.keys() - arrays.keys() - SOMETIMES]
    for name, array in sorted(arrays.items()):
        if not (row := rows.get(name) or (name in COORDINATES and stores["units.zarr"][name])):
            found.append(f"array {name} is not there")
            continue
        dims = ", ".join(array.metadata.dimension_names)
        if dims not in row[0].split("; or "):
            found.append(f"{name} has dims {dims}, not {row[0]}")
        if str(array.dtype) not in (CAMERA if row[1] == "of the camera" else row[1].split(" or ")):
            found.append(f"{name} is {array.dtype}, not {row[1]}")
        if array.attrs.get("units", row[2]) != row[2]:
            found.append(f"{name} is in {array.attrs['units']}, not in {row[2] or 'nothing'}")
    return found
