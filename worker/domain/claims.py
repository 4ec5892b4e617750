"""Whose phone it is: the newest claim wins, the older one is closed (R29). A number may have been given to another.

A claim is not proof: who shares a phone in the chat may type any. So it opens no more than the status notices of the
dossiers that were filed with that phone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

NEWER_OF_PHONE = "a newer claim of the phone by another user"
NEWER_OF_USER = "the user has another phone now"


@dataclass(frozen=True, slots=True)
class Claim:
    """A Zalo user has the phone of this person since `at` (UTC); no person where an earlier link was closed then."""

    user_id: str = field(repr=False)
    person_id: int | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Links:
    """What claims came to: those that hold now, the users whose link changed, and why some were closed."""

    won: list[Claim]
    changed: list[str] = field(repr=False)
    closed: dict[str, str] = field(repr=False)


def judge(held: Iterable[Claim], claims: Iterable[Claim]) -> Links:
    """Put claims to what is `held`, in the order in which they were made, whatever order they came in."""
    by_user = {claim.user_id: claim for claim in held}
    holder = {claim.person_id: claim.user_id for claim in by_user.values()}
    changed: dict[str, None] = {}
    closed: dict[str, str] = {}
    for claim in sorted(claims, key=lambda claim: claim.at):
        before, rival = by_user.get(claim.user_id), by_user.get(holder.get(claim.person_id, ""))
        if any(known is not None and known.at > claim.at for known in (before, rival)):
            continue
        if rival is not None and rival.user_id != claim.user_id:
            by_user[rival.user_id] = replace(rival, person_id=None, at=claim.at)
            changed[rival.user_id] = None
            closed[rival.user_id] = NEWER_OF_PHONE
        if before is not None and before.person_id not in (None, claim.person_id):
            del holder[before.person_id]
            closed[claim.user_id] = NEWER_OF_USER
        by_user[claim.user_id] = claim
        holder[claim.person_id] = claim.user_id
        changed[claim.user_id] = None
    won = [by_user[user] for user in changed if by_user[user].person_id is not None]
    return Links(won, list(changed), closed)
