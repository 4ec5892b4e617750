"""Report faults to Sentry, if a DSN is set: types, places and the name of the event, and nothing else.

An event of the SDK is not scrubbed but made anew of what is listed here. So no local variable, argument, text of an
exception, value of a log line, request, breadcrumb or host name leaves, also if the SDK collects more one day.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any, cast

from config.log_events import LIBRARY, event_name
from config.seldom import Seldom
from config.settings import Settings

_KEPT = ("event_id", "timestamp", "platform", "level", "logger", "release", "sdk")
_OF_EXCEPTION = ("type", "module")
_OF_FRAME = ("filename", "function", "module", "lineno", "in_app")
_FRAMES = 50  # the innermost of an exception
_SECONDS = 60.0  # one report of a kind: a fault that lasts is not told a thousand times


def begin_sentry(settings: Settings, process: str) -> None:
    """From now on this process and its children report lines of level ERROR and above. Without a DSN: no-op.

    `process`: which of ours it is, such as 'worker'. The package is there: the settings were checked.
    """
    if not settings.sentry_dsn:
        return
    import sentry_sdk  # noqa: PLC0415 (an extra that few install)
    from sentry_sdk.integrations.atexit import AtexitIntegration  # noqa: PLC0415 (as above)
    from sentry_sdk.integrations.logging import LoggingIntegration  # noqa: PLC0415 (as above)

    sentry_sdk.init(
        dsn=settings.sentry_dsn,
        release=f"hcc-notify@{version('hcc-notify')}",
        default_integrations=False,
        auto_enabling_integrations=False,
        integrations=[
            LoggingIntegration(level=None, event_level=logging.ERROR, sentry_logs_level=None),
            AtexitIntegration(callback=lambda _pending, _timeout: None),  # its own one writes to standard error
        ],
        before_send=cast("Any", SentryReports(process)),  # the SDK has types of its own for plain dictionaries
        before_breadcrumb=lambda _crumb, _hint: None,
        max_breadcrumbs=0,
        include_local_variables=False,
        include_source_context=False,
        max_request_body_size="never",
        send_default_pii=False,
        send_client_reports=False,
        auto_session_tracking=False,
        http_proxy=settings.proxy,  # empty: none, also where the environment names one
        https_proxy=settings.proxy,
        ca_certs=settings.ca_file or None,
    )


class SentryReports:
    """Makes the event that leaves from the SDK's, at most one of a kind a minute."""

    def __init__(self, process: str) -> None:
        self._process = process
        self._seldom = Seldom(_SECONDS)

    def __call__(self, event: Mapping[str, Any], hint: Mapping[str, Any]) -> dict[str, Any] | None:
        """The event that leaves; None if it is not sent now."""
        record = hint.get("log_record")
        if not isinstance(record, logging.LogRecord):
            return None
        name, text = _line(record)
        exceptions = [_exception(one) for one in event.get("exception", {}).get("values", ())]
        kind = [name, text, *(str(one.get("type")) for one in exceptions)]
        if not (number := self._seldom.may(" ".join(kind))):
            return None
        made = {part: event[part] for part in _KEPT if part in event}
        made |= {"logentry": {"message": text}, "fingerprint": kind}
        made["tags"] = {"process": self._process, "event": name, "number": str(number)}
        return made | ({"exception": {"values": exceptions}} if exceptions else {})


def _line(record: logging.LogRecord) -> tuple[str, str]:
    """The event's name and its text in our code, without values. A library's text may contain values: its place."""
    name = event_name(record.name, str(record.msg))
    place = f"{record.name} {record.filename}:{record.lineno}"
    return name, place if name == LIBRARY else str(record.msg)


def _exception(value: Mapping[str, Any]) -> dict[str, Any]:
    frames = ((value.get("stacktrace") or {}).get("frames") or [])[-_FRAMES:]
    kept = [{part: frame[part] for part in _OF_FRAME if part in frame} for frame in frames]
    return {part: value.get(part) for part in _OF_EXCEPTION} | {"stacktrace": {"frames": kept}}
