"""Stores the accepted messages in order of acceptance, for tests and the page."""

import asyncio
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

KEPT_MESSAGES = 100_000


@dataclass(frozen=True, slots=True)
class Message:
    """One accepted message. `at` is real time; `moment` is the time by this Zalo's clock."""

    seq: int
    message_id: str
    channel: str  # zalo_cs | zalo_template | zns | user (a person wrote to the OA)
    oa_id: str
    user_id: str
    phone: str
    name: str
    text: str
    template_id: str
    template_data: dict[str, Any]
    attachment: dict[str, Any]
    tracking_id: str
    at: float
    moment: float


class Messages:
    """The last hundred thousand messages, indexed by number, by id and by person."""

    def __init__(self) -> None:
        self.last = 0
        self._by_seq: dict[int, Message] = {}
        self._by_id: dict[str, Message] = {}
        self._by_user: dict[str, deque[Message]] = {}
        self._waiters: set[asyncio.Future[None]] = set()

    def append(self, message_id: str, channel: str, **fields: Any) -> Message:
        """Accept a message and wake the waiters; fields not given are empty."""
        self.last += 1
        blank = {"user_id": "", "phone": "", "name": "", "text": "", "template_id": "", "tracking_id": ""}
        message = Message(
            seq=self.last,
            message_id=message_id,
            channel=channel,
            at=time.time(),
            **(blank | {"template_data": {}, "attachment": {}} | fields),
        )
        self._by_seq[message.seq] = self._by_id[message_id] = message
        self._by_user.setdefault(message.user_id or message.phone, deque()).append(message)
        if len(self._by_seq) > KEPT_MESSAGES:
            self._forget(next(iter(self._by_seq)))
        self._wake()
        return message

    def find(self, message_id: str) -> Message | None:
        return self._by_id.get(message_id)

    def newest_first(self, user_id: str | None = None) -> Iterator[Message]:
        """The messages of one person or of all, newest first."""
        if user_id is not None:
            yield from reversed(self._by_user.get(user_id, ()))
            return
        yield from reversed(self._by_seq.values())

    def after(self, seq: int, limit: int, user_id: str | None = None) -> list[Message]:
        """The messages with a greater number, oldest first; a number from before `clear` counts as 0."""
        seq = 0 if seq > self.last else seq
        if user_id is not None:
            return [message for message in self._by_user.get(user_id, ()) if message.seq > seq][:limit]
        first = max(seq, self.last - len(self._by_seq)) + 1
        return [self._by_seq[number] for number in range(first, min(self.last, first + limit - 1) + 1)]

    async def wait_for(self, seq: int, limit: int, user_id: str | None, patience: float) -> list[Message]:
        """The messages after `seq` as soon as there is one, or none after `patience` seconds."""
        deadline = time.monotonic() + patience
        while not (found := self.after(seq, limit, user_id)) and (left := deadline - time.monotonic()) > 0:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.add(waiter)
            await asyncio.wait([waiter], timeout=left)
            self._waiters.discard(waiter)
        return found

    def age(self, seconds: float) -> None:
        """Make all accepted messages older by so many seconds, by this Zalo's clock."""
        aged = {seq: replace(message, moment=message.moment - seconds) for seq, message in self._by_seq.items()}
        self._by_seq = aged
        self._by_id = {message.message_id: message for message in aged.values()}
        self._by_user = {key: deque(aged[message.seq] for message in kept) for key, kept in self._by_user.items()}

    def clear(self) -> None:
        """Forget all messages; numbers begin again at 1."""
        self.last = 0
        for index in (self._by_seq, self._by_id, self._by_user):
            index.clear()
        self._wake()

    def _wake(self) -> None:
        for waiter in self._waiters:
            waiter.set_result(None)
        self._waiters.clear()

    def _forget(self, seq: int) -> None:
        message = self._by_seq.pop(seq)
        del self._by_id[message.message_id]
        key = message.user_id or message.phone
        self._by_user[key].popleft()
        if not self._by_user[key]:
            del self._by_user[key]


NAMES = tuple(field.name for field in fields(Message))


def as_json(message: Message) -> dict[str, Any]:
    return {name: getattr(message, name) for name in NAMES}
