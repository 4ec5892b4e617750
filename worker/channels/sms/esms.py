"""The gateway eSMS (ViHAT): customer-care messages under a registered brand name.

Source: eSMS, "Tin nhắn SMS OTP/CSKH" and "Bảng mã lỗi" (POST …/SendMultipleMessage_V4_post_json/): every value a
string; `RequestId`, at most 50 characters, is refused with 124 where the gateway has had it on the same day. Whether
a request that was refused for another reason also uses its id up is not documented, so 124 proves nothing: an
operator looks the message up.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from worker.channels.sms.gateway import Sms
from worker.domain.outcome import Hold, Outcome, Refused, Sent, TryLater, Uncertain, Unreachable, Wait
from worker.wire.protocol import INVALID, Call, NotSent, Reply, Result, Unknown

_PATH = "/MainService.svc/json/SendMultipleMessage_V4_post_json/"
_CUSTOMER_CARE = "2"
_OK: Final = 200
_ACCEPTED = 100
_REPAIR_TAKES = 300.0  # seconds: one refused call each five minutes until a person has repaired the set-up
_PAYING_TAKES = 1800.0
_HELD_BACK: Final = 1.0  # seconds: it was our own doing, no failure of the gateway

_Meaning = Callable[[int, float], Outcome]


def _repair(reason: str, hold: Hold = Hold.CHANNEL) -> _Meaning:
    return lambda code, jitter: Wait(reason, _REPAIR_TAKES * (1 + jitter / 5), hold, code)


def _pay(reason: str) -> _Meaning:
    return lambda code, jitter: Wait(reason, _PAYING_TAKES * (1 + jitter / 5), Hold.CHANNEL, code)


CODES: Final[Mapping[int, _Meaning]] = {
    99: lambda code, _: Unreachable("the number is blocked at the SMS gateway", code),
    101: _repair("the SMS gateway refuses its keys"),
    102: _repair("the SMS gateway has no price list for the account"),
    103: _pay("the SMS account is out of money"),
    104: _repair("the brand name is not registered for SMS"),
    108: lambda code, _: Unreachable("the phone number is invalid", code),
    124: lambda code, _: Uncertain("the SMS gateway has had this notice already", code),
    140: _repair("the SMS gateway does not know this host's address"),
    # the words of a kind: nothing is wrong with this notice, and no other of the kind need try
    146: _repair("the words are not registered with the carriers", Hold.TEMPLATE),
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
            case NotSent(why, held_back=True):
                return Wait(why, _HELD_BACK)
            case NotSent(why):
                return TryLater(why, unreached=why != INVALID)
            case Unknown(why):
                return Uncertain(why)
            case Reply(status, _, body) if status == _OK:
                return _read(body, jitter)
            case Reply(status):
                return Uncertain(f"HTTP {status} from the SMS gateway")


def _read(body: bytes, jitter: float) -> Outcome:
    try:
        answer = json.loads(body)
        code = int(answer["CodeResult"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return Uncertain("an answer of the SMS gateway that is not understood")
    if code == _ACCEPTED:
        number = answer.get("SMSID")
        if isinstance(number, str) and number.isascii() and number.isprintable() and 0 < len(number) <= 100:  # noqa: PLR2004 (real ones have about 36)
            return Sent(number)
        return Uncertain("accepted by the SMS gateway without a message id", 0)
    meaning = CODES.get(code)
    return meaning(code, jitter) if meaning else Refused(f"unknown code {code} from the SMS gateway", code)
