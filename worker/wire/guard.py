"""The guard between a call and the network: it marks the call just before bytes may leave, or keeps it back."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

OVER = "its time is over"
KEPT = "kept back"


class Guard(Protocol):
    """Decides which calls of a batch may leave, and until when."""

    def mark(self, tags: Sequence[int]) -> Collection[int]:
        """Record, just before sending, that bytes of these calls may have left; return the tags that must not leave.

        If it raises, none of the calls leaves.
        """

    def is_over(self) -> bool:
        """Whether the time for sending marked calls has passed. Checked again just before sending: must be cheap."""


def mark(guard: Guard | None, tags: Sequence[int]) -> Mapping[int, str]:
    """Mark calls that are about to leave; return the tags kept back, each with its reason. No guard keeps none back."""
    if guard is None:
        return {}
    try:
        kept = guard.mark(tags)
    except Exception as error:  # noqa: BLE001 (on any error: calls that could not be marked must not leave)
        return dict.fromkeys(tags, type(error).__name__)
    return dict.fromkeys(tags, OVER) if guard.is_over() else dict.fromkeys(kept, KEPT)
