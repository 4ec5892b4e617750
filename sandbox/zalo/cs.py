"""Consultation messages (`/v3.0/oa/message/cs`): reads, accepts and answers them.

Zalo documents no idempotency key: a repeat is a second message.
"""

import secrets

from sandbox.zalo.call import Call, read_json, text_of
from sandbox.zalo.codes import Body, Refusal, invalid, success
from sandbox.zalo.forms import check_message
from sandbox.zalo.messages import Message


def read(call: Call) -> None:
    """Read `{"recipient": {"user_id"}, "message": {…}}`; afterwards `fields` holds user_id, text and attachment."""
    read_json(call)
    recipient, message = call.fields.get("recipient"), call.fields.get("message")
    if not isinstance(recipient, dict):
        raise invalid("recipient")
    if not isinstance(message, dict) or not message:
        raise invalid("message")
    check_message(message)
    call.fields = {
        "user_id": text_of(recipient, "user_id"),
        "text": message.get("text", ""),
        "attachment": message.get("attachment", {}),
    }


def send(call: Call) -> Body:
    """Accept the message. Recorded replies have two fields, the documented one has more."""
    message = accept(call, "zalo_cs")
    data: Body = {"message_id": message.message_id, "user_id": message.user_id}
    if call.world.switches.rich_replies:
        data["sent_time"] = str(int(message.moment * 1000))
        data["quota"] = {"quota_type": "reply", "remain": "8", "total": "8"}
    return success(data)


def accept(call: Call, channel: str) -> Message:
    """Add it to the accepted messages, with an id of 20 lower-case hex digits as in every recorded reply."""
    call.world.stats.accepted[channel] += 1
    fields = call.fields
    return call.world.messages.append(
        secrets.token_hex(10),
        channel,
        oa_id=call.grant.oa_id,
        user_id=call.person.user_id,
        phone=call.person.phone,
        name=call.person.display_name,
        text=fields.get("text", ""),
        attachment=fields.get("attachment", {}),
        template_id=call.template.template_id,
        template_data=fields.get("template_data", {}),
        tracking_id=fields.get("tracking_id", ""),
        moment=call.world.clock.now(),
    )


def money(call: Call) -> None:
    if call.world.switches.oa_money:
        raise Refusal(call.world.switches.oa_money)
