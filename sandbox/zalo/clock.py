"""The clock of this Zalo: the real time, moved or stopped on demand."""

import time
from datetime import UTC, datetime, timedelta, timezone
from email.utils import formatdate

VIETNAM = timezone(timedelta(hours=7), "Asia/Ho_Chi_Minh")  # no summer time since 1975
NIGHT_BEGINS, NIGHT_ENDS = 22, 6


class Clock:
    """Seconds since 1970, as used by tokens, the 7-day window, the night rules, chat rows and the `Date` of answers."""

    def __init__(self) -> None:
        self._offset = 0.0
        self._stopped: float | None = None

    def now(self) -> float:
        return time.time() + self._offset if self._stopped is None else self._stopped

    def set(self, moment: float, *, stopped: bool = False) -> None:
        """Set the clock to a time; it runs on from there unless `stopped`."""
        self._offset = moment - time.time()
        self._stopped = moment if stopped else None

    def http_date(self) -> str:
        """The value of the header `Date` of an answer (RFC 9110)."""
        return formatdate(self.now(), usegmt=True)

    def day(self) -> str:
        """The calendar day in Vietnam; daily quotas begin anew with each."""
        return vietnam(self.now()).date().isoformat()

    def is_night(self) -> bool:
        """Whether it is night. Zalo documents "10:00PM - 6:00AM" without a time zone; Vietnam's is used here."""
        hour = vietnam(self.now()).hour
        return hour >= NIGHT_BEGINS or hour < NIGHT_ENDS


def vietnam(moment: float) -> datetime:
    return datetime.fromtimestamp(moment, VIETNAM)


def seconds(moment: float | str) -> float:
    """A time as the control receives it: seconds since 1970, or ISO; without a zone it is Vietnam's time."""
    if not isinstance(moment, str):
        return float(moment)
    parsed = datetime.fromisoformat(moment)
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=VIETNAM)).astimezone(UTC).timestamp()
