"""Webhooks: sends the App the events that Zalo would send when a person does something, signed as Zalo documents.

`X-ZEvent-Signature: mac=<hex>` with hex = sha256(appId + body + timestamp + OA secret key), over the exact bytes.
All ids and the timestamp (ms) are strings.
"""

import hashlib
import json
import secrets
from collections.abc import Callable, Mapping
from typing import Any

import aiohttp

from sandbox.zalo.messages import Message
from sandbox.zalo.people import Person
from sandbox.zalo.world import World

# Zalo documents that a webhook must answer within two seconds.
PATIENCE = aiohttp.ClientTimeout(total=2)

Event = dict[str, Any]
Order = Mapping[str, Any]


def signature(app_id: str, body: bytes, timestamp: str, secret: str) -> str:
    """A plain SHA-256 of a concatenation, not an HMAC."""
    return "mac=" + hashlib.sha256(app_id.encode() + body + timestamp.encode() + secret.encode()).hexdigest()


async def send_event(world: World, order: Order) -> dict[str, Any]:
    """Apply the event to the state, then send it to `url`, `times` times with the same bytes.

    The order contains `event`, `url`, `user_id` and the event's own fields; `secret`, `signature`, `headers` and
    `timestamp` (ms) are optional. Returns the received statuses, and the body and signature sent. Raises ValueError.
    """
    kind = order.get("event", "")
    if kind not in EVENTS:
        raise ValueError(f"no event {kind!r}; there are {', '.join(EVENTS)}")
    app_id = world.identity.app_id
    timestamp = str(order.get("timestamp", int(world.clock.now() * 1000)))
    event = EVENTS[kind](world, order) | {"event_name": kind, "app_id": app_id, "timestamp": timestamp}
    body = json.dumps(event, ensure_ascii=False).encode()
    mac = order.get("signature", signature(app_id, body, timestamp, order.get("secret", world.identity.oa_secret)))
    headers = {"Content-Type": "application/json", "X-ZEvent-Signature": mac}
    if "delivery_time" in event.get("message", {}):
        headers["X-ZEvent-Server"] = "ZNS"
    headers |= order.get("headers", {})
    statuses = [await _post(order["url"], body, headers) for _ in range(int(order.get("times", 1)))]
    return {"statuses": statuses, "body": body.decode(), "signature": mac}


async def _post(url: str, body: bytes, headers: Mapping[str, str]) -> int:
    """The status; 0 if there was no answer in time."""
    try:
        async with (
            aiohttp.ClientSession(timeout=PATIENCE) as session,
            session.post(url, data=body, headers=headers) as answer,
        ):
            return answer.status
    except (aiohttp.ClientError, TimeoutError):
        return 0


def _follow(world: World, order: Order) -> Event:
    person = _person(world, order)
    person.follows, person.last_interaction = True, world.clock.now()
    return _about_following(world, person)


def _unfollow(world: World, order: Order) -> Event:
    person = _person(world, order)
    person.follows = False
    return _about_following(world, person)


def _user_send_text(world: World, order: Order) -> Event:
    person = _person(world, order)
    person.last_interaction = world.clock.now()
    message = world.messages.append(
        secrets.token_hex(10),
        "user",
        oa_id=world.identity.oa_id,
        user_id=person.user_id,
        name=person.display_name,
        text=str(order.get("text", "Xin chào")),
        moment=world.clock.now(),
    )
    return _from_user(world, person) | {"message": {"text": message.text, "msg_id": message.message_id}}


def _user_submit_info(world: World, order: Order) -> Event:
    person = _person(world, order)
    person.last_interaction = world.clock.now()
    person.shared = {"name": order.get("name", person.display_name), "phone": str(order["phone"])}
    info = person.shared | {"address": "", "city": "", "district": ""}
    return _from_user(world, person) | {"info": order.get("info", info)}


def _user_received_message(world: World, order: Order) -> Event:
    """The receipt. For a message by phone it names the phone and the `delivery_time`, otherwise the user id."""
    message = _message(world, order)
    if message.channel != "zns":
        return _to_user(world, message.user_id) | {"message": {"msg_id": message.message_id}}
    delivered = str(order.get("delivery_time", int(world.clock.now() * 1000)))
    about = {"delivery_time": delivered, "msg_id": message.message_id, "tracking_id": message.tracking_id}
    return _to_user(world, message.phone) | {"message": about}


def _user_seen_message(world: World, order: Order) -> Event:
    message = _message(world, order)
    return _to_user(world, message.user_id) | {"message": {"msg_ids": [message.message_id]}}


def _oa_send_text(world: World, order: Order) -> Event:
    """The echo of a message that the OA sent, including those sent over the API."""
    message = _message(world, order)
    return _to_user(world, message.user_id) | {"message": {"msg_id": message.message_id, "text": message.text}}


def _user_withdraw(world: World, order: Order) -> Event:
    person = _person(world, order)
    about = {"oa_id": world.identity.oa_id, "user_id": person.user_id, "user_id_by_app": person.user_id_by_app}
    person.follows, person.last_interaction, person.shared = False, None, {}
    return about


EVENTS: Mapping[str, Callable[[World, Order], Event]] = {
    "follow": _follow,
    "unfollow": _unfollow,
    "user_send_text": _user_send_text,
    "user_submit_info": _user_submit_info,
    "user_received_message": _user_received_message,
    "user_seen_message": _user_seen_message,
    "oa_send_text": _oa_send_text,
    "user_withdraw": _user_withdraw,
}


def _person(world: World, order: Order) -> Person:
    """The person of the event; registers them, so that they are known from then on."""
    user_id = str(order["user_id"])
    known = world.people.by_id(user_id, everybody=True, now=world.clock.now())
    person = known or Person(user_id)
    world.people.register(person)
    return person


def _message(world: World, order: Order) -> Message:
    message = world.messages.find(str(order["message_id"]))
    if message is None:
        raise ValueError(f"no message {order['message_id']!r} was accepted")
    return message


def _about_following(world: World, person: Person) -> Event:
    return {
        "oa_id": world.identity.oa_id,
        "follower": {"id": person.user_id},
        "user_id_by_app": person.user_id_by_app,
        "source": "oa_profile",
    }


def _from_user(world: World, person: Person) -> Event:
    parties = {"sender": {"id": person.user_id}, "recipient": {"id": world.identity.oa_id}}
    return parties | {"user_id_by_app": person.user_id_by_app}


def _to_user(world: World, recipient: str) -> Event:
    return {"sender": {"id": world.identity.oa_id}, "recipient": {"id": recipient}}
