"""Zalo's refusals: HTTP 200 with a negative `error` and Zalo's own wording, spelling included.

The same number means different things on different hosts, so there is one table per host.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Any, TypeAlias

Body: TypeAlias = dict[str, Any]

OPENAPI_CODES: Mapping[int, str] = {
    -32: "Your application reached limit call api",
    -200: "Send message failed",
    -201: "Parameter is invalid!",
    -204: "Offical Account is disable",
    -205: "Offical Account is not exist",
    -209: "Not supported this api",
    -210: "Parameter exceeds allowable limit",
    -211: "Out of quota",
    -212: "App has not registed this api",
    -213: "User has not followed OA",
    -216: "Access token is invalid",
    -217: "User has blocked invitation from OA",
    -218: "Out of quota receive",
    -219: "App is removed or disabled",
    -220: "access_token is expired or removed",
    -221: "The OA needs to be verified to use this feature",
    -223: "Official Account has not authorized this API",
    -224: "The OA needs to upgrade OA Tier Package to use this feature",
    -227: "User is banned or has been inactive for more than 45 days",
    -230: "User has not interacted with the OA in the past 7 days",
    -232: "User has not interacted with the OA, or the last interaction has expired",
    -233: "message type is invalid or not support",
    -234: "This message cannot be sent at night (10:00PM - 6:00AM)",
    -235: "This API does not support this type of OA",
    -240: "MessageV2 API has been shut down, please switch to MessageV3",
    -242: "Invalid appsecret_proof provided in the API argument",
    -244: "User has restricted this message type from your OA",
    -248: "Violates our platform standards",
    -249: "Template does not support send via UID",
    -320: "Your app needs to connect with Zalo Cloud Account to use paid features",
    -321: "Zalo Cloud Account is out of money or unable to be charged",
}

BUSINESS_CODES: Mapping[int, str] = {
    -32: "Your application reached limit call api",
    -100: "Unknown error, please try again later",
    -101: "App is invalid",
    -103: "App is not activated",
    -105: "App is not linked to an OA",
    -107: "Message id is invalid",
    -108: "Phone number is invalid",
    -109: "Template id is invalid",
    -111: "Template data is empty",
    -112: "Template data type is undefined",
    -1121: "Template data exceeds the maximum length",
    -1122: "Template data is missing a parameter",
    -1124: "Template data format is invalid",
    -114: "User is inactive, or reject the message, or using an outdated Zalo version, or other internal errors",
    -115: "Out of quota",
    -117: "OA has no permission to use this template",
    -118: "Zalo account does not exist or is disabled",
    -119: "Account cannot receive this message",
    -120: "OA has no permission to use this feature",
    -121: "Request body is empty",
    -122: "Request body is not in JSON format",
    -124: "Access token invalid",
    -1241: "appsecret_proof is invalid",
    -131: "Template is not approved",
    -132: "Parameter is invalid",
    -133: "This template cannot be sent at night (10:00PM - 6:00AM)",
    -135: "OA is not allowed to send",
    -137: "Charging the Zalo Cloud Account failed",
    -138: "App has no permission to use this feature",
    -139: "User refuses this type of message",
    -141: "User refuses messages from this OA",
    -144: "OA reached its daily limit",
    -146: "Template is disabled because of low quality",
    -147: "Template reached its daily limit",
    -161: "sending_mode is not allowed",
}

OAUTH_CODES: Mapping[int, str] = {
    -14002: "Invalid appId",
    -14003: "Invalid redirect uri",
    -14004: "Invalid secret key",
    -14005: "Invalid code",
    -14014: "Invalid refresh token.",
    -14018: "Invalid grant type",
}


class Host(Enum):
    """Zalo's hosts, each with its table."""

    OAUTH = "oauth"
    OPENAPI = "openapi"
    BUSINESS = "business"


WORDING: Mapping[Host, Mapping[int, str]] = {
    Host.OAUTH: OAUTH_CODES,
    Host.OPENAPI: OPENAPI_CODES,
    Host.BUSINESS: BUSINESS_CODES,
}


class Refusal(Exception):  # noqa: N818 (it is an answer, not an error of ours)
    """Refuses a call, which then is not executed."""

    def __init__(self, code: int, message: str = "") -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message

    def body(self, host: Host) -> Body:
        """As Zalo words it: an envelope without `data`, or the flat one of the OAuth host."""
        message = self.message or WORDING[host].get(self.code, "Unknown error")
        return _flat(self.code, message) if host is Host.OAUTH else {"error": self.code, "message": message}


def invalid(field: str) -> Refusal:
    """The OA host names the field."""
    return Refusal(-201, f"{field} is invalid!")


def success(data: Any) -> Body:
    """The envelope of the OA host; the recorded replies begin with `data`."""
    return {"data": data, "error": 0, "message": "Success"}


def _flat(code: int, name: str) -> Body:
    body = {"error": code, "error_name": name, "error_description": name, "error_reason": "", "ref_doc": ""}
    # A failed refresh was once recorded with empty tokens next to the code, which a careless client would store.
    return body | {"access_token": "", "refresh_token": ""} if code == -14014 else body  # noqa: PLR2004 (said in the line above)
