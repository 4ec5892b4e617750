"""Building the services from the settings: the one place where the worker's parts are put together."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property

from sqlalchemy import Engine

from config.settings import ROOT, VAR, Settings, SettingsError
from worker.channels import CHANNELS, Means
from worker.channels.budget import Budget
from worker.channels.channel import Channel
from worker.channels.policy import Left, NotYet, Terms
from worker.channels.sms import GATEWAYS
from worker.channels.sms.channel import sms_text
from worker.channels.zalo.conversation import Conversation
from worker.channels.zalo.tokens import Tokens
from worker.domain.flow import MOST
from worker.domain.forms import Filled, FormError, Forms
from worker.domain.letters import Facts, Letters
from worker.domain.link import check_payment_base, payment_link
from worker.domain.notice import Notice
from worker.domain.retry import Patience
from worker.ledger.clock import LedgerClock
from worker.ledger.credentials import Credentials
from worker.ledger.engine import open_ledger
from worker.ledger.people import People
from worker.ledger.sealing import Sealer
from worker.queue.breaker import Breaker
from worker.queue.connection import open_redis
from worker.queue.holds import Holds
from worker.queue.limits import Limit, Limiter
from worker.queue.marks import Marks
from worker.queue.schedule import Schedule
from worker.wire.curl import CurlWire
from worker.wire.plain import RequestsWire
from worker.wire.protocol import Wire

TEMPLATES = ROOT / "templates"


@dataclass
class Services:
    """Everything that the story of a delivery needs; each part is made when it is first used."""

    settings: Settings
    _remaining: int | None = field(default=None, init=False)  # the fewest calls that Zalo said are left of the limit

    def __post_init__(self) -> None:
        """A payment link to a foreign host is a fault of the settings, found before anybody is sent there (R22)."""
        try:
            check_payment_base(self.settings.payment_url, self.settings.payment_hosts)
        except ValueError as error:
            raise SettingsError([f"HCC_PAYMENT_URL: {error}"]) from None

    @cached_property
    def name(self) -> str:
        """Who moved a notice, as history tells it: host and process."""
        return f"worker {platform.node()}/{os.getpid()}"

    @cached_property
    def ledger(self) -> Engine:
        return open_ledger(self.settings.database_url, name="hcc worker")

    @cached_property
    def clock(self) -> LedgerClock:
        return LedgerClock(self.ledger)

    @cached_property
    def sealer(self) -> Sealer:
        return Sealer(self.settings.secret_keys)

    @cached_property
    def people(self) -> People:
        return People.of(self.ledger, self.sealer)

    @cached_property
    def credentials(self) -> Credentials:
        return Credentials(self.sealer)

    @cached_property
    def letters(self) -> Letters:
        return Letters(TEMPLATES)

    @cached_property
    def wire(self) -> Wire:
        """For the ordinary calls: tokens, templates, followers."""
        return RequestsWire(self.settings.answer_seconds)

    @cached_property
    def look_ups(self) -> Wire:
        """For looking into conversations, many at once."""
        return CurlWire(self.settings.answer_seconds)

    def open_sender(self) -> Wire:
        """A wire for sends, hundreds at once; to be opened in the process and thread that uses it."""
        return CurlWire(self.settings.answer_seconds, MOST)

    @cached_property
    def tokens(self) -> Tokens:
        return Tokens(
            self.ledger,
            self.credentials,
            self.wire,
            oauth_url=self.settings.zalo_oauth_url,
            app_id=self.settings.zalo_app_id,
            app_secret=self.settings.zalo_app_secret,
        )

    @cached_property
    def channels(self) -> dict[str, Channel]:
        """The configured channels, in their order of preference."""
        known = self.settings
        means = Means(
            self.tokens,
            known.zalo_openapi_url,
            known.zalo_business_url,
            self._note_remaining,
            self.fill,
            self.sealer.open,
            GATEWAYS[known.sms_gateway](known.sms_url, known.sms_api_key, known.sms_secret_key, known.sms_brandname),
            known.sms_accents,
            VAR / "paper",
        )
        return {name: CHANNELS[name](means) for name in known.all_channels}

    @cached_property
    def forms(self) -> Forms:
        return Forms(TEMPLATES, self.letters, self.settings.zalo_templates)

    @cached_property
    def budget(self) -> Budget:
        return Budget(self.settings.budget_messages, self.settings.budget_dong, self.settings.budget_alarm_percent)

    def fill(self, notice: Notice) -> Filled:
        """The data of the approved template of a notice's kind. Raises `FormError`."""
        return self.forms.fill(notice.kind, self.facts(notice))

    def terms(self, left: Mapping[str, Left], held: Mapping[str, NotYet]) -> Terms:
        """The terms of a choice of channel at this moment: what the day's budgets have left, what is held for long."""
        known = self.settings
        return Terms(
            now=self.clock.now(),
            order=lambda kind: known.kind_channels.get(kind, known.channels),
            quiet=known.quiet,
            pays_for_cs=known.zalo_cs_paid,
            prices=known.prices,
            left=left,
            held=held,
            form_fault=self._form_fault,
            sms_text=lambda text: sms_text(text, accents=known.sms_accents),
            sms_segments=known.sms_max_segments,
        )

    def _form_fault(self, notice: Notice) -> str | None:
        try:
            self.fill(notice)
        except FormError as fault:
            return str(fault)
        return None

    @cached_property
    def conversation(self) -> Conversation:
        return Conversation(self.look_ups, self.settings.zalo_openapi_url)

    @cached_property
    def limiter(self) -> Limiter:
        return Limiter(open_redis(self.settings.redis_url))

    @cached_property
    def holds(self) -> Holds:
        return Holds(open_redis(self.settings.redis_url))

    @cached_property
    def marks(self) -> Marks:
        return Marks(open_redis(self.settings.redis_url))

    @cached_property
    def breaker(self) -> Breaker:
        return Breaker(open_redis(self.settings.redis_url))

    @cached_property
    def schedule(self) -> Schedule:
        return Schedule(open_redis(self.settings.redis_url))

    @cached_property
    def patience(self) -> Patience:
        return Patience(
            base=self.settings.retry_base_seconds,
            cap=self.settings.retry_cap_seconds,
            max_age=timedelta(hours=self.settings.max_age_hours),
        )

    def limits(self, oa: str) -> tuple[Limit, Limit]:
        """The limits a send of this OA counts against: the app's (Zalo: 4,000 a minute) and the OA's own."""
        rate = self.settings.zalo_rate_per_minute
        return Limit(f"app:{self.settings.zalo_app_id}", rate), Limit(f"oa:{oa}", rate)

    def _note_remaining(self, remaining: int) -> None:
        self._remaining = remaining if self._remaining is None else min(self._remaining, remaining)

    def correct_limit(self) -> None:
        """Zalo counts calls that we do not know of, too; what it says is left is never overrun. Raises `QueueDown`."""
        remaining, self._remaining = self._remaining, None
        if remaining is not None:
            self.limiter.correct(self.limits(self.settings.zalo_oa_id)[0], remaining)

    def facts(self, notice: Notice) -> Facts:
        """What the texts of this notice may tell."""
        settings = self.settings
        fee = notice.amount is not None
        link = payment_link(settings.payment_url, notice.code, settings.payment_hosts) if fee else None
        return Facts(
            notice.code, notice.amount, notice.appointment_at, link, notice.deadline_at, notice.reason,
            notice.stories, notice.digest,
        )  # fmt: skip

    def close(self) -> None:
        """Give back connections; used by short-lived commands and tests."""
        for wire in ("wire", "look_ups"):
            if wire in self.__dict__:
                self.__dict__[wire].close()
        if "ledger" in self.__dict__:
            self.ledger.dispose()
