"""Tables of Zalo's error codes: one per host, because the same number means different things on different hosts.

Sources: "Mã lỗi OA" (openapi.zalo.me), "ZNS error codes" (business.openapi.zalo.me). For oauth.zaloapp.com there is no
official table; its rows were seen in replies. The comment at each code gives Zalo's wording, in Zalo's spelling.
`reason` is our own text, shown to operators. A code without a row is `UNKNOWN`: the notice is parked and reported,
never retried in a loop.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from worker.channels.row import CodeEffect


class Host(StrEnum):
    """The host that sent the answer."""

    OPENAPI = "openapi.zalo.me"
    BUSINESS = "business.openapi.zalo.me"
    OAUTH = "oauth.zaloapp.com"


class Meaning(StrEnum):
    """The action that a code requires. Every refusal except `UNSTATED` proves that this call sent nothing."""

    RATE = "rate"  # too many calls; documented as not executed
    LATER = "later"  # nothing was sent; it may work later
    UNSTATED = "unstated"  # it failed; it is not documented whether anything was sent
    TOKEN = "token"  # renew the access token, then retry  # noqa: S105 (a word, not a secret)
    GRANT = "grant"  # only a person's new consent helps
    QUOTA = "quota"  # wait for the next quota period, or for somebody to pay
    NIGHT = "night"  # not allowed between 22:00 and 06:00 in Vietnam
    RECIPIENT = "recipient"  # this person cannot be reached this way
    REQUEST = "request"  # this message will never be accepted
    CONFIG = "config"  # app, OA or template is set up wrongly: nothing is wrong with the notice
    UNKNOWN = "unknown"  # not in the tables


class Scope(StrEnum):
    """The scope of a `QUOTA`, `NIGHT`, `CONFIG` or `RATE` answer."""

    PERSON = "person"
    TEMPLATE = "template"
    OA = "oa"
    APP = "app"


class QuotaPeriod(StrEnum):
    """When a quota is refilled."""

    DAY = "day"
    MONTH = "month"
    MONEY = "money"  # when somebody pays, at an unknown time


@dataclass(frozen=True, slots=True)
class CodeRow:
    """A row of a table. `reason` never contains anything of a person or a message."""

    meaning: Meaning
    reason: str
    scope: Scope = Scope.OA
    period: QuotaPeriod = QuotaPeriod.DAY


_TOO_MANY: Final = -32  # "reached limit call api", in two wordings; the call was not executed
_UNKNOWN_USER: Final = -201  # if the wording names the recipient

BUSINESS_CODES: Final = {_TOO_MANY: CodeEffect.LIMIT_REACHED}
OPENAPI_CODES: Final = BUSINESS_CODES | {_UNKNOWN_USER: CodeEffect.UNKNOWN_USER}
INTERACTION_CODES: Final = dict.fromkeys((-230, -232), CodeEffect.WINDOW_CLOSED)
"""What codes mean for other notices, for the rows of the channels."""


def look_up(host: Host, code: int, wording: str = "") -> CodeRow:
    """The row of a code. `wording` is Zalo's message: some codes have two meanings that only the text distinguishes."""
    said = wording.casefold()
    for part, answer in _BY_WORDING.get((host, code), {}).items():
        if part in said:
            return answer
    return TABLES[host].get(code) or CodeRow(Meaning.UNKNOWN, f"unknown code {code} from {host}")


def reason_of(host: Host, code: int) -> str:
    """What a code means, as it is stored with a notice, where Zalo's message is not at hand."""
    return look_up(host, code).reason


def _rate(reason: str, scope: Scope) -> CodeRow:
    return CodeRow(Meaning.RATE, reason, scope)


def _later(reason: str) -> CodeRow:
    return CodeRow(Meaning.LATER, reason)


def _unstated(reason: str) -> CodeRow:
    return CodeRow(Meaning.UNSTATED, reason)


def _token(reason: str) -> CodeRow:
    return CodeRow(Meaning.TOKEN, reason)


def _grant(reason: str) -> CodeRow:
    return CodeRow(Meaning.GRANT, reason)


def _quota(reason: str, scope: Scope, period: QuotaPeriod) -> CodeRow:
    return CodeRow(Meaning.QUOTA, reason, scope, period)


def _night(reason: str) -> CodeRow:
    # It applies to the type of message or template: others may still be sent at night.
    return CodeRow(Meaning.NIGHT, reason, Scope.TEMPLATE)


def _recipient(reason: str) -> CodeRow:
    return CodeRow(Meaning.RECIPIENT, reason, Scope.PERSON)


