"""Which files of templates are bad now, each with a sentence that names the line. They stop nothing (R24)."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection

from domain.kinds import RANK
from domain.wording import LetterError
from ledger.letters import versions
from operators.wording.sentences import fault_said
from worker.services.bootstrap import Services
from worker.upkeep.template_files import file_faults


def bad_templates(one: Services, tx: Connection | None = None) -> Mapping[str, str]:
    """The kinds with bad files, and why. With a connection to the ledger, files that equal a version need no proof."""
    known = versions.digests(tx, one.oa) if tx is not None else {}
    found = {kind: _faults_of(one, kind, known.get(kind, set())) for kind in RANK}
    return {kind: " ".join(faults) for kind, faults in found.items() if faults}


def _faults_of(one: Services, kind: str, known: set[str]) -> list[str]:
    try:
        one.sample(kind)
    except LetterError as error:
        return [str(error)]
    found = file_faults(one, kind, {*known, one.letters.shipped(kind).digest})
    if isinstance(found, LetterError):
        return [str(found)]
    return [f"{kind}: {fault_said(fault)}".replace("; ", ", ") for fault in found]
