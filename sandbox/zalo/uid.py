"""Approved templates by user id (`/v3.0/oa/message/template`): without a 7-day window, and not for every template."""

from sandbox.zalo.call import Call, read_json, text_of
from sandbox.zalo.codes import Body, Refusal, invalid, success
from sandbox.zalo.cs import accept
from sandbox.zalo.template_data import OA_DATA, check_data
from sandbox.zalo.templates import PROMOTION


def read(call: Call) -> None:
    """Read `{"user_id", "template_id", "template_data"}`, without a `recipient` object around it."""
    read_json(call)
    text_of(call.fields, "user_id")
    template = call.world.templates.find(text_of(call.fields, "template_id"))
    if template is None or template.status != "ENABLE":
        raise invalid("template_id")
    if not template.by_user_id:
        raise Refusal(-249)
    check_data(template, call.fields.get("template_data"), OA_DATA)
    call.template = template


def night(call: Call) -> None:
    """Zalo documents that promotions are sent from 06:00 to 21:59 only."""
    if call.template.tag == PROMOTION and call.world.clock.is_night():
        raise Refusal(-234)


def send(call: Call) -> Body:
    """Accept the message; `remain` is a number here."""
    message = accept(call, "zalo_template")
    data: Body = {
        "message_id": message.message_id,
        "user_id": message.user_id,
        "sent_time": str(int(message.moment * 1000)),
    }
    if call.world.switches.rich_replies:
        data["quota"] = {"quota_type": "purchase_quota", "remain": 4821}
    return success(data)
