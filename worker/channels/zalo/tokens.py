"""Keeping an OA's access token fresh: one refresher at a time, and no answer of Zalo's can destroy a pair.

The story of a refresh:
    1. lock the row; if its version is newer than mine, use the newer pair
    2. commit the intent: from here on a crash leaves a trace
    3. lock the row again and keep the lock during the call (the only transaction that spans a network call; bounded)
    4. new pair → commit it, then use it · certainly not carried out → clear the intent, retry later
       · no usable answer → the intent remains, retry later · grant lost → the channel stops, an operator is called
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from threading import BoundedSemaphore

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from ledger.base.away import why_away
from ledger.zalo.credentials import Credential, Credentials, Pair
from worker.channels.zalo.oauth import (
    GrantLost,
    NotRenewed,
    PerhapsRenewed,
    Renewal,
    Renewed,
    read_renewal,
    refresh_call,
)
from worker.wire.ask import ask
from worker.wire.protocol import Client

log = logging.getLogger("hcc.tokens")

_STORE_TRIES = 10
_STORE_PAUSE = 1.0  # seconds between tries to store a pair that Zalo has already issued
_YOUNG = 30.0  # seconds: repeated renewals would wear out the grant without curing the fault
_PATIENCE = 20.0  # seconds during which an intent keeps other processes from asking Zalo again
_ROOM = BoundedSemaphore(2)  # concurrent renewals: each holds a ledger connection during a call, and others need some


@dataclass(frozen=True, slots=True)
class Access:
    """A token to send with; `version` identifies its pair, so that a refusal renews that pair only."""

    token: str = field(repr=False)
    version: int


@dataclass(frozen=True, slots=True)
class NoAccess:
    """There is no token to send with; `why` is for the operator. Notices wait and none is given up."""

    why: str


class Tokens:
    """The access tokens of the OAs of one Zalo app."""

    def __init__(
        self, ledger: Engine, credentials: Credentials, client: Client, *, oauth_url: str, app_id: str, app_secret: str
    ) -> None:
        self._ledger = ledger
        self._credentials = credentials
        self._client = client
        self._oauth_url = oauth_url
        self._app_id = app_id
        self._app_secret = app_secret

    def access(self, oa: str) -> Access | NoAccess:
        """The token to send with now; an expired one is renewed first."""
        with self._ledger.connect() as connection:
            credential = self._credentials.read(connection, oa)
        if credential is not None and credential.expired and credential.dead_because is None:
            return self.renew(oa, credential.version)
        return _usable(credential)

    def renew_if_worn(self, oa: str) -> None:
        """Renew a pair that has used 80 % of its life; beat triggers this, readers never refresh early."""
        with self._ledger.connect() as connection:
            credential = self._credentials.read(connection, oa)
        if credential is not None and credential.worn and credential.dead_because is None:
            self.renew(oa, credential.version)

    def renew(self, oa: str, version: int) -> Access | NoAccess:
        """Renew the pair `version`; if there is a newer pair by now, use that one (R41)."""
        if not _ROOM.acquire(blocking=False):
            return NoAccess("other access tokens are being renewed")
        try:
            return self._renew(oa, version)
        finally:
            _ROOM.release()

    def _renew(self, oa: str, version: int) -> Access | NoAccess:
        with self._ledger.begin() as tx:
            credential = self._credentials.hold(tx, oa)
            if credential is None or _others_intent(credential):
                return NoAccess("another process is renewing the access token")
            if credential.version != version or credential.dead_because is not None:
                return _usable(credential)
            if credential.version > 1 and credential.age < _YOUNG:
                return NoAccess("Zalo refuses an access token that it has just issued")
            self._credentials.begin_refresh(tx, oa)
        return self._refresh(oa, version)

    def _refresh(self, oa: str, version: int) -> Access | NoAccess:
        renewal: Renewal | None = None
        try:
            with self._ledger.begin() as tx:
                # Other processes lock the row only briefly; none of them holds it during a call.
                credential = self._credentials.hold(tx, oa, wait=True)
                if credential is None or credential.version != version:
                    return _usable(credential)
                call = refresh_call(self._oauth_url, self._app_id, self._app_secret, credential.refresh)
                renewal = read_renewal(ask(self._client, call))
                answer = self._note(tx, oa, credential, renewal)
        except DBAPIError:
            if isinstance(renewal, Renewed):
                return self._keep(oa, renewal.pair, version)
            raise
        return answer

    def _note(self, tx: Connection, oa: str, credential: Credential, renewal: Renewal) -> Access | NoAccess:
        """Record the result of the refresh; a new pair is used only once this is committed."""
        match renewal:
            case Renewed(pair):
                self._credentials.store(tx, oa, pair)
                log.info("token renewed oa=%s version=%d", oa, credential.version + 1)
                return Access(pair.access, credential.version + 1)
            case NotRenewed(why):
                self._credentials.end_refresh(tx, oa)
                log.warning("token refresh did not happen oa=%s why=%s", oa, why)
                return _usable(credential)
            case PerhapsRenewed(why):
                log.error("token refresh has an unknown outcome oa=%s why=%s", oa, why)
                return NoAccess(f"the refresh of the access token has an unknown outcome: {why}")
            case GrantLost(why):
                self._credentials.bury(tx, oa, why)
                log.critical("token grant lost, run `hcc oa login` or `hcc oa import` oa=%s why=%s", oa, why)
                return NoAccess(why)

    def _keep(self, oa: str, pair: Pair, version: int) -> Access | NoAccess:
        """Store a pair that exists nowhere else: a brief outage of the ledger must not cost the grant."""
        for _ in range(_STORE_TRIES):
            time.sleep(_STORE_PAUSE)
            try:
                with self._ledger.begin() as tx:
                    credential = self._credentials.hold(tx, oa, wait=True)
                    if credential is None or credential.version != version:
                        return _usable(credential)  # an operator was faster, or the failed commit had succeeded
                    self._credentials.store(tx, oa, pair)
                log.warning("token renewed, stored late oa=%s version=%d", oa, version + 1)
                return Access(pair.access, version + 1)
            except DBAPIError as away:
                log.error("new token pair not stored yet oa=%s why=%s", oa, why_away(away))  # noqa: TRY400 (retried)
        log.critical("new token pair lost, run `hcc oa login` or `hcc oa import` oa=%s", oa)
        return NoAccess("the ledger was away while the access token was renewed")


def _usable(credential: Credential | None) -> Access | NoAccess:
    if credential is None:
        return NoAccess("no access token yet: run `hcc oa import` or `hcc oa login`")
    if credential.dead_because is not None:
        return NoAccess(credential.dead_because)
    if credential.expired:
        return NoAccess("the access token has expired and could not be renewed yet")
    return Access(credential.access, credential.version)


def _others_intent(credential: Credential) -> bool:
    began = credential.refresh_began_at
    return began is not None and (credential.read_at - began).total_seconds() < _PATIENCE
