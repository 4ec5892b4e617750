"""What somebody who writes in the chat may want: a closed set."""

from __future__ import annotations

from enum import StrEnum


class Wish(StrEnum):
    """What the person wants."""

    DOSSIER = "dossier"  # the time line of the dossier that the message names
    MINE = "mine"  # of the newest dossiers of their phone
    OFF = "off"
    ON = "on"
    HELP = "help"
    CODE = "code"  # six digits, as a one-time code has them
    NO = "no"  # to what was asked last
    OTHER = "other"  # not understood
