"""Approved templates by phone (`business.openapi.zalo.me`): sends, delivery status and quota.

Zalo documents `tracking_id` as the partner's label, not as an idempotency key: a repeat is a second message and a
second charge.
"""

import json
import re

from sandbox.zalo.call import Call
from sandbox.zalo.codes import Body, Refusal
from sandbox.zalo.cs import accept
from sandbox.zalo.people import PHONE_OFF, ZNS_TROUBLES
from sandbox.zalo.template_data import ZNS_DATA, check_data
from sandbox.zalo.templates import PROMOTION

PHONE = re.compile(r"\+?(84\d{9,10})")
MESSAGE_ID = re.compile(r"[0-9a-f]{20}")
TRACKING_MOST = 48
NOT_APPROVED = {"PENDING_REVIEW": -131, "REJECT": -131, "DISABLE": -146, "DELETE": -109}


def read(call: Call) -> None:
    """Read a phone beginning with 84, an approved template (its id as string or number), and its data."""
    if not call.raw.strip():
        raise Refusal(-121)
    try:
        call.fields = json.loads(call.raw)
    except ValueError:
        raise Refusal(-122) from None
    if not isinstance(call.fields, dict):
        raise Refusal(-122)
    _check_phone(call)
    _check_template(call)
    tracking_id = call.fields.get("tracking_id", "")
    if not isinstance(tracking_id, str) or len(tracking_id) > TRACKING_MOST:
        raise Refusal(-132)
    if call.fields.get("sending_mode", "1") != "1":
        raise Refusal(-161)


def recipient(call: Call) -> None:
    """The person must have Zalo, use it, and not refuse us."""
    world, phone = call.world, call.fields["phone"]
    person = world.people.by_phone(phone, everybody=world.switches.everybody_known, now=world.clock.now())
    if person is None:
        raise Refusal(-118)
    for trouble, code in ZNS_TROUBLES.items():
        if trouble in person.troubles:
            raise Refusal(code)
    call.person = person


def night(call: Call) -> None:
    """Sending by day only is a property of the template, which every promotion has."""
    if (call.template.daytime_only or call.template.tag == PROMOTION) and call.world.clock.is_night():
        raise Refusal(-133)


def money(call: Call) -> None:
    """Check the money, then the OA's daily quota, then the template's daily limit."""
    world = call.world
    if world.switches.zns_money:
        raise Refusal(world.switches.zns_money)
    if _remaining(call) <= 0:
        raise Refusal(-144)
    if world.sent_today[world.clock.day(), call.template.template_id] >= call.template.daily_limit:
        raise Refusal(-147)


def send(call: Call) -> Body:
    """Accept the message: `error: 0` means accepted, not delivered. The quota's numbers are strings here."""
    day = call.world.clock.day()
    call.world.sent_today[day, ""] += 1
    call.world.sent_today[day, call.template.template_id] += 1
    message = accept(call, "zns")
    quota = {"remainingQuota": str(_remaining(call)), "dailyQuota": str(call.world.switches.zns_daily_quota)}
    sent_time = str(int(message.moment * 1000))
    data = {"sent_time": sent_time, "sending_mode": "1", "quota": quota, "msg_id": message.message_id}
    return {"error": 0, "message": "Success", "data": data}


def read_status(call: Call) -> None:
    call.fields = dict(call.parameters())
    if not MESSAGE_ID.fullmatch(call.fields.get("message_id", "")):
        raise Refusal(-107)


def status(call: Call) -> Body:
    """-1: does not exist; 0: on the server, not yet on the phone; 1: delivered. A delivery takes no time here."""
    message = call.world.messages.find(call.fields["message_id"])
    if message is None:
        return _status(-1, "The message does not exist", None)
    person = call.world.people.by_phone(message.phone, everybody=True, now=message.moment)
    if person is not None and PHONE_OFF in person.troubles:
        return _status(0, "The message has not been delivered to the user's phone yet", None)
    return _status(1, "The message was delivered to the user's phone", str(int(message.moment * 1000)))


def read_quota(call: Call) -> None:
    if call.query:
        raise Refusal(-132)


def quota(call: Call) -> Body:
    """The quotas: numbers here, and `message` begins in lower case."""
    data = {
        "dailyQuota": call.world.switches.zns_daily_quota,
        "remainingQuota": _remaining(call),
        "dailyQuotaPromotion": None,
        "remainingQuotaPromotion": None,
        "monthlyPromotionQuota": 0,
        "remainingMonthlyPromotionQuota": 0,
        "estimatedNextMonthPromotionQuota": 0,
    }
    return {"data": data, "error": 0, "message": "success"}


def _check_phone(call: Call) -> None:
    phone = call.fields.get("phone")
    match = PHONE.fullmatch(phone) if isinstance(phone, str) else None
    if match is None:
        raise Refusal(-108)
    call.fields["phone"] = match[1]


def _check_template(call: Call) -> None:
    template = call.world.templates.find(str(call.fields.get("template_id", "")))
    if template is None:
        raise Refusal(-109)
    if template.status in NOT_APPROVED:
        raise Refusal(NOT_APPROVED[template.status])
    check_data(template, call.fields.get("template_data"), ZNS_DATA)
    call.template = template


def _remaining(call: Call) -> int:
    return call.world.switches.zns_daily_quota - call.world.sent_today[call.world.clock.day(), ""]


def _status(number: int, sentence: str, delivery_time: str | None) -> Body:
    data = {"delivery_time": delivery_time, "message": sentence, "status": number}
    return {"message": "Success", "data": data, "error": 0}
