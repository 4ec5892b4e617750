"""What came of a run, judged from what Zalo accepted and from the ledger's states; and the promise, in figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from tests.chaos.dossiers import KINDS, code_of, texts_of, user_of
from tests.chaos.scale import SEED, SHORT

LIVE = ("waiting", "due", "sending", "uncertain")
_ACCOUNTED = (*LIVE, "unreachable", "dead", "quarantined")  # not told, and everybody can see why


@dataclass(frozen=True, slots=True)
class Verdict:
    """The figures of a run. All count notices, but `out_of_order` dossiers, `again_in` and `recovered_in` seconds."""

    scenario: str
    seed: int
    notices: int
    accepted: int
    lost: int
    sent_twice: int
    out_of_order: int
    struck: int  # were in a worker's hands at the moments of the blows
    doubted: int  # were uncertain at some time
    uncertain: int  # still are
    held: int  # not told yet otherwise: they wait for an uncertain one of their dossier
    unreachable: int
    dead: int
    quarantined: int  # kept back until a person has looked
    again_in: float | None  # from the end of the last blow until Zalo accepted something
    recovered_in: float  # from the end of the last blow until nothing was left to do

    def __str__(self) -> str:
        return "chaos " + " ".join(f"{name}={value}" for name, value in asdict(self).items())


@dataclass(frozen=True, slots=True)
class Heard:
    """What the people of some dossiers heard, against what they should have."""

    accepted: int
    lost: int
    sent_twice: int
    out_of_order: int


def heard(fed: Iterable[int], messages: Iterable[Mapping[str, Any]], states: Mapping[str, str]) -> Heard:
    """Compare. `messages` is all that Zalo accepted, `states` each notice's state by its event key.

    AssertionError for a message to anybody else, ValueError for words that are nobody's.
    """
    told: dict[str, list[str]] = {}
    for message in messages:
        told.setdefault(message["user_id"], []).append(message["text"])
    # A dossier has one notice of a kind: which occurrence of it says nothing here.
    known = {key.rsplit("/", 1)[0] for key, state in states.items() if state in _ACCOUNTED}
    lost = twice = disorder = accepted = 0
    for number in fed:
        texts = texts_of(number)
        places = [texts.index(words) for words in told.pop(user_of(number), [])]
        accepted += len(places)
        twice += len(places) - len(set(places))
        disorder += places != sorted(places)
        lost += sum(i not in places and f"{code_of(number)}/{kind}" not in known for i, kind in enumerate(KINDS))
    assert not told, "somebody was told who has no dossier"
    return Heard(accepted, lost, twice, disorder)


def judge(
    scenario: str, fed: list[int], messages: Iterable[Mapping[str, Any]], states: Mapping[str, str], **seen: Any
) -> Verdict:
    """The verdict; `seen` is what only the run itself can tell: struck, doubted, again_in, recovered_in."""
    what = heard(fed, messages, states)
    count = Counter(states.values())
    return Verdict(
        scenario=scenario,
        seed=SEED,
        notices=len(fed) * len(KINDS),
        accepted=what.accepted,
        lost=what.lost,
        sent_twice=what.sent_twice,
        out_of_order=what.out_of_order,
        uncertain=count["uncertain"],
        held=sum(count[state] for state in LIVE) - count["uncertain"],
        unreachable=count["unreachable"],
        dead=count["dead"],
        quarantined=count["quarantined"],
        **seen,
    )


def nothing_wrong(verdict: Verdict) -> None:
    """The zeros that hold in every run."""
    assert (verdict.lost, verdict.sent_twice, verdict.out_of_order) == (0, 0, 0), str(verdict)


def promised(verdict: Verdict) -> None:
    """The promise: in a whole run everything is settled; a short one does not wait for the last look-ups."""
    nothing_wrong(verdict)
    assert verdict.accepted + verdict.uncertain + verdict.held >= verdict.notices, str(verdict)
    if not SHORT:
        assert (verdict.uncertain, verdict.held, verdict.accepted) == (0, 0, verdict.notices), str(verdict)


def all_told(verdict: Verdict) -> None:
    """The promise where nothing could be in doubt: every notice was accepted."""
    promised(verdict)
    assert (verdict.accepted, verdict.uncertain, verdict.held) == (verdict.notices, 0, 0), str(verdict)