def _request(reason: str) -> CodeRow:
    return CodeRow(Meaning.REQUEST, reason, Scope.PERSON)


def _config(reason: str, scope: Scope) -> CodeRow:
    return CodeRow(Meaning.CONFIG, reason, scope)


# Zalo: "Mã lỗi OA". The last five are in older tables only. These also contain -207, -208, -231, -20009 and -20109,
# whose wording is not known: they remain unknown.
OPENAPI: Final[Mapping[int, CodeRow]] = {
    # "Your application reached limit call api" / "Your OA reached limit call api"; "call not executed"
    -32: _rate("the app reached its limit of calls", Scope.APP),
    # "attachment_id was expired"
    -100: _request("the attachment has expired"),
    # "Send message failed"
    -200: _unstated("Zalo failed to send and does not say whether anything went out"),
    # "<field> is invalid!"; also seen for a wrong user_id
    -201: _request("a field of the request is invalid"),
    # "Offical Account is disable"
    -204: _config("the OA is disabled", Scope.OA),
    # "Offical Account is not exist"
    -205: _config("the OA does not exist", Scope.OA),
    # "Not supported this api": the app is not activated
    -209: _config("the app is not activated", Scope.APP),
    # "Parameter exceeds allowable limit"
    -210: _request("a field of the request is too long or too large"),
    # "Out of quota"
    -211: _quota("the OA's quota is used up", Scope.OA, QuotaPeriod.DAY),
    # "App has not registed this api"
    -212: _config("the app is not registered for this API", Scope.APP),
    # "User has not followed OA"
    -213: _recipient("does not follow the OA"),
    # "Article is being processed"
    -214: _later("the article is still being processed"),
    # "Access token is invalid"
    -216: _token("the access token is invalid"),
    # "User has blocked invitation from OA"
    -217: _recipient("has blocked invitations from the OA"),
    # "Out of quota receive": what this person may receive in a day
    -218: _quota("has received as many messages as allowed today", Scope.PERSON, QuotaPeriod.DAY),
    # "App is removed or disabled"
    -219: _config("the app is removed or disabled", Scope.APP),
    # "access_token is expired or removed"
    -220: _token("the access token has expired or was replaced"),
    # "The OA needs to be verified to use this feature"
    -221: _config("the OA is not verified", Scope.OA),
    # "Official Account has not authorized this API"; the other wording is below
    -223: _config("the OA has not authorised the app for this API", Scope.OA),
    # "The OA needs to upgrade OA Tier Package to use this feature"
    -224: _config("the OA's package does not include this feature", Scope.OA),
    # "User is banned or has been inactive for more than 45 days"
    -227: _recipient("is banned or has been inactive for more than 45 days"),
    # "User has not interacted with the OA in the past 7 days"
    -230: _recipient("has not interacted within 7 days"),
    # "User has not interacted with the OA, or the last interaction has expired"
    -232: _recipient("has not interacted, or too long ago"),
    # "message type is invalid or not support"
    -233: _request("the type of message is invalid or not supported"),
    # "This message cannot be sent at night (10:00PM - 6:00AM)": these hours are Vietnam's
    -234: _night("this message may not be sent at night"),
    # "This API does not support this type of OA"
    -235: _config("the API does not support this type of OA", Scope.OA),
    # "The group is disabled"
    -237: _config("the group is disabled", Scope.OA),
    # "asset_id is already used / is disabled"
    -238: _request("the asset is used or disabled"),
    # "MessageV2 API has been shut down, please switch to MessageV3"
    -240: _config("this version of the API has been shut down", Scope.APP),
    # "asset_id is already used"
    -241: _request("the asset is already used"),
    # "Invalid appsecret_proof provided in the API argument"
    -242: _config("the proof of the app's secret is invalid", Scope.APP),
    # "User has restricted this message type from your OA"
    -244: _recipient("has restricted this type of message from the OA"),
    # "Violates our platform standards"
    -248: _request("violates Zalo's platform standards"),
    # "Template does not support send via UID": not the person's fault, but with the same consequence: the next channel
    -249: _recipient("the template cannot be sent by user id"),
    # "Your app needs to connect with Zalo Cloud Account to use paid features"
    -320: _config("the app is not connected with a Zalo Cloud Account", Scope.APP),
    # "Zalo Cloud Account … out of money or unable to be charged"
    -321: _quota("the Zalo Cloud Account is out of money or cannot be charged", Scope.APP, QuotaPeriod.MONEY),
    # "OA is not in group"
    -403: _request("the OA is not in the group"),
    # "Cannot find this form"
    -1340: _request("the form cannot be found"),
    # "Official Account has no access to this form"
    -1341: _request("the OA has no access to the form"),
    # "Invalid Mac"
    -202: _config("the proof of the request is invalid", Scope.APP),
    # "Invalid App ID"
    -215: _config("the app id is invalid", Scope.APP),
    # as -227
    -222: _recipient("is banned or has been inactive"),
    # reply after 48 hours
    -305: _recipient("has not interacted within 48 hours"),
    # reply quota
    -311: _quota("has received as many replies as allowed", Scope.PERSON, QuotaPeriod.DAY),
}

