"""The aligned images and the transforms of an animal's sessions, as a store."""

from pathlib import Path

import numpy as np

from scopeflow.cross_registration.register import Cells, Field
from scopeflow.stores import create, put


def write_field(path: Path, sessions: list[Cells], field: Field) -> None:
    """Write ``image`` (session, height, width), ``matrix`` and, if any, ``flow``.

    Parameters
    ----------
    path : Path
        Where to write.
    sessions : list of Cells
        In the order of the mappings' columns; their names become the attribute ``sessions``.
    field : Field
        Of `register.align_sessions`.
    """
    top, left, height, width = field.frame
    out = create(
        path,
        sessions=[s.name for s in sessions],
        template=sessions[field.template].name,
        conventions={
            "matrix": "takes (height, width, 1) of the common field to (height, width) in the "
            "session's image, px",
            "flow": "added to places of the template's image before the matrix, px",
            "image": "the session's image in the common field, NaN where it saw nothing",
        },
    )
    transforms = [a.transform for a in field.alignments]
    put(out, "height", np.arange(top, top + height), ("height",), units="px")
    put(out, "width", np.arange(left, left + width), ("width",), units="px")
    put(out, "image", np.stack(field.images), ("session", "height", "width"), units="counts")
    matrices = np.stack([t.matrix for t in transforms])
    put(out, "matrix", matrices, ("session", "axis", "column"), units="px")
    if any(t.flow is not None for t in transforms):
        none = np.zeros((*sessions[0].shape, 2), dtype=np.float32)
        flows = np.stack([none if t.flow is None else t.flow for t in transforms])
        dims = ("session", "template_height", "template_width", "axis")
        put(out, "flow", flows, dims, units="px")
