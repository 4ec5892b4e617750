"""The words in use of an OA: for each kind the version that was approved last, looked up without cost for a notice.

A claim looks every few seconds which versions are in use; only those that changed are read and compiled. Where the
words of a version cannot be made for a notice, the last good version before it is used, and the log says so: a template
never stops the flow.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, islice, pairwise
from operator import attrgetter

from sqlalchemy import Connection

from config.seldom import Seldom
from domain.forms import Form, FormError, read_form
from domain.letters import Facts, Letters, rendered
from domain.template_source import SHIPPED_VERSION, TemplateSource
from domain.wording import LetterError, Wording, letter_error
from ground.cached import cached_property
from ledger.letters import versions
from ledger.letters.versions import TemplateVersion

log = logging.getLogger("hcc.words")

_LOOK_SECONDS = 3.0
_MOST = 3  # versions to try for a notice, beside the shipped one
_SELDOM = Seldom(60.0)


@dataclass(frozen=True)
class ReadyVersion:
    """A version that is compiled when it is first needed."""

    kind: str
    version: int
    source: TemplateSource

    @cached_property
    def words(self) -> Wording:
        """Raises `LetterError`."""
        return Wording(self.kind, self.source.message)

    @cached_property
    def form(self) -> Form:
        """Raises `FormError`."""
        return read_form(self.kind, self.source.form)


class WordsInUse:
    """The words of all kinds of one OA. `refresh` is for one thread; the others may be used by several."""

    def __init__(self, oa: str, letters: Letters, shipped: Mapping[str, TemplateSource]) -> None:
        self._oa = oa
        self._letters = letters
        self._shipped = {kind: ReadyVersion(kind, SHIPPED_VERSION, source) for kind, source in shipped.items()}
        self._in_use: dict[str, Sequence[ReadyVersion]] = {kind: (one,) for kind, one in self._shipped.items()}
        self._numbers: dict[str, int] = {}
        self._look_at = 0.0

    def refresh(self, tx: Connection, *, now: bool = False) -> None:
        """Look which versions are in use, at most every few seconds unless `now`: one statement, from an index."""
        if not now and time.monotonic() < self._look_at:
            return
        numbers = versions.numbers_in_use(tx, self._oa)
        changed = [kind for kind, number in numbers.items() if self._numbers.get(kind) != number]
        if changed:
            self._take(versions.usable(tx, self._oa, changed))
        for kind in (self._numbers.keys() - numbers.keys()) & self._shipped.keys():  # the ledger went back
            self._in_use[kind] = (self._shipped[kind],)
        self._numbers = numbers
        self._look_at = time.monotonic() + _LOOK_SECONDS

    def version(self, kind: str) -> int:
        """The version in use of a kind. Raises `LetterError` for an unknown one."""
        return self._candidates(kind)[0].version

    def source(self, kind: str) -> TemplateSource:
        """The source of the version in use. Raises `LetterError` for an unknown one."""
        return self._candidates(kind)[0].source

    def shipped(self, kind: str) -> TemplateSource:
        """The source of version 1, as this release ships it. Raises `LetterError` for an unknown kind."""
        if kind not in self._shipped:
            raise letter_error(kind, "the file is missing")
        return self._shipped[kind].source

    def told(self, kind: str, facts: Facts) -> tuple[str, int]:
        """The text of a notice, and the version by which it was made. Raises `LetterError`."""
        candidates = self._candidates(kind)
        first: LetterError | None = None
        for one in candidates:
            try:
                text = rendered(kind, one.words, facts)
            except LetterError as error:
                first = first or error
                continue
            if first is not None:
                self._warn(kind, candidates[0].version, one.version, first)
            return text, one.version
        raise first or letter_error(kind, "the file is missing")

    def text(self, kind: str, facts: Facts) -> str:
        """The text of a notice. Raises `LetterError`."""
        return self.told(kind, facts)[0]

    def form(self, kind: str) -> Form:
        """The parameters of the approved template, by the first usable version. Raises `FormError`."""
        try:
            candidates = self._candidates(kind)
        except LetterError as error:
            raise FormError(str(error)) from None
        for one, after in pairwise(candidates):
            try:
                return one.form
            except FormError as error:
                self._warn(kind, one.version, after.version, error)
        return candidates[-1].form

    def sample(self, kind: str) -> Facts:
        """The fictitious facts of a kind. Raises `LetterError`."""
        return self._letters.sample(kind)

    def _candidates(self, kind: str) -> Sequence[ReadyVersion]:
        """The version in use, then the good ones before it, and at last the shipped one."""
        if kind not in self._in_use:
            raise letter_error(kind, "the file is missing")
        return self._in_use[kind]

    def _take(self, found: Sequence[TemplateVersion]) -> None:
        """Use these versions, of which each kind's are in order; a kind that this release does not know has no use."""
        for kind, of_kind in groupby(found, attrgetter("kind")):
            ready = [ReadyVersion(kind, one.version, one.source) for one in islice(of_kind, _MOST)]
            if kind in self._shipped:
                self._in_use[kind] = (*ready, self._shipped[kind])

    def _warn(self, kind: str, bad: int, used: int, why: Exception) -> None:
        if times := _SELDOM.may(f"{self._oa} {kind} {bad}"):
            log.error(
                "a template does not work, an earlier one is used oa=%s kind=%s version=%d used=%d times=%d why=%s",
                self._oa, kind, bad, used, times, why,
            )  # fmt: skip
