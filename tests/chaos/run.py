"""A chaos run: a world that gets its load in portions, until nothing is left to do, and the verdict on it."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from tests.chaos.ageing import age_ledger, age_witnesses
from tests.chaos.dossiers import KINDS
from tests.chaos.scale import PATIENCE, SEED, SHORT, SHORT_PATIENCE
from tests.chaos.verdict import LIVE, Verdict, judge
from tests.chaos.world import World

_HELD = """
SELECT count(*) FROM notices n WHERE n.state = 'uncertain' OR (n.state = 'waiting' AND EXISTS (
    SELECT FROM notices e WHERE e.oa = n.oa AND e.code = n.code AND e.state = 'uncertain'
      AND (e.event_at, e.rank, e.id) < (n.event_at, n.rank, n.id)))
"""
_DOUBTED = "SELECT count(DISTINCT notice_id) FROM history WHERE after = 'uncertain'"


@dataclass(kw_only=True)
class Run(World):
    """One scenario. Each dossier belongs to a person of its own and has three notices."""

    struck: int = 0  # notices that were in a worker's hands when a blow fell
    last_blow: float = field(default_factory=time.monotonic)
    verdicts: list[Verdict] = field(default_factory=list)

    def __enter__(self) -> Self:
        self.dice = random.Random(f"{SEED} {self.scenario}")  # noqa: S311 (repeatable misfortune, not a secret)
        return super().__enter__()

    def feed(self) -> None:
        """All of the load that is not there yet, at once."""
        self.load.feed(self.dossier_count - len(self.load.fed))

    def portions(self, number: int, *, at: tuple[float, float] = (0.1, 0.5)) -> Iterator[int]:
        """Feed the load in so many portions; yields within each, when a chosen part of it was accepted.

        After the last one the rest of the load is there, so that a blow always falls on work.
        """
        each = self.dossier_count // number
        for portion in range(number):
            before = self.progress()
            most = self.dossier_count - len(self.load.fed) if portion == number - 1 else each
            self.load.feed(most)
            # Only the first notices of the portion's dossiers are sure to be on their way at once.
            self.reach(before + max(1, int(most * self.dice.uniform(*at))))
            yield portion
            self.last_blow = time.monotonic()

    def reach(self, number: int, seconds: float = 60.0) -> None:
        """Wait until so many notices were accepted or are held up."""
        self.until(lambda: self.progress() >= number, f"{number} notices to get on", seconds)

    def progress(self) -> int:
        """Notices that were accepted, or that wait for an uncertain one."""
        return int(self.zalo.stats()["accepted"]) + int(self.scalar(_HELD))

    def quiet(self) -> bool:
        """Whether everything was recorded and nothing is left to do; in a short run, but what is held up."""
        if not self.only_doubts_left():
            return False
        enough = SHORT and time.monotonic() - self.last_blow > SHORT_PATIENCE
        return enough or not any(state in LIVE for state in self.states().values())

    def only_doubts_left(self) -> bool:
        """Whether everything was recorded, and what is not told is in doubt or waits for what is."""
        count = Counter(self.states().values())
        live = sum(count[state] for state in LIVE)
        return count.total() >= len(self.load.fed) * len(KINDS) and live == self.scalar(_HELD)

    def freed(self, patience: float) -> float:
        """Seconds from the last blow until all that is not in doubt was told; waits for it."""
        self.until(self.only_doubts_left, "all that is not in doubt to be told", patience)
        return time.monotonic() - self.last_blow

    def pass_time(self, seconds: float) -> None:
        """As if so much time had passed since all that has happened; nothing may be on its way."""
        with self.services.ledger.begin() as tx:
            age_ledger(tx, seconds)
        age_witnesses(self.settings.redis_url, seconds)
        self.zalo.age_messages(seconds)

    def verdict(self) -> Verdict:
        """Wait until the run is quiet, then judge it."""
        self.until(self.quiet, "the run to become quiet", PATIENCE)
        recovered_in = time.monotonic() - self.last_blow
        time.sleep(1.5)  # a message too many would come with the next bells
        return self.judge_now(recovered_in)

    def judge_now(self, recovered_in: float = 0.0) -> Verdict:
        """Judge the run as it is; the verdict is printed, and once more in the table at the end."""
        states = self.states()  # first: what is told meanwhile is not yet told by the ledger, and would seem lost
        messages = self.zalo.messages()
        verdict = judge(
            self.scenario,
            self.load.fed,
            messages,
            states,
            struck=self.struck,
            doubted=self.scalar(_DOUBTED),
            again_in=self._again_in(messages),
            recovered_in=round(recovered_in, 1),
        )
        self.verdicts.append(verdict)
        print(f"\n{verdict}")
        return verdict

    def _again_in(self, messages: Iterable[Mapping[str, Any]]) -> float | None:
        """Seconds from the end of the last blow until Zalo accepted something; None where it has not since."""
        ended = time.time() - (
            time.monotonic() - self.last_blow
        )  # by the clock of Zalo's messages, which is our host's
        later = [message["at"] - ended for message in messages if message["at"] > ended]
        return round(min(later), 1) if later else None
