"""Which channel a notice takes: the first, in the configured order, that reaches its person."""

from __future__ import annotations

from collections.abc import Mapping

from worker.channels.channel import Channel
from worker.domain.lifecycle import State
from worker.domain.notice import Letter
from worker.domain.retry import Decision

NOT_A_FOLLOWER = "no Zalo user of this OA is linked to the phone"


def choose(letter: Letter, channels: Mapping[str, Channel]) -> str | Decision:
    """The name of the channel, or what becomes of the notice where there is none."""
    if letter.fault is not None:
        return Decision(State.DEAD, counts=False, reason=letter.fault)
    notice = letter.notice
    if notice.no_person_because is not None:
        return Decision(State.UNREACHABLE, counts=False, reason=notice.no_person_because)
    for name, channel in channels.items():
        if channel.reaches(notice):
            return name
    return Decision(State.UNREACHABLE, counts=False, reason=NOT_A_FOLLOWER)
