"""Checks whether the person of a call can be written to through the OA host."""

from sandbox.zalo.call import Call, text_of
from sandbox.zalo.codes import Refusal, invalid
from sandbox.zalo.people import OA_TROUBLES

WINDOW_SECONDS = 7 * 86_400


def known(call: Call) -> None:
    """The user id must belong to this OA; any other is refused with -201."""
    user_id = text_of(call.fields, "user_id")
    world = call.world
    person = world.people.by_id(user_id, everybody=world.switches.everybody_known, now=world.clock.now())
    if person is None:
        raise invalid("user_id")
    call.person = person


def reachable(call: Call) -> None:
    """The person must be known, and neither banned nor unwilling. Templates need no more than that."""
    known(call)
    for trouble, code in OA_TROUBLES.items():
        if trouble in call.person.troubles:
            raise Refusal(code)


def inside_window(call: Call) -> None:
    """The person must have interacted with the OA in the past 7 days, as Zalo documents.

    Following is one such interaction, but not a condition.
    """
    reachable(call)
    last = call.person.last_interaction
    if last is None or call.world.clock.now() - last > WINDOW_SECONDS:
        raise Refusal(-230)
