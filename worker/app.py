"""Defines the Celery app: run `celery -A worker.app worker` and `celery -A worker.app beat` from the project's root."""

from __future__ import annotations

import sys

from celery import Celery
from celery.signals import beat_init, celeryd_init, setup_logging, task_revoked, worker_process_init

from config.celeryconfig import celery_settings
from config.oas import common_settings, load_oas
from config.process import begin_process
from config.settings import SettingsError
from coordination.bell import TooLate
from coordination.broker import mend
from coordination.processes import BEAT, CHILD, announce
from worker.services.clocks import publish_clock
from worker.services.deployment import Deployment


def _load_or_leave() -> dict[str, object]:
    try:
        oas = load_oas()
        Deployment(oas)  # detects a faulty OA before anything runs
    except SettingsError as error:
        sys.exit(str(error))
    settings = common_settings(oas)
    role = [BEAT]  # a worker says so before its log is set up
    celeryd_init.connect(lambda **_: role.insert(0, "worker"), weak=False)
    setup_logging.connect(lambda **_: begin_process(settings, role[0]), weak=False)
    worker_process_init.connect(lambda **_: publish_clock(settings.redis_url), weak=False)
    worker_process_init.connect(lambda **_: announce(settings.redis_url, CHILD), weak=False)
    beat_init.connect(lambda **_: announce(settings.redis_url, BEAT), weak=False)
    return celery_settings(settings)


mend()
task_revoked.connect(TooLate(), weak=False)
app = Celery("hcc", include=["worker.tasks", "producers.tasks"])
app.config_from_object(_load_or_leave())


@app.on_after_finalize.connect(weak=False)  # type: ignore[untyped-decorator]  # Celery ships no types
def _only_ours(sender: Celery, **_: object) -> None:
    """Unregister Celery's own tasks (chords, groups, clean-up): they are no bells, and nobody may run them."""
    for name in [name for name in sender.tasks if name.startswith("celery.")]:
        sender.tasks.unregister(name)
