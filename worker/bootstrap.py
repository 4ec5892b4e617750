"""Building the services of an OA from its settings: the one place where the worker's parts are put together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import Engine

from config.settings import VAR, Settings, SettingsError
from worker.channels import CHANNELS, Means
from worker.channels.budget import Budget
from worker.channels.channel import Channel
from worker.channels.policy import Left, NotYet, Terms
from worker.channels.sms import GATEWAYS
from worker.channels.sms.channel import sms_text
from worker.channels.zalo.conversation import Conversation
from worker.channels.zalo.tokens import Tokens
from worker.domain.forms import Filled, FormError, Forms
from worker.domain.kinds import PROOF_CODE
from worker.domain.letters import STARS, Facts, Letters
from worker.domain.link import check_payment_base, payment_link
from worker.domain.notice import Notice
from worker.domain.retry import Patience
from worker.ledger.clock import LedgerClock
from worker.ledger.credentials import Credentials
from worker.ledger.people import People
from worker.ledger.sealing import Sealer, SealError
from worker.once import Parts, once
from worker.queue.breaker import Breaker
from worker.queue.holds import Holds
from worker.queue.limits import Limit, Limiter
from worker.queue.marks import Marks
from worker.queue.schedule import Schedule
from worker.shared import TEMPLATES, Shared
from worker.wire.curl import CurlWire
from worker.wire.protocol import Wire

_LOOKUPS = 100  # connections at most; each is made when it is needed


class Services(Parts):
    """Everything that the story of a delivery needs, for one OA; each part is made when it is first used.

    What does not depend on the OA is `shared` with those of the other OAs; who gives none has it alone. Threads may
    share services, but for `lookups`, which is for one thread at a time.
    """

    def __init__(self, settings: Settings, shared: Shared | None = None) -> None:
        """A payment link to a foreign host is a fault of the settings, found before anybody is sent there (R22)."""
        super().__init__()
        try:
            check_payment_base(settings.payment_url, settings.payment_hosts)
        except ValueError as error:
            raise SettingsError([f"HCC_PAYMENT_URL: {error}"]) from None
        self.settings = settings
        self.shared = shared or Shared(settings)
        self._alone = shared is None
        self._remaining: int | None = None  # the fewest calls that Zalo said are left of the limit

    @property
    def oa(self) -> str:
        """The Zalo id of the OA that these serve."""
        return self.settings.zalo_oa_id

    name: once[str] = once(lambda self: self.shared.name)
    ledger: once[Engine] = once(lambda self: self.shared.ledger)
    clock: once[LedgerClock] = once(lambda self: self.shared.clock)
    sealer: once[Sealer] = once(lambda self: self.shared.sealer)
    people: once[People] = once(lambda self: self.shared.people)
    credentials: once[Credentials] = once(lambda self: self.shared.credentials)
    letters: once[Letters] = once(lambda self: self.shared.letters)
    wire: once[Wire] = once(lambda self: self.shared.wire)
    limiter: once[Limiter] = once(lambda self: self.shared.limiter)
    holds: once[Holds] = once(lambda self: self.shared.holds)
    marks: once[Marks] = once(lambda self: self.shared.marks)
    breaker: once[Breaker] = once(lambda self: self.shared.breaker)
    schedule: once[Schedule] = once(lambda self: self.shared.schedule)

    @once
    def tokens(self) -> Tokens:
        return Tokens(
            self.ledger,
            self.credentials,
            self.wire,
            oauth_url=self.settings.zalo_oauth_url,
            app_id=self.settings.zalo_app_id,
            app_secret=self.settings.zalo_app_secret,
        )

    @once
    def channels(self) -> dict[str, Channel]:
        """The configured channels, in their order of preference."""
        known = self.settings
        means = Means(
            self.tokens,
            known.zalo_openapi_url,
            known.zalo_business_url,
            self._note_remaining,
            self.fill,
            self.sealer.open_all,
            GATEWAYS[known.sms_gateway](known.sms_url, known.sms_api_key, known.sms_secret_key, known.sms_brandname),
            known.sms_accents,
            VAR / "paper",
        )
        return {name: CHANNELS[name](means) for name in known.all_channels}

    @once
    def forms(self) -> Forms:
        code = {PROOF_CODE: self.settings.proof_template} if self.settings.proof_template else {}
        return Forms(TEMPLATES, self.letters, self.settings.zalo_templates | code)

    @once
    def budget(self) -> Budget:
        return Budget(self.settings.budget_messages, self.settings.budget_dong, self.settings.budget_alarm_percent)

    def fill(self, notice: Notice) -> Filled:
        """The data of the approved template of a notice's kind. Raises `FormError`, `SealError`.

        Only here a one-time code is opened: the words in the ledger have stars in its place.
        """
        facts = self.facts(notice)
        if notice.one_time_code is not None:
            facts = replace(facts, one_time_code=self.sealer.open(bytes.fromhex(notice.one_time_code)))
        return self.forms.fill(notice.kind, facts)

    def terms(self, left: Mapping[str, Left], held: Mapping[str, NotYet]) -> Terms:
        """The terms of a choice of channel at this moment: what the day's budgets have left, what is held for long."""
        known = self.settings
        return Terms(
            now=self.clock.now(),
            order=known.channels_of,
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
        except (FormError, SealError) as fault:
            return str(fault)
        return None

    @once
    def lookups(self) -> Wire:
        """For look-ups in conversations: its own, since each OA's are made in a thread of its own."""
        return CurlWire(self.settings.answer_seconds, _LOOKUPS, **self.shared.way)

    @once
    def conversation(self) -> Conversation:
        return Conversation(self.lookups, self.settings.zalo_openapi_url)

    @once
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
            self.limiter.correct(self.limits(self.oa)[0], remaining)

    def facts(self, notice: Notice) -> Facts:
        """What the texts of this notice may tell."""
        link = self._payment_link(notice.code) if notice.amount is not None else None
        return Facts(
            notice.code, notice.amount, notice.appointment_at, link, notice.deadline_at, notice.reason,
            notice.stories, notice.digest, notice.alarm, STARS if notice.one_time_code else None, self.settings.place,
        )  # fmt: skip

    def sample(self, kind: str) -> Facts:
        """The made-up facts of a kind, told at this OA's place and with its payment link. Raises `LetterError`."""
        made_up = self.letters.sample(kind)
        link = self._payment_link(made_up.code) if made_up.amount is not None else None
        return replace(made_up, payment_link=link, place=self.settings.place)

    def _payment_link(self, code: str) -> str:
        return payment_link(self.settings.payment_url, code, self.settings.payment_hosts)

    def close(self) -> None:
        """Give back connections that nobody else uses; used by short-lived commands and tests."""
        for wire in self.made("lookups"):
            wire.close()
        if self._alone:
            self.shared.close()
