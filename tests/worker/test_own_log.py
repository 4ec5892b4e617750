"""Worker, beat and console write one form of lines, whatever their libraries would do."""

from __future__ import annotations

import json
import logging
import subprocess
import sys

from config.settings import ROOT

LIKE_CELERY = """
import logging
from celery.signals import celeryd_init, setup_logging
import worker.app

setup_logging.send(sender=None)
logging.getLogger("hcc.tasks").warning("clocks agree again: what is too old may go")
celeryd_init.send(sender="a worker")
setup_logging.send(sender=None)
logging.getLogger("celery.worker").warning("from %s", "0978362918")
raise RuntimeError("0978362918")
"""


def test_worker_and_beat_say_who_they_are_in_each_line() -> None:
    """Also of Celery's own lines, and in the last one, which Python would write as a traceback."""
    nobody = "postgresql://x@127.0.0.1:1/x"
    env = {
        "HCC_DATABASE_URL": nobody, "HCC_DOSSIER_URL": nobody, "HCC_REDIS_URL": "redis://127.0.0.1:1/0",
        "HCC_SECRET_KEYS": "0123456789abcdef", "HCC_ZALO_OA_ID": "1", "HCC_ZALO_APP_ID": "1",
        "HCC_ZALO_APP_SECRET": "s", "HCC_LOG_FORMAT": "json",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", LIKE_CELERY], env=env, cwd=ROOT, capture_output=True, text=True, check=False
    )
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [(line["process"], line["event"]) for line in lines] == [
        ("beat", "clocks.agree"), ("worker", "library"), ("worker", "process.ended"),
    ]  # fmt: skip
    assert "0978362918" not in done.stderr


def test_lines_of_gunicorn_go_to_the_handler_of_all_others() -> None:
    """It has none of its own, so they have the console's form and mask."""
    from gunicorn.config import Config  # noqa: PLC0415 (the console's server)

    from operators.console.server import _OurLog  # noqa: PLC0415 (Django)

    error = logging.getLogger("gunicorn.error")
    before = error.propagate
    try:
        made = _OurLog(Config())
        assert (made.error_log.handlers, made.error_log.propagate) == ([], True)
    finally:
        error.propagate = before
