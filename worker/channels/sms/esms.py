"""The gateway eSMS (ViHAT): sends customer-care messages under a registered brand name.

Source: eSMS, "Tin nhắn SMS OTP/CSKH" and "Bảng mã lỗi" (POST …/SendMultipleMessage_V4_post_json/). Every value is a
string. A `RequestId` (at most 50 characters) that the gateway has already received on the same day is refused with
124. It is not documented whether a request refused for another reason also uses up its id. So 124 proves nothing, and
an operator looks the message up.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from domain.outcome import HoldScope, Outcome, Refused, Sent, Uncertain, Unreachable, Wait
from worker.channels.cargo import without_answer
from worker.channels.channel import PAYING_SECONDS, REPAIR_SECONDS
from worker.channels.sms.gateway import Sms
from worker.wire.envelope import OK, json_object
from worker.wire.protocol import Call, Reply, Result

_PATH = "/MainService.svc/json/SendMultipleMessage_V4_post_json/"
_CUSTOMER_CARE = "2"
_ACCEPTED = 100

_Fault = Wait | Unreachable | Refused | Uncertain
_Meaning = Callable[[int, float], _Fault]


def _repair(reason: str, hold: HoldScope = HoldScope.CHANNEL) -> _Meaning:
    return lambda code, jitter: Wait(reason, REPAIR_SECONDS * (1 + jitter / 5), hold, code)


def _pay(reason: str) -> _Meaning:
    return lambda code, jitter: Wait(reason, PAYING_SECONDS * (1 + jitter / 5), HoldScope.CHANNEL, code)


CODES: Final[Mapping[int, _Meaning]] = {
    99: lambda code, _: Unreachable("the number is blocked at the SMS gateway", code),
    101: _repair("the SMS gateway refuses its keys"),
    102: _repair("the SMS gateway has no price list for the account"),
    103: _pay("the SMS account is out of money"),
    104: _repair("the brand name is not registered for SMS"),
    108: lambda code, _: Unreachable("the phone number is invalid", code),
    124: lambda code, _: Uncertain("the SMS gateway has had this notice already", code),
    140: _repair("the SMS gateway does not know this host's address"),
    # concerns the text of a kind: nothing is wrong with this notice, and no other of the kind needs to try
    146: _repair("the words are not registered with the carriers", HoldScope.TEMPLATE),
    177: lambda code, _: Unreachable("the carrier is not registered for the brand name", code),
}


@dataclass(frozen=True, slots=True)
class Esms:
    """An account with eSMS."""

    url: str
    api_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    brandname: str

    def call(self, sms: Sms) -> Call:
        body = {
            "ApiKey": self.api_key,
            "SecretKey": self.secret_key,
            "Brandname": self.brandname,
            "SmsType": _CUSTOMER_CARE,
            "Phone": f"0{sms.phone.removeprefix('+84')}" if sms.phone.startswith("+84") else sms.phone,
            "Content": sms.text,
            "IsUnicode": "1" if sms.accented else "0",
            "RequestId": sms.mark,
        }
        headers = {"Content-Type": "application/json"}
        return Call(sms.tag, "POST", self.url + _PATH, headers, json.dumps(body, ensure_ascii=False).encode())

    def read(self, result: Result, *, jitter: float) -> Outcome:
        match result:
            case Reply(status, _, body) if status == OK:
                return _read(body, jitter)
            case Reply(status):
                return Uncertain(f"HTTP {status} from the SMS gateway")
            case _:
                return without_answer(result)


def _read(body: bytes, jitter: float) -> Outcome:
    try:
        answer = json_object(body) or {}
        code = int(answer["CodeResult"])
    except (ValueError, KeyError, TypeError):
        return Uncertain("an answer of the SMS gateway that is not understood")
    if code == _ACCEPTED:
        number = answer.get("SMSID")
        if isinstance(number, str) and number.isascii() and number.isprintable() and 0 < len(number) <= 100:  # noqa: PLR2004 (real ones have about 36)
            return Sent(number)
        return Uncertain("accepted by the SMS gateway without a message id", 0)
    return _meant(code, jitter)


def reason_of(code: int) -> str:
    """What a code means, as it is stored with a notice."""
    return _meant(code, 0.0).reason


def _meant(code: int, jitter: float) -> _Fault:
    meaning = CODES.get(code)
    return meaning(code, jitter) if meaning else Refused(f"unknown code {code} from the SMS gateway", code)