# Zalo: "ZNS error codes" (today: ZBS Template Message by phone).
BUSINESS: Final[Mapping[int, CodeRow]] = {
    # not in this table; the platform's general answer to too many calls
    -32: _rate("the app reached its limit of calls", Scope.APP),
    # unknown error, try later
    -100: _unstated("Zalo failed and does not say whether anything went out"),
    -101: _config("the app is invalid", Scope.APP),  # App invalid
    -102: _config("the app does not exist", Scope.APP),  # App not existing
    -103: _config("the app is not activated", Scope.APP),  # App not activated
    -104: _config("the app's secret is invalid", Scope.APP),  # App secret invalid
    -105: _config("the app is not linked to an OA", Scope.APP),  # App not linked to an OA
    -106: _request("the method is not supported"),  # method not supported
    -107: _request("the message id is invalid"),  # message id invalid
    # phone invalid: the person cannot be reached here; there is no message to repair
    -108: _recipient("the phone number is invalid"),
    -109: _config("the template id is invalid", Scope.TEMPLATE),  # template id invalid
    -1091: _request("the template cannot be edited"),  # template cannot be edited
    -110: _recipient("has a version of Zalo that is not supported"),  # Zalo version not supported
    -111: _request("the template's data are empty"),  # template data empty
    -112: _request("the template's data have an undefined type"),  # template data type undefined
    -1121: _request("a value of the template's data is too long"),  # too long
    -1122: _request("a value of the template's data is missing"),  # missing param
    -1123: _request("the QR code could not be made"),  # QR failed
    -1124: _request("a value of the template's data has a bad format"),  # bad format
    -113: _request("the button is invalid"),  # button invalid
    -1131: _request("the button's link is invalid"),  # link invalid
    -1132: _request("the button is missing"),  # CTA missing
    # "User is inactive, or reject the message, or using an outdated Zalo version, or other internal errors"
    -114: _recipient("is inactive, rejects the message or uses an outdated Zalo"),
    -115: _quota("the quota or balance is used up", Scope.OA, QuotaPeriod.MONEY),  # out of quota / balance
    -116: _request("the text is invalid"),  # text invalid
    -117: _config("the OA may not use this template", Scope.TEMPLATE),  # no permission for the template
    -118: _recipient("has no Zalo account"),  # no Zalo account (or disabled > 30 d)
    -119: _recipient("the account cannot receive messages"),  # account cannot receive
    -120: _config("the OA lacks the permission", Scope.OA),  # OA lacks permission
    -1201: _config("the OA may not send templates of tag 3", Scope.TEMPLATE),  # … tag 3
    -1202: _config("the OA may not send templates with media", Scope.TEMPLATE),  # … media
    -121: _request("the request is empty"),  # body empty
    -122: _request("the request is not JSON"),  # not JSON
    -123: _request("the encrypted request cannot be decoded"),  # RSA decode failed
    -124: _token("the access token is invalid"),  # "Access token invalid"
    -1241: _config("the proof of the app's secret is invalid", Scope.APP),  # appsecret_proof invalid
    -125: _config("the OA's id is invalid", Scope.OA),  # OA id invalid
    -126: _quota("the development wallet is used up", Scope.OA, QuotaPeriod.MONEY),  # development wallet out of quota
    -127: _config("a test template goes to admins only", Scope.TEMPLATE),  # test template only to admins
    -128: _config("the encryption key is missing", Scope.OA),  # key missing
    -129: _config("the encryption key could not be made", Scope.OA),  # key generation failed
    -130: _request("the content is too long"),  # content too long (> 100k)
    -131: _config("the template is not approved", Scope.TEMPLATE),  # template not approved
    -132: _request("a parameter is invalid"),  # parameter invalid
    -133: _night("this template may not be sent at night"),  # not at night
    -134: _recipient("has not agreed to receive"),  # no opt-in answer (unused)
    -135: _config("the OA may not send: not verified, or a free package", Scope.OA),  # OA may not send
    -1351: _config("the OA is blocked", Scope.OA),  # OA blocked
    -136: _config("no Zalo Cloud Account is connected", Scope.APP),  # ZCA needed
    -137: _quota("the Zalo Cloud Account could not be charged", Scope.APP, QuotaPeriod.MONEY),  # charge failed
    -138: _config("the app lacks the permission", Scope.APP),  # App lacks permission
    -1381: _config("the app lacks the permission of an extension", Scope.APP),  # extension permission
    -139: _recipient("refuses this type of content"),  # user refuses this content type
    -140: _recipient("may not receive this message"),  # user not eligible
    -141: _recipient("refuses messages of this OA"),  # user refuses this OA
    -142: _config("the RSA key is missing", Scope.OA),  # RSA key missing
    -143: _config("an RSA key exists already", Scope.OA),  # RSA key exists
    -144: _quota("the OA's messages of the day are used up", Scope.OA, QuotaPeriod.DAY),  # OA daily limit
    # OA monthly promotion limit: concerns promotion templates only, all others may continue
    -1441: _quota("the OA's promotions of the month are used up", Scope.TEMPLATE, QuotaPeriod.MONTH),
    -145: _config("the OA may not send this type of template", Scope.TEMPLATE),  # type not allowed for this OA
    -146: _config("the template was disabled for low quality", Scope.TEMPLATE),  # template disabled, low quality
    -147: _quota(
        "the template's messages of the day are used up", Scope.TEMPLATE, QuotaPeriod.DAY
    ),  # template daily limit
    # user's monthly promotion limit: lasts longer than any notice is useful
    -1471: _recipient("has received the month's promotions"),
    -1472: _quota("has received the day's promotions", Scope.PERSON, QuotaPeriod.DAY),  # user's daily promotion limit
    -148: _request("the journey token is missing"),  # journey token missing
    -149: _request("the journey token is invalid"),  # invalid
    -1491: _request("the journey token is of the wrong type"),  # wrong type
    -150: _request("the journey token has expired"),  # expired
    -151: _request("the template is not end-to-end encrypted"),  # not E2EE
    -152: _later("the person's encryption key could not be fetched"),  # key fetch failed
    -153: _request("the data violate Zalo's rules"),  # data violates rules
    -158: _request("the file is too large"),  # file size
    -159: _request("the type of file is not allowed"),  # file type
    -160: _quota("the day's creations and uploads are used up", Scope.OA, QuotaPeriod.DAY),  # create/edit/upload limit
    -161: _request("the sending mode is not allowed for this OA"),  # sending_mode not allowed
    -162: _request("the sending mode is not for templates of tag 1 or 2"),  # sending_mode not for tag 1, 2
}

