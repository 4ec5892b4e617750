"""How a version looks to those who get it: as Zalo shows it, and as an SMS with its segments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import unified_diff

from domain.forms import FormError, filled, read_form
from domain.kinds import RANK
from domain.letters import rendered, shown
from domain.segments import is_gsm, segments
from domain.template_source import SHIPPED_VERSION, TemplateSource
from domain.wording import LetterError, Wording
from ledger.letters.versions import TemplateVersion, VersionState
from worker.channels.sms.channel import sms_text
from worker.services.bootstrap import Services
from worker.upkeep.template_files import file_faults


@dataclass(frozen=True, slots=True)
class TemplateLook:
    """The sample of a kind by one version; `params` are those of the approved template. `fault`: it cannot be made."""

    text: str = ""
    characters: int = 0
    sms: str = ""
    sms_segments: int = 0
    sms_plain: bool = True  # of the 7-bit alphabet, in which a segment holds more
    params: tuple[tuple[str, str], ...] = ()
    fault: str = ""


def look(services: Services, kind: str, source: TemplateSource) -> TemplateLook:
    """The sample with this OA's place and payment link."""
    facts = services.sample(kind)
    try:
        text = rendered(kind, Wording(kind, source.message), facts)
    except LetterError as error:
        return TemplateLook(fault=str(error))
    sms = sms_text(text, accents=services.settings.sms_accents)
    params: dict[str, str] = {}
    if source.form is not None:
        try:
            params = filled(kind, read_form(kind, source.form), shown(facts))
        except FormError as error:
            return TemplateLook(fault=str(error))
    return TemplateLook(text, len(text), sms, segments(sms), is_gsm(sms), tuple(params.items()))


def changes(before: TemplateSource, after: TemplateSource, names: tuple[str, str]) -> str:
    """The lines that differ, as `diff -u` writes them; empty if none does."""
    old, new = (f"{one.message}{one.form or ''}".splitlines() for one in (before, after))
    return "\n".join(unified_diff(old, new, names[0], names[1], lineterm=""))


@dataclass(frozen=True, slots=True)
class TemplateRow:
    """A kind in the list of templates: the version in use, the open proposals, and whether its file is bad."""

    kind: str
    used: TemplateVersion | None  # None: nobody has recorded any version yet, and the shipped one is used
    proposals: Sequence[TemplateVersion]
    file_is_bad: bool

    @property
    def version(self) -> int:
        return self.used.version if self.used else SHIPPED_VERSION

    @property
    def since(self) -> datetime | None:
        return self.used.used_since if self.used else None

    @property
    def by(self) -> str | None:
        return self.used.approved_by if self.used else None


def kind_rows(services: Services, found: Sequence[TemplateVersion]) -> list[TemplateRow]:
    """A row for each kind, in the order of the table of kinds; `found` are all versions of the OA."""
    rows = []
    for kind in RANK:
        mine = [one for one in found if one.kind == kind]
        used = next((one for one in mine if one.state is VersionState.IN_USE), None)
        proposals = [one for one in mine if one.state is VersionState.PROPOSED]
        known = {services.letters.shipped(kind).digest, *(one.digest for one in mine)}
        rows.append(TemplateRow(kind, used, proposals, bool(file_faults(services, kind, known))))
    return rows


def source_of(services: Services, found: Sequence[TemplateVersion], kind: str, version: int) -> TemplateSource | None:
    """The source of a version, of which 1 is there even before any was recorded."""
    one = next((one for one in found if (one.kind, one.version) == (kind, version)), None)
    if one is not None:
        return one.source
    return services.letters.shipped(kind) if version == SHIPPED_VERSION else None
