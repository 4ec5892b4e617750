"""Defines the channel protocol: a name, and how to send many letters at once. The policy decides who takes which."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from domain.notice import Letter
from worker.channels.cargo import BatchGuard, Cargo

REPAIR_SECONDS = 300.0
"""One refused call every five minutes until a person has repaired the set-up."""

PAYING_SECONDS = 1800.0
"""One refused call every half hour until somebody has paid."""

SPREAD_SECONDS = 600.0
"""Jitter, so that notices waiting for the same time do not all start at once."""


@dataclass(frozen=True, slots=True)
class Ready:
    """The channel can send now; `access` is what it needs for this batch (e.g. an access token)."""

    access: object


@dataclass(frozen=True, slots=True)
class NotReady:
    """The channel cannot send for this OA now; notices wait and none is lost. `why` is for the operator."""

    why: str


class Channel(Protocol):
    """A way to reach a person. To add one: a package next to this file, a row in CHANNELS and a row in the policy."""

    name: str

    def ready(self, oa: str) -> Ready | NotReady:
        """Whether the channel can send for this OA now (credentials etc.)."""

    def prepare(self, letters: Iterable[Letter], ready: Ready, *, guard: BatchGuard) -> Cargo:
        """Prepare the letters for the wire; the guard marks each notice (tags are ids) before it leaves."""

    def renew_access(self, oa: str, ready: Ready) -> Ready | NotReady:
        """The server refused the pass from `ready` (a token): renew it, or return why that does not help."""
