"""Looks at the files of the templates: a file that changed is proposed as a new version of its kind's template.

The ledger decides which words are used, so nothing that happens to a file stops a notice. Each text is proposed once:
a file that equals any known version is no news, so hosts with different files do not take turns.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable

from sqlalchemy import Connection

from domain.kinds import RANK
from domain.proofreading import TemplateFault
from domain.template_source import TemplateSource, source_of_files
from domain.wording import LetterError
from ledger.base.audit import audit
from ledger.letters import versions
from ledger.letters.versions import TemplateOrigin, VersionState
from worker.services.bootstrap import Services
from worker.services.proofs import faults_of
from worker.services.shared import TEMPLATES

log = logging.getLogger("hcc.words")

_BY = "file"
_SHIPPED_WHY = "as shipped"
_CHANGED_WHY = "templates/{} was changed"

_known_bad: set[tuple[str, str, str]] = set()


def look_at_files(services: Iterable[Services]) -> None:
    """Record the shipped templates of each OA, and propose those files that are new; say once which file is bad."""
    files = {kind: file_of(kind) for kind in RANK}
    for one in services:
        with one.ledger.begin() as tx:
            known = versions.digests(tx, one.oa)
            if known.keys() < files.keys():
                ship(one, tx)
                known = versions.digests(tx, one.oa)
        for kind, file in files.items():
            _look_at(one, kind, file, known.get(kind, set()))


def ship(services: Services, tx: Connection) -> None:
    """Record version 1 of every kind where there is none yet."""
    versions.ship(tx, services.oa, services.shared.shipped, by=_BY, why=_SHIPPED_WHY)


def file_of(kind: str) -> TemplateSource | LetterError:
    """The files of a kind as they are now, or why they cannot be read."""
    try:
        return source_of_files(TEMPLATES, kind)
    except LetterError as error:
        return error


def file_faults(services: Services, kind: str, known: Collection[str]) -> list[TemplateFault] | LetterError:
    """What is wrong with the files of a kind as they are now; nothing if they may be used.

    `known` are the digests of the kind's versions: those are valid, and need no second look.
    """
    return _faults_of_file(services, kind, file_of(kind), known)


def _faults_of_file(
    services: Services, kind: str, file: TemplateSource | LetterError, known: Collection[str]
) -> list[TemplateFault] | LetterError:
    if isinstance(file, LetterError):
        return file
    try:
        return [] if file.digest in known else faults_of(services, kind, file)
    except LetterError as error:  # the sample is bad
        return error


def _look_at(services: Services, kind: str, file: TemplateSource | LetterError, known: set[str]) -> None:
    found = _faults_of_file(services, kind, file, known)
    if isinstance(found, LetterError):
        _tell_bad(services.oa, kind, str(found))
    elif found:
        _tell_bad(services.oa, kind, "; ".join(map(str, found)))
    elif isinstance(file, TemplateSource) and file.digest not in known:
        _propose(services, kind, file)


def _tell_bad(oa: str, kind: str, why: str) -> None:
    if (oa, kind, why) not in _known_bad:
        _known_bad.add((oa, kind, why))
        log.error("a template's file is bad, the version in use stays oa=%s kind=%s why=%s", oa, kind, why)


def _propose(services: Services, kind: str, source: TemplateSource) -> None:
    oa, why = services.oa, _CHANGED_WHY.format(kind)
    with services.ledger.begin() as tx:
        versions.lock(tx, oa, kind)
        if source.digest in versions.digests(tx, oa).get(kind, set()):  # another host was faster
            return
        of_release = source == services.shared.shipped[kind]
        origin = TemplateOrigin.SHIPPED if of_release else TemplateOrigin.FILE
        made = versions.propose(tx, oa, kind, source, origin=origin, by=_BY, why=why)
        audit(tx, oa, "template propose", f"{kind} {made.version}", by=_BY, why=why)
        if services.settings.template_approval == "one" and (not of_release or _uses_shipped(tx, oa, kind)):
            versions.use(tx, oa, kind, made.version, by=_BY)
            audit(tx, oa, "template approve", f"{kind} {made.version}", by=_BY, why=why)
    log.warning("a template's file was changed oa=%s kind=%s version=%d", oa, kind, made.version)


def _uses_shipped(tx: Connection, oa: str, kind: str) -> bool:
    """Whether nobody chose other words: only then does a new release bring its own into use by itself."""
    used = [one for one in versions.listed(tx, oa, kind) if one.state is VersionState.IN_USE]
    return all(one.origin == TemplateOrigin.SHIPPED for one in used)
