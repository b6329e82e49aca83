"""What the log says of a cross-registration."""

import numpy as np
import pandas as pd

from scopeflow.cross_registration.register import Cells, Field
from scopeflow.logs import logger

FEW = 20  # matches, below which chance may rival what is right


def alignment(sessions: list[Cells], field: Field) -> None:
    """Log how each session was aligned, and warn of those that fit nowhere."""
    logger.info("template: session %s", sessions[field.template].name)
    for k, (session, a) in enumerate(zip(sessions, field.alignments, strict=True)):
        if k == field.template:
            continue
        down, right = a.transform.shift_px(session.shape)
        logger.info(
            "session %s: %s, moved by %.1f, %.1f px and %.2f degrees; score %.3f; fit %.3f, "
            "by chance %.3f",
            session.name, a.transform.kind, down, right, a.transform.rotation_deg, a.score, a.fit,
            a.fit_by_chance,
        )  # fmt: skip
        if not a.is_clear:
            logger.warning(
                "session %s: its image fits that of session %s hardly better than a mirrored one "
                "(fit %.3f, mirrored %.3f), so that none of its units is matched. Look at "
                "overlay.png; set cross_register.align_by, template or transform otherwise, or "
                "leave it out (include: no in the sheet).",
                session.name, sessions[field.template].name, a.fit, a.fit_by_chance,
            )  # fmt: skip


def matches(sessions: list[Cells], results: dict[str, pd.DataFrame]) -> None:
    """Log how many units are one cell, and how many matches are expected to be false."""
    pairs, scores = results["pairs"], results["scores"]
    logger.info(
        "%d units of %d sessions are %d cells, %d of them in more than one session",
        sum(len(s.unit_id) for s in sessions), len(sessions), len(results["cells"]),
        int((results["cells"]["n_sessions"] > 1).sum()),
    )  # fmt: skip
    if len(pairs):
        known = scores[scores["n_matched"] > 0]
        logger.info(
            "%d matches, %d of them kept; expected to be false: %.2f %%; match rate %.3f, after a "
            "displacement %.3f",
            len(pairs), int(pairs["in_mappings"].sum()),
            100 * np.average(known["expected_false_rate"], weights=known["n_matched"]),
            scores["match_rate"].mean(), scores["chance_rate"].mean(),
        )  # fmt: skip
        few = known[known["n_matched"] < FEW]
        if len(few):
            first = few.iloc[0]
            logger.warning(
                "%d pairs of sessions have fewer than %d matches, such as %s and %s (%d): look at "
                "outlines.png and control.png before you trust them",
                len(few), FEW, first["first_session"], first["second_session"], first["n_matched"],
            )  # fmt: skip
