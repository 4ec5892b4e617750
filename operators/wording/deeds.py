"""Proposes, approves and refuses versions of a template, and goes back to an earlier one; each deed is audited.

A proposal is proofread first. With HCC_TEMPLATE_APPROVAL=one it is used at once if its author may approve; with `two`
another person has to approve it. Going back needs one person: those words were approved before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from sqlalchemy import Connection

from domain.proofreading import TemplateFault
from domain.template_source import SHIPPED_VERSION, TemplateSource
from ledger.base.audit import audit
from ledger.letters import versions
from ledger.letters.versions import TemplateOrigin, TemplateVersion, VersionState
from worker.services.bootstrap import Services
from worker.services.proofs import faults_of
from worker.upkeep.template_files import ship


class TemplateRefusal(StrEnum):
    """Why a deed on a version was not done."""

    UNKNOWN = "unknown"
    NOT_OPEN = "not_open"
    NOT_APPROVED = "not_approved"
    IN_USE = "in_use"
    SAME_PERSON = "same_person"
    SAME_WORDS = "same_words"
    NOT_STAFF = "not_staff"


@dataclass(frozen=True, slots=True)
class TemplateAuthor:
    """Who does it, why, by which way, and whether this person may approve."""

    by: str
    why: str
    origin: TemplateOrigin = TemplateOrigin.COMMAND
    may_approve: bool = True


TemplateResult: TypeAlias = TemplateVersion | TemplateRefusal | Sequence[TemplateFault]
"""The version as it is now; or why nothing was done: a refusal, or the faults of the words."""


def tidied(services: Services, kind: str, message: str, form: str | None) -> TemplateSource:
    """A source as it was typed: with plain ends of lines, and the form in use where none is given."""
    if form is None or not form.strip():
        form = services.letters.source(kind).form
    return TemplateSource(_lines(message), None if form is None else _lines(form))


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n") + "\n"


def propose(services: Services, kind: str, source: TemplateSource, author: TemplateAuthor) -> TemplateResult:
    """Record a valid source as a new version, and use it at once where one person is enough."""
    if faults := faults_of(services, kind, source):
        return faults
    with services.ledger.begin() as tx:
        ship(services, tx)
        versions.lock(tx, services.oa, kind)
        live = (VersionState.IN_USE, VersionState.PROPOSED)
        if any(one.digest == source.digest for one in versions.listed(tx, services.oa, kind) if one.state in live):
            return TemplateRefusal.SAME_WORDS
        made = versions.propose(
            tx, services.oa, kind, source, origin=author.origin, by=author.by, why=author.why
        )  # fmt: skip
        _note(tx, made, "propose", author)
        if services.settings.template_approval == "one" and author.may_approve:
            return _use(tx, made, "approve", author)
        return made


def approve(services: Services, kind: str, version: int, author: TemplateAuthor) -> TemplateResult:
    """Use an open proposal. Its words are proofread again: limits and settings may have changed since."""

    def judge(one: TemplateVersion) -> TemplateRefusal | Sequence[TemplateFault]:
        if one.state is not VersionState.PROPOSED:
            return TemplateRefusal.NOT_OPEN
        if services.settings.template_approval == "two" and one.by == author.by:
            return TemplateRefusal.SAME_PERSON
        return faults_of(services, kind, one.source)

    return _change(services, (kind, version), author, "approve", judge)


def go_back(services: Services, kind: str, version: int, author: TemplateAuthor) -> TemplateResult:
    """Use an earlier version again."""

    def judge(one: TemplateVersion) -> TemplateRefusal | Sequence[TemplateFault]:
        if one.state is VersionState.IN_USE:
            return TemplateRefusal.IN_USE
        if one.state is not VersionState.APPROVED:
            return TemplateRefusal.NOT_APPROVED
        return faults_of(services, kind, one.source)

    return _change(services, (kind, version), author, "revert", judge)


def restore(services: Services, kind: str, author: TemplateAuthor) -> TemplateResult:
    """Use version 1 again, the shipped one."""
    return go_back(services, kind, SHIPPED_VERSION, author)


def refuse(services: Services, kind: str, version: int, author: TemplateAuthor) -> TemplateResult:
    """Refuse an open proposal for good."""
    with services.ledger.begin() as tx:
        if versions.read(tx, services.oa, kind, version) is None:
            return TemplateRefusal.UNKNOWN
        refused = versions.refuse(tx, services.oa, kind, version, by=author.by, why=author.why)
        if refused is None:
            return TemplateRefusal.NOT_OPEN
        _note(tx, refused, "refuse", author)
        return refused


def _change(
    services: Services,
    which: tuple[str, int],
    author: TemplateAuthor,
    verb: str,
    judge: Callable[[TemplateVersion], TemplateRefusal | Sequence[TemplateFault]],
) -> TemplateResult:
    """Change the kind's version `which` if the judge has nothing against it."""
    kind, version = which
    with services.ledger.begin() as tx:
        ship(services, tx)
        versions.lock(tx, services.oa, kind)
        one = versions.read(tx, services.oa, kind, version)
        if one is None:
            return TemplateRefusal.UNKNOWN
        return judge(one) or _use(tx, one, verb, author)


def _use(tx: Connection, one: TemplateVersion, verb: str, author: TemplateAuthor) -> TemplateResult:
    used = versions.use(tx, one.oa, one.kind, one.version, by=author.by)
    if used is None:
        return TemplateRefusal.NOT_OPEN
    _note(tx, used, verb, author)
    return used


def _note(tx: Connection, one: TemplateVersion, verb: str, author: TemplateAuthor) -> None:
    audit(tx, one.oa, f"template {verb}", f"{one.kind} {one.version}", by=author.by, why=author.why)
