"""Rank notices for when permits are short: a flood of one sort never delays another (incident 8)."""

from __future__ import annotations

from enum import IntEnum


class Lane(IntEnum):
    """The lower number goes first, in the claim and in the limiter."""

    INTERACTIVE = 0  # somebody waits at a screen
    SERVICE = 1  # the daily flow of notices
    BULK = 2  # replays: whenever there is spare capacity
