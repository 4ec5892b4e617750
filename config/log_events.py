"""Name every log line of ours: from the text in the code to the event's name, in one literal table.

JSON lines carry the name, so that an alert or a search does not depend on a sentence. To add a log line, add a row. A
test walks the code and fails on a line without a row, and on a row without a line.
"""

from __future__ import annotations

import re
from functools import lru_cache

LIBRARY = "library"
"""The event of a line that a library wrote."""

UNLISTED = "unlisted"
"""The event of a line of ours without a row here; a test keeps it from happening."""

EVENTS: dict[str, str] = {
    # of the settings
    "%s: không có biến này nên không có tác dụng; xóa đi, hoặc xem tên trong .env.example": "settings.unknown",
    "ended by a fault": "process.ended",
    # of the queues
    "the queue could not be asked queue=%s why=%s": "queue.unasked",
    "the bell was not heard, it will be rung again task=%s why=%s": "bell.lost",
    "bells are dropped: by this host's clock they were rung more than %d minutes ago. If workers ran all the time, its "
    "clock and beat's differ: set them by NTP, `hcc doctor` compares all clocks task=%s": "bell.too_late",
    "the broker refuses, again in %.0f s why=%s": "broker.refuses",
    "Cannot connect to the broker, again in %.0f s why=%s": "broker.away",
    "%s why=%s number=%d": "message.refused",
    "%s still runs, no other begins before it ends oa=%s": "round.stuck",
    "%s failed oa=%s why=%s": "round.failed",
    # of the dossier database
    "%s feed=%s row=%s why=%s": "source.odd_row",
    "missing ids given up feed=%s count=%d": "source.ids_given_up",
    "too many rows changed at one moment, left to the reconcile feed=%s": "source.crowded_moment",
    "kept back by the volume guard, look at `hcc quarantine list` oa=%s cause=%s notices=%d": "guard.kept_back",
    "the dossier database is the same, but not its address or its mapping oa=%s": "source.moved",
    "the dossier database is another one, not read on before `hcc source adopt` oa=%s": "source.strange",
    "the dossier database that we know is there again oa=%s": "source.known_again",
    "the dossier database stands still, broken off oa=%s connections=%d": "source.broken_off",
    "%s oa=%s %s": "source.round",
    "bell not rung error=%s": "bell.not_rung",
    "reminders kind=%s recorded=%d": "reminders.recorded",
    "a dossier of a notice that waits cannot be read why=%s": "source.unread_dossier",
    "encoding fault: %s": "encoding.fault",
    "first start: what is there is remembered, nobody is told oa=%s": "baseline.began",
    "baseline is complete oa=%s": "baseline.complete",
    "%s put off, the ledger is away or not migrated (`hcc migrate`) why=%s": "producers.put_off",
    "%s failed: %s": "producers.failed",
    # of the events that Zalo sends
    "events not read or not applied oa=%s number=%d first=%d set_aside=%d why=%s": "events.set_aside",
    "claims of phones refused oa=%s number=%d of=%d": "events.claims_refused",
    "receipts are looked at later oa=%s why=%s": "events.receipts_put_off",
    "a page of events is applied one by one oa=%s why=%s": "events.one_by_one",
    "messages not answered number=%d people=%d": "events.unanswered",
    "event %s number=%d": "events.not_taken",
    "bell not rung why=%s": "bell.not_rung",
    # of the channels
    "%s: the notice is parked; the code belongs into the table": "zalo.unknown_code",
    "new token pair lost, run `hcc oa login` or `hcc oa import` oa=%s": "token.lost",
    "token renewed oa=%s version=%d": "token.renewed",
    "token refresh did not happen oa=%s why=%s": "token.not_renewed",
    "token refresh has an unknown outcome oa=%s why=%s": "token.in_doubt",
    "token grant lost, run `hcc oa login` or `hcc oa import` oa=%s why=%s": "token.grant_lost",
    "token renewed, stored late oa=%s version=%d": "token.stored_late",
    "new token pair not stored yet oa=%s why=%s": "token.not_stored",
    # of the delivery
    "attempts oa=%s channel=%s %s slowest_ms=%d": "attempts",
    "attempt notice=%d outcome=%s state=%s ms=%d%s": "attempt",
    "budget used percent=%d oa=%s channel=%s messages=%d dong=%d": "budget.used",
    "no words notice=%d kind=%s why=%s": "notice.no_words",
    "channel not ready oa=%s channel=%s why=%s": "channel.not_ready",
    "held key=%s seconds=%d code=%s why=%s": "channel.held",
    "breaker key=%s from=%s to=%s": "channel.breaker",
    "consequences not shared oa=%s why=%s": "channel.consequences_not_shared",
    "claim put off oa=%s why=%s": "claim.put_off",
    "claim failed oa=%s why=%s": "claim.failed",
    "the pump stumbled": "pump.stumbled",
    "answers=%d kept, the ledger does not take them why=%s": "answers.kept",
    "not recordable, tried again later notice=%d why=%s": "answers.not_recordable",
    # of the templates
    "a template does not work, an earlier one is used oa=%s kind=%s version=%d used=%d times=%d "
    "why=%s": "template.fails",
    "a template's file was changed oa=%s kind=%s version=%d": "template.file_changed",
    "a template's file is bad, the version in use stays oa=%s kind=%s why=%s": "template.file_bad",
    # of clocks and upkeep
    "clocks disagree by %.0f s: nothing expires and nothing is purged until they agree; set them by NTP, `hcc doctor` "
    "compares them ledger=%s host=%s redis=%s": "clocks.disagree",
    "clocks agree again: what is too old may go": "clocks.agree",
    "the ledger went back since=%s why=%s": "ledger.went_back",
    "%s put off why=%s": "task.put_off",
    "%s put off, is the ledger migrated? run `hcc migrate` why=%s": "task.put_off",
    "%s put off, the ledger is away why=%s": "task.put_off",
    "followers synced oa=%s looked_up=%d met=%d left=%d": "followers.synced",
    "sync of followers put off oa=%s why=%s": "followers.put_off",
    "settled oa=%s arrived=%d not_arrived=%d to_operator=%d": "doubts.settled",
    "a switch is over, what it held goes on switch=%d notices=%d": "switch.over",
    "the ledger's clock was set back by %.0f s: what it had put off is brought back": "ledger.clock_set_back",
    "brought back oa=%s rows=%d": "ledger.brought_back",
    "housekeeping events_forgotten=%d": "housekeeping.events_forgotten",
    "month dropped part=%s rows=%d": "housekeeping.month_dropped",
    "housekeeping put_away=%d given_up=%d more=%s": "housekeeping.put_away",
    "housekeeping put off, run `hcc purge` if the time is right why=%s": "housekeeping.put_off",
    "the audit is not sealed why=%s": "audit.not_sealed",
    "the ledger was not compared with what the last sweep saw why=%s": "ledger.not_compared",
    "sweep oa=%s %s=%d": "sweep.moved",
    "lease expired lease=%s again=%d uncertain=%d": "sweep.lease_expired",
    "sweep put off oa=%s why=%s": "sweep.put_off",
    # of the reports
    "reports put off, run `hcc report schedule run` to see why status=%d": "report.put_off",
    "reports put off, their process was stopped seconds=%d": "report.put_off",
    "report mailed schedule=%d receivers=%d": "report.mailed",
    "report not mailed, its OA or report is not known schedule=%d": "report.not_mailed",
    "report not mailed, tried again schedule=%d why=%s": "report.not_mailed",
    "export failed export=%d why=%s": "export.failed",
    # of the operators
    "metrics of the ledger are not whole why=%s number=%d": "metrics.not_whole",
    "alarm cause=%s oa=%s why=%s": "alarm.began",
    "alarm cause=%s oa=* why=%s": "alarm.began",
    "alarm is over cause=%s oa=%s": "alarm.over",
    "alarm is over cause=%s oa=*": "alarm.over",
    "alarm not mailed, tried again why=%s": "alarm.not_mailed",
    "a look failed why=%s": "alarm.look_failed",
    "alarms put off why=%s": "alarm.put_off",
    "no bell rung oa=%s why=%s": "bell.not_rung",
    "no sign of life given why=%s": "ping.failed",
    "refused account=%s role=%s method=%s route=%s": "console.refused",
    "form refused: %s": "console.form_refused",
    "fault %s: %s route=%s": "console.fault",
    "slow route=%s": "console.slow",
    "single sign-on away: %s route=%s": "console.sign_on_away",
    "ledger away: %s route=%s": "console.ledger_away",
    "scan not counted: %s": "console.scan_not_counted",
    "the ledger did not answer why=%s": "why.ledger_away",
    "the source did not answer oa=%s why=%s": "why.source_away",
}
"""The text in the code → the event's name. Several texts may be one event."""

_PLACE = re.compile(r"(?:(?<![\w%])(\w+)=)?%(?:%|[-#0 +]*\d*(?:\.\d+)?[a-zA-Z])")


def event_name(logger: str, text: str) -> str:
    """The event of a line; `text` is the one in the code, with its places for values."""
    if logger.partition(".")[0] != "hcc":
        return LIBRARY
    return EVENTS.get(text, UNLISTED)


@lru_cache(maxsize=512)
def field_names(text: str) -> tuple[str | None, ...]:
    """The name of each value of a line, as in `oa=%s`; None for a value without one."""
    return tuple(found[1] for found in _PLACE.finditer(text) if not found[0].endswith("%%"))
