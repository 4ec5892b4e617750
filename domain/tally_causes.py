"""Groups the reasons of notices into few causes, so that numbers by cause stay few, whatever a reason quotes.

A reason may be composed ("…; …") and may quote numbers, times, or the words of an operator. The first row whose pattern
is found anywhere in it counts; so what a person can change comes before what passes by itself.
"""

from __future__ import annotations

import re

from domain.lifecycle import State

BAD_PHONE = "bad_phone"
OPERATOR = "operator"
OTHER = "other"

_PATTERNS = {
    "opted_out": r"opted out|withdrew",
    "unproven": r"has not proven|not proven to be",
    "not_follower": r"no Zalo user|another phone now|unfollowed|follow the OA|longer follows|no user of this OA"
    r"|is no user's|nobody followed within",
    "refuses": r"blocked|restricted this type|refuses|rejects|has not agreed|may not receive",
    "no_account": r"no Zalo account|banned|inactive|cannot receive messages|version of Zalo",
    "silent": r"free 48 hours|has not interacted",
    "no_sms": r"ask for SMS|would take \d+ segments|carrier is not registered",
    "person_limit": r"has received",
    BAD_PHONE: r"phone number is invalid|the phone is not known",
    "switched_off": r"switched off",
    "budget": r"the day's budget",
    "quota": r"used up|out of money|could not be charged|cannot be charged|quota",
    "quiet_hours": r"quiet hours|at night",
    "rate_limit": r"rate limit|limit of calls|one too many",
    "access": r"access token|refresh token|no longer granted|channel is not ready",
    "later": r"a later notice|an earlier notice",
    "untrue": r"^fee |withdrawn|corrected|not so any more|not in the source|not asked for any more|recalled|held up"
    r"|given back|nothing is left|the dossier (is|went)",
    "kept_back": r"new notices|first seen|before the ledger was restored",
    "too_old": r"older than|age limit|too late",
    "unknown_word": r"a word that",
    "source": r"^source$",
    "uncertain": r"worker was lost|whole answer|connection (reset|closed)|answer|HTTP \d|without a message id"
    r"|may have been|could tell|settled",
    "no_connection": r"channel is down|connection refused|host name|connect timeout|TLS|certificate|no connection"
    r"|Redis is away|held back|no route",
    "set_up": r"the (app|OA|template|proof|button|brand name|words|SMS gateway)|template|facts cannot be read"
    r"|unknown code",
}
CAUSES = (*_PATTERNS, OPERATOR, OTHER)
"""Every cause; `operators.phrasebook` has its name for people (`causes` in `words.toml`)."""

_COMPILED = {cause: re.compile(pattern) for cause, pattern in _PATTERNS.items()}


def tally_cause(state: str, reason: str | None, *, nobody: bool) -> str | None:
    """The cause of a notice in `state`; `nobody`: its phone field names nobody who could be told. None: no reason."""
    if nobody and state == State.UNREACHABLE:
        return BAD_PHONE
    if reason is None:
        return None
    if state == State.DISCARDED:
        return OPERATOR
    return next((cause for cause, pattern in _COMPILED.items() if pattern.search(reason)), OTHER)
