"""What every channel is: a name, and how it sends many letters at once. Whom it may take is the policy's to say."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from worker.channels.cargo import BatchGuard, Cargo
from worker.domain.notice import Letter


@dataclass(frozen=True, slots=True)
class Ready:
    """The channel may send now; `pass_` is whatever it needs for this batch (an access token)."""

    pass_: object


@dataclass(frozen=True, slots=True)
class NotReady:
    """The channel cannot send for this OA now; notices wait, none is lost. `why` is for the operator."""

    why: str


class Channel(Protocol):
    """A way to reach a person. To add one: a room beside this file, a row in CHANNELS and a row in the policy."""

    name: str

    def ready(self, oa: str) -> Ready | NotReady:
        """Whether the channel can send for this OA now (credentials and the like)."""

    def send(self, letters: Iterable[Letter], ready: Ready, *, guard: BatchGuard) -> Cargo:
        """The letters made ready for the wire; the guard marks each notice (tags are ids) before it leaves."""

    def refused_pass(self, oa: str, ready: Ready) -> Ready | NotReady:
        """The far side refused what `ready` gave (a token): renew it, or say why that does not help."""