# oauth.zaloapp.com: the wording is `error_name`. Any other code but 0 on a refresh is terminal.
OAUTH: Final[Mapping[int, CodeRow]] = {
    -32: _rate("the app reached its limit of calls", Scope.APP),  # rate
    -118: _grant("the refresh token was refused"),  # "invalid_grant"
    -14002: _config("the app id is invalid or the app is not active", Scope.APP),  # "Invalid appId"
    -14003: _config("the redirect address is not the one in Zalo's console", Scope.APP),  # "Invalid redirect uri"
    -14004: _config("the app's secret is invalid", Scope.APP),  # invalid secret key
    -14005: _grant("the consent's code is invalid, expired or used"),  # code invalid, expired or reused
    -14014: _grant("the refresh token is used, expired or revoked"),  # "Invalid refresh token."
    -14018: _config("the type of grant is invalid", Scope.APP),  # grant type
    -14029: _config("the app is not approved or not active", Scope.APP),  # app not approved/active
}

TABLES: Final[Mapping[Host, Mapping[int, CodeRow]]] = {
    Host.OPENAPI: OPENAPI,
    Host.BUSINESS: BUSINESS,
    Host.OAUTH: OAUTH,
}

# Codes with two meanings: a part of Zalo's wording, in lower case, and the row that applies then.
_BY_WORDING: Final[Mapping[tuple[Host, int], Mapping[str, CodeRow]]] = {
    # "<field> is invalid!" for the recipient's field: the message is not at fault, the user was linked with a wrong id
    (Host.OPENAPI, _UNKNOWN_USER): dict.fromkeys(("user_id", "recipient"), _recipient("is no user of this OA")),
    # "Your OA reached limit call api": the limit of one OA, by its package
    (Host.OPENAPI, -32): {"your oa": _rate("the OA reached its limit of calls", Scope.OA)},
    # "Your OA has reach the limit quota create article"
    (Host.OPENAPI, -223): {"quota": _quota("the OA's quota of articles is used up", Scope.OA, QuotaPeriod.DAY)},
}
