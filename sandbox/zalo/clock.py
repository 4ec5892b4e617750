"""The time of this Zalo: the real one, moved and stopped on demand."""

import time
from datetime import UTC, datetime, timedelta, timezone
from email.utils import formatdate

VIETNAM = timezone(timedelta(hours=7), "Asia/Ho_Chi_Minh")  # no summer time since 1975
NIGHT_BEGINS, NIGHT_ENDS = 22, 6


class Clock:
    """Seconds since 1970, as tokens, the 7-day window, the night rules, the rows of a chat and each answer see them."""

    def __init__(self) -> None:
        self._offset = 0.0
        self._stopped: float | None = None

    def now(self) -> float:
        return time.time() + self._offset if self._stopped is None else self._stopped

    def set(self, moment: float, *, stopped: bool = False) -> None:
        """Go to a moment, and run on from there unless it is to stand still."""
        self._offset = moment - time.time()
        self._stopped = moment if stopped else None

    def http_date(self) -> str:
        """As the header `Date` of an answer has it (RFC 9110)."""
        return formatdate(self.now(), usegmt=True)

    def day(self) -> str:
        """The calendar day in Vietnam, at whose end daily quotas begin again."""
        return vietnam(self.now()).date().isoformat()

    def is_night(self) -> bool:
        """Zalo documents "10:00PM - 6:00AM" and no time zone; it is Vietnam's here."""
        hour = vietnam(self.now()).hour
        return hour >= NIGHT_BEGINS or hour < NIGHT_ENDS


def vietnam(moment: float) -> datetime:
    return datetime.fromtimestamp(moment, VIETNAM)


def seconds(moment: float | str) -> float:
    """A moment as control receives it: seconds since 1970, or ISO with or without a zone (Vietnam's then)."""
    if not isinstance(moment, str):
        return float(moment)
    parsed = datetime.fromisoformat(moment)
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=VIETNAM)).astimezone(UTC).timestamp()
