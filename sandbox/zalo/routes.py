"""The table of all existing calls, with the functions for their steps."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sandbox.zalo import chats, cs, oauth, recipients, register, uid, users, zns
from sandbox.zalo.call import Call
from sandbox.zalo.codes import Body, Host, Refusal
from sandbox.zalo.oauth import Redirect

Step = Callable[[Call], None]


@dataclass(frozen=True, slots=True)
class Route:
    """The steps of a call: `read` parses and checks the parameters; `carry_out` changes the state and answers."""

    host: Host
    read: Step
    carry_out: Callable[[Call], Body | Redirect]
    recipient: Step | None = None
    night: Step | None = None
    money: Step | None = None


def _shut_down(_call: Call) -> None:
    raise Refusal(-240)


def _discontinued(_call: Call) -> None:
    """Zalo announced the end of these paths for 2026-03-01, but not their answer since then."""
    raise Refusal(-233)


def _dead(step: Step) -> Route:
    return Route(Host.OPENAPI, step, cs.send)


ROUTES: Mapping[tuple[str, str], Route] = {
    # oauth.zaloapp.com
    ("GET", "/v4/oa/permission"): Route(Host.OAUTH, oauth.read_permission, oauth.permission),
    ("POST", "/v4/oa/access_token"): Route(Host.OAUTH, oauth.read_token_request, oauth.access_token),
    # openapi.zalo.me, sending
    ("POST", "/v3.0/oa/message/cs"): Route(
        Host.OPENAPI, cs.read, cs.send, recipient=recipients.inside_window, money=cs.money
    ),
    ("POST", "/v3.0/oa/message/template"): Route(
        Host.OPENAPI, uid.read, uid.send, recipient=recipients.reachable, night=uid.night, money=cs.money
    ),
    ("POST", "/v3.0/oa/message/transaction"): _dead(_discontinued),
    ("POST", "/v3.0/oa/message/promotion"): _dead(_discontinued),
    ("POST", "/v2.0/oa/message"): _dead(_shut_down),
    # openapi.zalo.me, asking
    ("GET", "/v2.0/oa/conversation"): Route(
        Host.OPENAPI, chats.read_conversation, chats.conversation, recipient=recipients.known
    ),
    ("GET", "/v2.0/oa/listrecentchat"): Route(Host.OPENAPI, chats.read_recent, chats.recent),
    ("GET", "/v2.0/oa/getoa"): Route(Host.OPENAPI, users.read_nothing, users.getoa),
    ("GET", "/v3.0/oa/user/detail"): Route(Host.OPENAPI, users.read_detail, users.detail, recipient=recipients.known),
    ("GET", "/v3.0/oa/user/getlist"): Route(Host.OPENAPI, users.read_getlist, users.getlist),
    ("POST", "/v3.0/oa/quota/message"): Route(Host.OPENAPI, users.read_quota, users.quota, recipient=recipients.known),
    # business.openapi.zalo.me
    ("POST", "/message/template"): Route(
        Host.BUSINESS, zns.read, zns.send, recipient=zns.recipient, night=zns.night, money=zns.money
    ),
    ("GET", "/message/status"): Route(Host.BUSINESS, zns.read_status, zns.status),
    ("GET", "/message/quota"): Route(Host.BUSINESS, zns.read_quota, zns.quota),
    ("GET", "/template/all"): Route(Host.BUSINESS, register.read_list, register.list_all),
    ("GET", "/template/info/v2"): Route(Host.BUSINESS, register.read_info, register.info),
}
