"""The OA's token pair: sealed, one row per OA, replaced only as a pair and only by the holder of the row lock."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, text

from ledger.base.sealing import Sealer


@dataclass(frozen=True, slots=True)
class Pair:
    """An access token and the refresh token that renews it once. Never logged."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    life_seconds: int


@dataclass(frozen=True, slots=True)
class Credential:
    """The stored pair; `version` grows with every new pair."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    version: int
    issued_at: datetime
    expires_at: datetime
    refresh_began_at: datetime | None
    dead_because: str | None
    read_at: datetime  # the ledger's clock when this was read

    @property
    def expired(self) -> bool:
        return self.read_at >= self.expires_at

    @property
    def age(self) -> float:
        """Seconds since it was stored."""
        return (self.read_at - self.issued_at).total_seconds()

    @property
    def worn(self) -> bool:
        """Past 80 % of its life: time to renew it while it still works."""
        return self.read_at >= self.issued_at + (self.expires_at - self.issued_at) * 0.8


GRANT_LIFE = timedelta(days=90)
"""How long a refresh token can be used: three months from its issue, by Zalo's documentation."""


@dataclass(frozen=True, slots=True)
class TokenLife:
    """Until when the access token and the grant behind it last (UTC), without the tokens themselves.

    `read_at` is the ledger's clock.
    """

    issued_at: datetime
    expires_at: datetime
    dead_because: str | None
    read_at: datetime

    @property
    def token_seconds(self) -> float:
        """What is left of the access token; 0 once it is over."""
        return max(0.0, (self.expires_at - self.read_at).total_seconds())

    @property
    def grant_until(self) -> datetime:
        """Until when the refresh token can be used."""
        return self.issued_at + GRANT_LIFE

    @property
    def grant_seconds(self) -> float:
        """What is left of the grant; 0 once it is over, or Zalo took it back."""
        return 0.0 if self.dead_because else max(0.0, (self.grant_until - self.read_at).total_seconds())

    @property
    def grant_days(self) -> int:
        """Whole days left of the grant; 0 once it is over, or Zalo took it back."""
        return int(self.grant_seconds // timedelta(days=1).total_seconds())


def life(tx: Connection, oa: str) -> TokenLife | None:
    """How long the OA's tokens last; needs no key. None where none was ever stored."""
    query = text("""
        SELECT issued_at, expires_at, dead_because, clock_timestamp() AS read_at FROM credentials WHERE oa = :oa""")
    row = tx.execute(query, {"oa": oa}).one_or_none()
    return TokenLife(*row) if row else None


class Credentials:
    """Reads and replaces the ledger's token pairs."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer

    def read(self, tx: Connection, oa: str) -> Credential | None:
        return self._row(tx.execute(text(_READ), {"oa": oa}).one_or_none())

    def hold(self, tx: Connection, oa: str, *, wait: bool = False) -> Credential | None:
        """Read and lock the row until the transaction ends: one refresher at a time, across all hosts.

        None where there is no row, or where another process has it locked; with `wait`, waits for the lock instead.
        """
        lock = "FOR UPDATE" if wait else "FOR UPDATE SKIP LOCKED"
        return self._row(tx.execute(text(f"{_READ} {lock}"), {"oa": oa}).one_or_none())

    def store(self, tx: Connection, oa: str, pair: Pair) -> None:
        """Store a new pair; it is used only after the commit."""
        tx.execute(
            text(_STORE),
            {
                "oa": oa,
                "access": self._sealer.seal(pair.access),
                "refresh": self._sealer.seal(pair.refresh),
                "life": pair.life_seconds,
            },
        )

    def begin_refresh(self, tx: Connection, oa: str) -> None:
        """Note that a refresh is about to be sent: a crash from here on is seen, not guessed."""
        tx.execute(text("UPDATE credentials SET refresh_began_at = clock_timestamp() WHERE oa = :oa"), {"oa": oa})

    def end_refresh(self, tx: Connection, oa: str) -> None:
        """Note that the refresh certainly did not use up the refresh token."""
        tx.execute(text("UPDATE credentials SET refresh_began_at = NULL WHERE oa = :oa"), {"oa": oa})

    def bury(self, tx: Connection, oa: str, because: str) -> None:
        """Mark the grant as lost: the pair stays, the channel stops, an operator has to consent again."""
        tx.execute(
            text("UPDATE credentials SET dead_because = :because WHERE oa = :oa"), {"oa": oa, "because": because}
        )

    def _row(self, row: Row[Any] | None) -> Credential | None:
        if row is None:
            return None
        return Credential(
            access=self._sealer.open(row.access_sealed),
            refresh=self._sealer.open(row.refresh_sealed),
            version=row.version,
            issued_at=row.issued_at,
            expires_at=row.expires_at,
            refresh_began_at=row.refresh_began_at,
            dead_because=row.dead_because,
            read_at=row.read_at,
        )


_READ = "SELECT *, clock_timestamp() AS read_at FROM credentials WHERE oa = :oa"

_STORE = """
INSERT INTO credentials (oa, access_sealed, refresh_sealed, version, issued_at, expires_at)
VALUES (:oa, :access, :refresh, 1, clock_timestamp(), clock_timestamp() + make_interval(secs => :life))
ON CONFLICT (oa) DO UPDATE SET
    access_sealed = EXCLUDED.access_sealed, refresh_sealed = EXCLUDED.refresh_sealed,
    version = credentials.version + 1, issued_at = EXCLUDED.issued_at, expires_at = EXCLUDED.expires_at,
    refresh_began_at = NULL, dead_because = NULL
"""
