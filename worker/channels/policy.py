"""Chooses the channel of a notice: the first, in the configured order, whose conditions hold (R7, R8, R28, R33).

Pure: the inputs are the notice and the current terms, the result is a channel's name or a decision. A channel that has
said no is not tried again. A notice with an uncertain attempt is settled first and never gets here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from domain.free_window import FreeWindow
from domain.kinds import PROOF_CODE
from domain.lifecycle import State
from domain.notice import OPTED_OUT, Letter, Notice
from domain.retry import Decision
from worker.channels import CHANNELS
from worker.channels.row import ChannelRow, No, NotYet, Objection, Terms


def choose(letter: Letter, terms: Terms) -> str | Decision:
    """The name of the channel, or the decision on the notice if no channel can take it now."""
    if letter.fault is not None:
        return Decision(State.DEAD, counts=False, reason=letter.fault)
    if letter.notice.opted_out:
        return Decision(State.SUPPRESSED, counts=False, reason=OPTED_OUT)
    if letter.notice.no_person_because is not None:
        return Decision(State.UNREACHABLE, counts=False, reason=letter.notice.no_person_because)
    last_resort, objections = None, []
    for name in terms.order(letter.notice.kind):
        if name in letter.notice.said_no:
            continue
        row = CHANNELS[name]
        found = objection(row, letter, terms)
        if found is not None:
            objections.append(found)
        elif not _is_a_last_resort(row, letter, terms):
            return name
        else:
            last_resort = last_resort or name
    return last_resort or _nobody_now(objections)


def elsewhere(notice: Notice, name: str, terms: Terms) -> bool:
    """Whether, after `name` said no, another channel may still reach the person."""
    choice = choose(Letter(replace(notice, said_no=notice.said_no | {name}), None), terms)
    return isinstance(choice, str) or choice.state is State.DUE


def objection(row: ChannelRow, letter: Letter, terms: Terms) -> Objection | None:
    """Why the channel cannot take the letter now: its first condition that fails, or its own hold; None: it can."""
    conditions = row.code_conditions if letter.notice.kind == PROOF_CODE else row.conditions
    if conditions is None:
        return No("the channel carries no one-time codes")
    for condition in conditions:
        found = condition(row, letter, terms)
        if found is not None:
            return found
    return terms.held.get(row.name)


def _is_a_last_resort(row: ChannelRow, letter: Letter, terms: Terms) -> bool:
    """Whether the person's window seems closed: a text costs a refusal at most, and we may be wrong."""
    return row.free_window and row.window(letter, terms) is FreeWindow.CLOSED


def _nobody_now(objections: Sequence[Objection]) -> Decision:
    later = [found for found in objections if isinstance(found, NotYet)]
    if later:
        first = min(later, key=lambda found: found.at)
        return Decision(State.DUE, counts=False, due_at=first.at, reason=first.why)
    whys = dict.fromkeys(found.why for found in objections)
    return Decision(State.UNREACHABLE, counts=False, reason="; ".join(whys) or "every channel has said no")
