"""Begin a process of ours: its log, its reports to Sentry, and one clear line about a fault that ends it."""

from __future__ import annotations

import logging
import sys
import threading
from types import TracebackType

from config.logs import set_up_logs
from config.sentry import begin_sentry
from config.settings import Settings

log = logging.getLogger("hcc.process")


def begin_process(settings: Settings, process: str) -> None:
    """`process` names it in JSON lines and reports: 'worker', 'beat', 'web' or 'console'."""
    set_up_logs(settings.log_level, settings.log_format, process)
    begin_sentry(settings, process)
    sys.excepthook = _log_the_end
    threading.excepthook = lambda ended: _log_the_end(ended.exc_type, ended.exc_value, ended.exc_traceback)


def _log_the_end(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    """Python would print the traceback: it has the exception's text, which may be personal data."""
    if not issubclass(kind, (KeyboardInterrupt, SystemExit)):
        log.critical("ended by a fault", exc_info=(kind, error or kind(), trace))
