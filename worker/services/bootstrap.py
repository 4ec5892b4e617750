"""Builds the services of an OA from its settings: the only place where the worker's parts are assembled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import Engine

from config.settings import VAR, Settings, SettingsError
from coordination.breaker import Breaker
from coordination.holds import Holds
from coordination.limits import Limit, Limiter
from coordination.marks import Marks
from coordination.schedule import Schedule
from domain.forms import Filled, FormError, Forms
from domain.kinds import PROOF_CODE
from domain.letters import STARS, Facts
from domain.link import check_payment_base, payment_link
from domain.notice import Notice
from domain.retry import Patience
from ground.cached import cached_property
from ledger.base.clock import LedgerClock
from ledger.base.sealing import Sealer, SealError
from ledger.people.people import People
from ledger.zalo.credentials import Credentials
from worker.channels import CHANNELS
from worker.channels.budget import Budget
from worker.channels.channel import Channel
from worker.channels.row import Left, Means, NotYet, Terms
from worker.channels.sms import GATEWAYS
from worker.channels.sms.channel import sms_text
from worker.channels.zalo.conversation import Conversation
from worker.channels.zalo.tokens import Tokens
from worker.services.shared import Shared
from worker.services.words import WordsInUse
from worker.wire.curl import CurlWire
from worker.wire.protocol import Client

_LOOKUPS = 100  # maximum of connections; each is opened on demand


class Services:
    """All parts that a delivery needs, for one OA; each part is made on first use.

    Parts that do not depend on the OA are in `shared`, used by all OAs; without it, this instance makes its own.
    Services are thread-safe, except `lookups`, which is for one thread at a time.
    """

    def __init__(self, settings: Settings, shared: Shared | None = None) -> None:
        """Reject a payment link to a foreign host, before anybody is sent there (R22). Raises `SettingsError`."""
        try:
            check_payment_base(settings.payment_url, settings.payment_hosts)
        except ValueError as error:
            raise SettingsError([f"HCC_PAYMENT_URL: {error}"]) from None
        self.settings = settings
        self.shared = shared or Shared(settings)
        self._alone = shared is None
        self._remaining: int | None = None  # the lowest remainder of the limit that Zalo reported

    @property
    def oa(self) -> str:
        """The Zalo id of the OA that these services are for."""
        return self.settings.zalo_oa_id

    # What all OAs share, under the same names.

    @property
    def name(self) -> str:
        return self.shared.name

    @property
    def ledger(self) -> Engine:
        return self.shared.ledger

    @property
    def clock(self) -> LedgerClock:
        return self.shared.clock

    @property
    def sealer(self) -> Sealer:
        return self.shared.sealer

    @property
    def people(self) -> People:
        return self.shared.people

    @property
    def credentials(self) -> Credentials:
        return self.shared.credentials

    @property
    def client(self) -> Client:
        return self.shared.client

    @property
    def limiter(self) -> Limiter:
        return self.shared.limiter

    @property
    def holds(self) -> Holds:
        return self.shared.holds

    @property
    def marks(self) -> Marks:
        return self.shared.marks

    @property
    def breaker(self) -> Breaker:
        return self.shared.breaker

    @property
    def schedule(self) -> Schedule:
        return self.shared.schedule

    @cached_property
    def letters(self) -> WordsInUse:
        return WordsInUse(self.oa, self.shared.letters, self.shared.shipped)

    @cached_property
    def tokens(self) -> Tokens:
        return Tokens(
            self.ledger,
            self.credentials,
            self.client,
            oauth_url=self.settings.zalo_oauth_url,
            app_id=self.settings.zalo_app_id,
            app_secret=self.settings.zalo_app_secret,
        )

    @cached_property
    def channels(self) -> dict[str, Channel]:
        """The configured channels, in order of preference."""
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
        return {name: CHANNELS[name].build(means) for name in known.all_channels}

    @cached_property
    def forms(self) -> Forms:
        code = {PROOF_CODE: self.settings.proof_template} if self.settings.proof_template else {}
        return Forms(self.letters.form, self.settings.zalo_templates | code)

    @cached_property
    def budget(self) -> Budget:
        return Budget(self.settings.budget_messages, self.settings.budget_dong, self.settings.budget_alarm_percent)

    def fill(self, notice: Notice) -> Filled:
        """The data for the approved template of a notice's kind. Raises `FormError`, `SealError`.

        For templates a one-time code is unsealed only here: the text in the ledger has stars in its place.
        """
        facts = self.facts(notice)
        if notice.one_time_code is not None:
            facts = replace(facts, one_time_code=self.sealer.open(bytes.fromhex(notice.one_time_code)))
        return self.forms.fill(notice.kind, facts)

    def terms(self, left: Mapping[str, Left], held: Mapping[str, NotYet]) -> Terms:
        """The terms for choosing a channel now, from the rest of the day's budgets and the channels on long holds."""
        known = self.settings
        return Terms(
            now=self.clock.now(),
            order=known.channels_of,
            quiet=known.quiet,
            pays_after_free=known.zalo_cs_paid,
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

    @cached_property
    def lookups(self) -> Client:
        """The client for look-ups in conversations; one per OA, since each OA's look-ups run in their own thread."""
        return CurlWire(self.settings.answer_seconds, _LOOKUPS, **self.shared.way)

    @cached_property
    def conversation(self) -> Conversation:
        return Conversation(self.lookups, self.settings.zalo_openapi_url)

    @cached_property
    def patience(self) -> Patience:
        return Patience(
            base=self.settings.retry_base_seconds,
            cap=self.settings.retry_cap_seconds,
            max_age=timedelta(hours=self.settings.max_age_hours),
        )

    def limits(self, oa: str) -> tuple[Limit, Limit]:
        """The limits that a send of this OA counts against: the app's (Zalo: 4,000 a minute) and the OA's own."""
        rate = self.settings.zalo_rate_per_minute
        return Limit(f"app:{self.settings.zalo_app_id}", rate), Limit(f"oa:{oa}", rate)

    def _note_remaining(self, remaining: int) -> None:
        self._remaining = remaining if self._remaining is None else min(self._remaining, remaining)

    def correct_limit(self) -> None:
        """Lower the app's limit to the remainder that Zalo reported: Zalo also counts calls unknown to us.

        Raises `QueueDown`.
        """
        remaining, self._remaining = self._remaining, None
        if remaining is not None:
            self.limiter.correct(self.limits(self.oa)[0], remaining)

    def facts(self, notice: Notice) -> Facts:
        """The facts that the texts of this notice may contain. Raises `LetterError` for a trial of an unknown kind."""
        link = self._payment_link(notice.code) if notice.amount is not None else None
        trial = None
        if notice.trial is not None:
            tried, trial = notice.trial
            link = self.sample(tried).payment_link
        return Facts(
            notice.code, notice.amount, notice.appointment_at, link, notice.deadline_at, notice.reason,
            notice.stories, notice.digest, notice.alarm, STARS if notice.one_time_code else None, self.settings.place,
            notice.by_post and self.settings.post_sentence,
            trial,
        )  # fmt: skip

    def sample(self, kind: str) -> Facts:
        """Sample facts of a kind, with this OA's place and payment link. Raises `LetterError`."""
        made_up = self.letters.sample(kind)
        link = self._payment_link(made_up.code) if made_up.amount is not None else None
        return replace(made_up, payment_link=link, place=self.settings.place)

    def _payment_link(self, code: str) -> str:
        return payment_link(self.settings.payment_url, code, self.settings.payment_hosts)

    def close(self) -> None:
        """Close the connections that nobody else uses; for short-lived commands and tests."""
        if "lookups" in vars(self):
            self.lookups.close()
        if self._alone:
            self.shared.close()
