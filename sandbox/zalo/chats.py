"""Look-ups of conversations: `/v2.0/oa/conversation` and `/v2.0/oa/listrecentchat`, at most ten rows per call.

Rows are messages, not threads, newest first. Zalo does not document how long a message takes to appear, so a switch
sets it.
"""

from collections.abc import Iterator
from itertools import islice

from sandbox.zalo.call import Call, count_of, read_data, text_of
from sandbox.zalo.clock import vietnam
from sandbox.zalo.codes import Body, success
from sandbox.zalo.messages import Message

ROWS_MOST = 10
OFFSET_MOST = 1_000_000
AVATAR = "https://s240-ava-talk.zadn.vn/hop-cat/240/{}.jpg"
FROM_USER = 1


def read_conversation(call: Call) -> None:
    read_recent(call)
    text_of(call.fields, "user_id")


def read_recent(call: Call) -> None:
    read_data(call)
    count_of(call.fields, "count", ROWS_MOST, ROWS_MOST)
    count_of(call.fields, "offset", 0, OFFSET_MOST)


def conversation(call: Call) -> Body:
    """The messages of one person; `data` is a bare array."""
    return _rows(call, call.world.messages.newest_first(call.person.user_id))


def recent(call: Call) -> Body:
    """The messages of all people of the OA."""
    return _rows(call, call.world.messages.newest_first())


def _rows(call: Call, messages: Iterator[Message]) -> Body:
    offset, count = call.fields.get("offset", 0), call.fields.get("count", ROWS_MOST)
    shown = (message for message in messages if _is_shown(call, message))
    return success([_row(call, message) for message in islice(shown, offset, offset + count)])


def _is_shown(call: Call, message: Message) -> bool:
    switches = call.world.switches
    channels = {"zalo_cs", "user"} | ({"zalo_template"} if switches.templates_in_conversation else set())
    old_enough = call.world.clock.now() - message.moment >= switches.read_delay_ms / 1000
    return message.channel in channels and message.oa_id == call.grant.oa_id and old_enough


def _row(call: Call, message: Message) -> Body:
    oa = (message.oa_id, call.grant.oa_name)
    user = (message.user_id, message.name)
    by_user = message.channel == "user"
    sender, receiver = (user, oa) if by_user else (oa, user)
    return {
        "src": FROM_USER if by_user else call.world.switches.oa_src,
        "time": int(message.moment * 1000),
        "sent_time": vietnam(message.moment).strftime("%H:%M:%S %d/%m/%Y"),
        "from_id": sender[0],
        "from_display_name": sender[1],
        "from_avatar": AVATAR.format(sender[0]),
        "to_id": receiver[0],
        "to_display_name": receiver[1],
        "to_avatar": AVATAR.format(receiver[0]),
        "message_id": message.message_id,
        "type": "text",
        "message": message.text,
    }
