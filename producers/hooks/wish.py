"""The wishes of people who write in the chat: a closed set."""

from __future__ import annotations

from enum import StrEnum


class Wish(StrEnum):
    """What the person wants."""

    DOSSIER = "dossier"  # the time line of the dossier that the message names
    MINE = "mine"  # the time lines of the newest dossiers of their phone
    OFF = "off"
    ON = "on"
    HELP = "help"
    CODE = "code"  # six digits, as a one-time code has them
    NO = "no"  # in reply to the last question
    OTHER = "other"  # not understood
