"""The Celery app: `celery -A worker.app worker`, `celery -A worker.app beat`, from the project's root."""

from __future__ import annotations

import sys

from celery import Celery
from celery.signals import beat_init, setup_logging, task_revoked, worker_process_init

from config.celeryconfig import celery_settings
from config.logs import set_up_logs
from config.oas import common_settings, load_oas
from config.settings import SettingsError
from worker.clocks import publish_clock
from worker.deployment import Deployment
from worker.queue.bell import TooLate
from worker.queue.broker import mend
from worker.queue.processes import BEAT, CHILD, announce


def _load_or_leave() -> dict[str, object]:
    try:
        oas = load_oas()
        Deployment(oas)  # what can be wrong with an OA is found before anything runs
    except SettingsError as error:
        sys.exit(str(error))
    settings = common_settings(oas)
    setup_logging.connect(lambda **_: set_up_logs(settings.log_level), weak=False)
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
    """Celery's own tasks (chords, groups, its clean-up) are no bells: nobody may have them run."""
    for name in [name for name in sender.tasks if name.startswith("celery.")]:
        sender.tasks.unregister(name)
