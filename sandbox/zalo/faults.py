"""Misbehaviour on demand: the kinds of faults, and the calls that they strike.

A fault strikes before all checks, among the checks, between the checks and the execution, or after a successful
execution.
"""

import itertools
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

BEFORE, CHECK, CHECKED, AFTER = "before", "check", "checked", "after"

# kind → when it strikes; a kind in MOVABLE may have another `when`.
KINDS: Mapping[str, str] = {
    "delay": BEFORE,  # wait `ms`
    "reset_before": BEFORE,  # RST, nothing was executed
    "reset_after": AFTER,  # RST, it was executed
    "http_500": BEFORE,  # an HTML page
    "http_502": BEFORE,
    "http_503": BEFORE,
    "error": CHECK,  # Zalo's refusal `code`, not executed
    "expire_tokens": CHECK,  # every access token ends just before this call
    "late": CHECKED,  # executed after `ms`, whether or not the client is still there; never answered
    "late_reset": CHECKED,  # RST at once, executed after `ms`
    "truncated_json": AFTER,  # a whole HTTP reply with half a JSON
    "cut_short": AFTER,  # the connection ends in the middle of the body
    "empty": AFTER,  # the connection ends without a byte
    "empty_body": AFTER,  # 200 with no body
    "garbage": AFTER,  # bytes that are no HTTP
    "not_json": AFTER,  # 200 with an HTML page
    "slow_body": AFTER,  # the body drips for `ms`
}
MOVABLE = {"delay", "http_500", "http_502", "http_503"}
FIELDS = {"kind", "when", "count", "probability", "path", "user_id", "ms", "code", "seed"}


class Victim(Protocol):
    """The parts of a call that a fault examines."""

    path: str

    def concerns(self, subject: str) -> bool: ...


@dataclass(slots=True)
class Fault:
    """`count` is the number of strikes left (None: unlimited); `path` is a prefix; `user_id` may be a phone."""

    number: int
    kind: str
    when: str
    count: int | None = None
    probability: float = 1.0
    path: str = ""
    user_id: str = ""
    ms: int = 1000
    code: int = -200
    seed: int = 0
    hits: int = 0
    _dice: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._dice = random.Random(self.seed)  # noqa: S311 (a repeatable misfortune, not a secret)

    def strikes(self, victim: Victim) -> bool:
        """Whether it strikes this call; counts the strike."""
        if self.count == 0 or not victim.path.startswith(self.path):
            return False
        if self.user_id and not victim.concerns(self.user_id):
            return False
        if self.probability < 1 and self._dice.random() >= self.probability:
            return False
        self.hits += 1
        if self.count is not None:
            self.count -= 1
        return True

    def as_json(self) -> dict[str, Any]:
        return {"id": self.number, "hits": self.hits} | {name: getattr(self, name) for name in sorted(FIELDS)}


class Faults:
    """The faults that are on, in the order in which they were switched on."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._numbers = itertools.count(1)

    def add(self, row: Mapping[str, Any]) -> Fault:
        """Switch one on. Raises ValueError with a sentence for an unknown kind or field, or an impossible `when`."""
        kind = row.get("kind", "")
        if kind not in KINDS:
            raise ValueError(f"no fault {kind!r}; there are {', '.join(KINDS)}, and POST /down")
        if unknown := set(row) - FIELDS:
            raise ValueError(f"a fault has no {', '.join(sorted(unknown))}; there are {', '.join(sorted(FIELDS))}")
        when = row.get("when", KINDS[kind])
        if when != KINDS[kind] and not (kind in MOVABLE and when in {BEFORE, AFTER}):
            raise ValueError(f"{kind} cannot strike {when!r}")
        fault = Fault(number=next(self._numbers), **(dict(row) | {"when": when}))
        self._faults.append(fault)
        return fault

    def clear(self, number: int | None = None) -> None:
        """Switch off one fault, or all."""
        self._faults = [fault for fault in self._faults if number is not None and fault.number != number]

    def all(self) -> list[Fault]:
        return list(self._faults)

    def striking(self, when: str, victim: Victim) -> Iterator[Fault]:
        """The faults that strike this call at this point, lazily: faults that are not consumed keep their count."""
        for fault in self._faults:
            if fault.when == when and fault.strikes(victim):
                yield fault
