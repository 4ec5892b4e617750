"""Operators' queries on the ledger: a dossier's whole story, known codes, and counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, text

from domain.lifecycle import State
from ledger.notices import switches
from ledger.notices.order import place

_NOTICES = f"""
SELECT id, event_key, kind, state, reason, channel, text, template_version FROM notices_ever
WHERE oa = :oa AND code = :code ORDER BY {place("notices_ever")}
"""
_ATTEMPTS = """
SELECT notice_id, at, channel, outcome, code, ms FROM attempts WHERE notice_id = ANY(:ids) ORDER BY id
"""
_HISTORY = """
SELECT notice_id, at, before, after, why, by FROM history WHERE notice_id = ANY(:ids) ORDER BY id
"""


def dossier(tx: Connection, oa: str, code: str) -> list[dict[str, Any]]:
    """Every notice of a dossier with its attempts and its history (R38), in the shape of `hcc dossier --json`."""
    rows = tx.execute(text(_NOTICES), {"oa": oa, "code": code}).mappings().all()
    notices = {row["id"]: {**row, "attempts": [], "history": []} for row in rows}
    for row in tx.execute(text(_ATTEMPTS), {"ids": list(notices)}).mappings():
        attempt = dict(row)
        notices[attempt.pop("notice_id")]["attempts"].append(attempt)
    for row in tx.execute(text(_HISTORY), {"ids": list(notices)}).mappings():
        step = {"at": row["at"], "from": row["before"], "to": row["after"], "why": row["why"], "by": row["by"]}
        notices[row["notice_id"]]["history"].append(step)
    held = switches.holders(tx, list(notices))
    return [
        {key: value for key, value in notice.items() if key != "id"}
        | ({"switched_off": [asdict(one) for one in held[number]]} if number in held else {})
        for number, notice in notices.items()
    ]


def known_codes(tx: Connection, oa: str, codes: Sequence[str]) -> list[str]:
    """Those of the codes with notices in the ledger, in the given order; only the first one if it has any.

    The first is the code as typed, the others are possible meanings. Found by index, however many they are.
    """
    asked = text("SELECT DISTINCT code FROM notices_ever WHERE oa = :oa AND code = ANY(:codes)")
    found = set(tx.execute(asked, {"oa": oa, "codes": list(codes)}).scalars())
    return list(codes[:1]) if codes and codes[0] in found else [code for code in codes if code in found]


def live_counts(tx: Connection, oa: str) -> dict[str, int]:
    """How many notices are in each live state, each by its index: finished notices, maybe millions, are not read."""
    each = ", ".join(
        f"(SELECT count(*) FROM notices WHERE oa = :oa AND state = '{state}') AS {state}" for state in LIVE_STATES
    )
    return dict(tx.execute(text(f"SELECT {each}"), {"oa": oa}).mappings().one())


LIVE_STATES: Sequence[State] = (
    State.WAITING,
    State.DUE,
    State.SENDING,
    State.UNCERTAIN,
    State.UNREACHABLE,
    State.DEAD,
    State.QUARANTINED,
)


def all_counts(tx: Connection, oa: str) -> dict[str, int]:
    """How many notices are in each state; reads the whole table, so only for demos and small ledgers."""
    rows = tx.execute(text("SELECT state, count(*) AS number FROM notices WHERE oa = :oa GROUP BY state"), {"oa": oa})
    return {row.state: row.number for row in rows}
