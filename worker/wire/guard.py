"""What stands between a call and the network: the guard marks it just before bytes may leave, or keeps it back."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

OVER = "its time is over"
KEPT = "kept back"


class Guard(Protocol):
    """Says which calls of a batch may leave, and for how long."""

    def mark(self, tags: Sequence[int]) -> Collection[int]:
        """Note, just before bytes of these calls may leave, that they may have left; gives those that must not.

        Where it raises, none of them leaves.
        """

    def is_over(self) -> bool:
        """Whether the time is over in which marked calls may leave. Asked again at the last moment: must be cheap."""


def mark(guard: Guard | None, tags: Sequence[int]) -> Mapping[int, str]:
    """Mark calls that are about to leave; gives those that may not, each with why. Without a guard all may."""
    if guard is None:
        return {}
    try:
        kept = guard.mark(tags)
    except Exception as error:  # noqa: BLE001 (whatever it is: what could not be marked does not leave)
        return dict.fromkeys(tags, type(error).__name__)
    return dict.fromkeys(tags, OVER) if guard.is_over() else dict.fromkeys(kept, KEPT)
