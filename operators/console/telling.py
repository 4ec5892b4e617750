"""Tells answers and notices on a page: in words of its language, in one line of time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from operators.console.unit_names import unit_names
from operators.console.words import named, said, word
from operators.explain import Explanation, Verdict
from operators.phrasebook import Who, Word, phrase


@dataclass(frozen=True, slots=True)
class Saying:
    """A verdict in the language of a page."""

    sentence: str
    todo: str
    who: Who
    situation: str
    next_at: datetime | None

    @property
    def acts(self) -> bool:
        """Whether somebody has to act."""
        return self.who is not Who.NOBODY


def saying(verdict: Verdict, language: str) -> Saying:
    """The verdict in a language."""
    sentence, todo = Word(verdict.vi, verdict.en), Word(verdict.todo_vi, verdict.todo_en)
    next_at = verdict.next_at
    return Saying(said(language, sentence), said(language, todo), verdict.who, verdict.situation.value, next_at)


def told(notice: Mapping[str, Any], answer: Explanation, language: str, names: Mapping[str, str]) -> dict[str, Any]:
    """The notice with `saying`, `steps` (each `at`, `sort`, `said`, `technical`), `oa_name` and `unit_name`."""
    of_notice = {one.event_key: one.verdict for one in answer.notices}.get(notice["event_key"])
    steps = sorted(_steps(notice, language), key=lambda step: step["at"])
    told_as = saying(of_notice, language) if of_notice else None
    oa, unit = notice["oa"], unit_names(notice["oa"]).get(notice["unit"] or "", "")
    return {**notice, "saying": told_as, "steps": steps, "oa_name": names.get(oa, oa), "unit_name": unit}


def _steps(notice: Mapping[str, Any], language: str) -> Iterator[dict[str, Any]]:
    for one in notice["attempts"]:
        channel, outcome = named(language, "channels", one["channel"]), named(language, "outcomes", one["outcome"])
        code = [word(language, "dossier.code", code=one["code"])] if one["code"] is not None else []
        technical = ", ".join([one["channel"], *code, word(language, "dossier.ms", ms=one["ms"])])
        yield _step(
            one["at"], "attempt", word(language, "dossier.attempt", channel=channel, outcome=outcome), technical
        )
    for one in notice["history"]:
        first = one["before"] is None
        done = word(language, "dossier.recorded") if first else named(language, "states", one["after"])
        why = said_reason(one["why"], language)
        stored = [one["before"] or "·", "→", one["after"], *([f"· {one['why']}"] if why else [])]
        technical = " ".join([*stored, "·", word(language, "dossier.by", by=one["by"])])
        yield _step(one["at"], "recorded" if first else "move", f"{done}. {why}" if why else done, technical)


def said_reason(stored: str | None, language: str) -> str:
    """A stored reason in words; an operator's own reason stays as it was typed."""
    if not stored:
        return ""
    found = phrase(stored)
    return said(language, Word(found.vi, found.en))


def _step(at: datetime, sort: str, what: str, technical: str = "") -> dict[str, Any]:
    return {"at": at, "sort": sort, "said": what, "technical": technical}
