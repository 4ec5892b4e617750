"""The complete state of this Zalo, in memory."""

from collections import Counter
from dataclasses import dataclass, field, replace

from sandbox.zalo.clock import Clock
from sandbox.zalo.faults import Faults
from sandbox.zalo.messages import Messages
from sandbox.zalo.people import People
from sandbox.zalo.rate import Rate
from sandbox.zalo.stats import Stats
from sandbox.zalo.switches import Switches
from sandbox.zalo.templates import Templates
from sandbox.zalo.tokens import Grant, Tokens


@dataclass(frozen=True)
class Identity:
    """The single App, its default OA, and the secret that signs its webhooks."""

    app_id: str = "3605180934221887501"
    app_secret: str = "hop-cat-app-secret"  # noqa: S105 (a secret of nobody)
    oa_id: str = "2893352839501541173"
    oa_name: str = "Hành chính công tỉnh Hà Tĩnh"
    oa_secret: str = "hop-cat-oa-secret"  # noqa: S105 (a secret of nobody)


@dataclass(slots=True)
class World:
    identity: Identity = field(default_factory=Identity)
    initial: Switches = field(default_factory=Switches)
    tokens: Tokens = field(default_factory=Tokens)
    messages: Messages = field(default_factory=Messages)
    switches: Switches = field(init=False)
    people: People = field(init=False)
    templates: Templates = field(init=False)
    faults: Faults = field(init=False)
    stats: Stats = field(init=False)
    clock: Clock = field(init=False)
    rate: Rate = field(init=False)
    sent_today: Counter[tuple[str, str]] = field(init=False)  # sends by phone, by day and template

    def __post_init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Reset to the initial state. Tokens stay valid, so that a running client need not be connected again."""
        self.switches = replace(self.initial)
        self.people, self.templates = People(), Templates()
        self.faults, self.stats = Faults(), Stats()
        self.clock, self.rate = Clock(), Rate()
        self.sent_today = Counter()
        self.messages.clear()

    def grant(self, oa_id: str = "", oa_name: str = "") -> Grant:
        """A new consent, of the default OA if none is named."""
        return Grant(oa_id or self.identity.oa_id, oa_name or self.identity.oa_name)
