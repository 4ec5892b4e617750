"""Celery's knobs. Its part is small on purpose: it spreads bells over processes and rings on schedule."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from celery.schedules import schedule

from config.brokers import PATIENCE_SECONDS, broker
from config.connections import RINGERS_MOST
from config.settings import Settings

STALE_SECONDS = 600.0
"""A bell that nobody heard for so long is dropped. Its end is a time of the ringing host, judged by the hearing host's
clock (Celery's `expires`), so it must be far beyond the three minutes that clocks may differ by."""

LIMIT_SECONDS, SOFT_LIMIT_SECONDS = 55, 45
"""Of a task; beat writes them into its bells, and no other limit is heard."""

_BEGAN, _BEGAN_AT = datetime.now(UTC), time.monotonic()

QUEUES = ("poll", "deliver", "upkeep")

ROUTES = {
    "producers.poll": "poll",
    "producers.events": "upkeep",
    "producers.remind": "poll",
    "producers.reconcile": "upkeep",
    "worker.deliver": "deliver",
    "worker.wake": "upkeep",
    "worker.sweep": "upkeep",
    "worker.settle": "upkeep",
    "worker.renew_tokens": "upkeep",
    "worker.keep_house": "upkeep",
    "worker.sync_followers": "upkeep",
}


def celery_settings(settings: Settings) -> dict[str, Any]:
    """What `Celery.conf` gets."""
    made = broker(settings.broker)
    return {
        **made.celery,
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,  # a worker outlives its broker, however long that is away
        "broker_channel_error_retry": True,  # also a closed channel, or a queue of another type
        "broker_connection_timeout": PATIENCE_SECONDS,
        "broker_pool_limit": RINGERS_MOST,
        "task_queues": {name: {"exchange": name, "routing_key": name, **made.queue} for name in QUEUES},
        "task_routes": {task: {"queue": queue} for task, queue in ROUTES.items()},
        "task_default_queue": "upkeep",
        "task_acks_late": True,
        "task_reject_on_worker_lost": False,  # a message is only a bell: losing one costs a sweep, looping costs more
        "task_ignore_result": True,
        "task_time_limit": LIMIT_SECONDS,
        "task_soft_time_limit": SOFT_LIMIT_SECONDS,
        "worker_prefetch_multiplier": 1,
        "worker_consumer": "worker.queue.consumer:Consumer",  # takes our bells, hears no commands, outlives refusals
        "worker_enable_prefetch_count_reduction": False,  # after each refusal it would hear less
        "worker_enable_remote_control": False,
        "worker_send_task_events": False,
        "task_send_sent_event": False,
        "accept_content": ["json"],
        "worker_soft_shutdown_timeout": 20,
        "worker_enable_soft_shutdown_on_idle": True,
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        "worker_max_tasks_per_child": 2000,
        "worker_hijack_root_logger": False,
        "timezone": "UTC",
        "beat_scheduler": "worker.queue.beat:BoundedScheduler",  # keeps no file: rings are idempotent
        "beat_schedule": beat_schedule(settings),
    }


def beat_schedule(settings: Settings) -> dict[str, Any]:
    """What rings when. Every ring is idempotent: two beats, or one that catches up, do no harm."""
    every = {
        "producers.poll": settings.poll_seconds,
        "producers.events": 1.0,
        "producers.remind": 600.0,
        "producers.reconcile": 5.0,
        "worker.wake": 1.0,
        "worker.sweep": 5.0,
        "worker.settle": 2.0,
        "worker.renew_tokens": 60.0,
        "worker.keep_house": 600.0,
        "worker.sync_followers": 60.0,
    }
    return {
        task: {
            "task": task,
            "schedule": schedule(seconds, nowfun=steady_now),
            "options": ringing(),
        }
        for task, seconds in every.items()
    }


def ringing(stale_seconds: float = STALE_SECONDS) -> dict[str, Any]:
    """How a bell is published. One that nobody heard in time is dropped: the next one says the same.

    A worker drops it by `expires`, RabbitMQ by `expiration`, which Celery sets to the same time. That queues stay short
    where no worker runs does not rest on either: who rings looks first how many hang there (`worker.queue.unheard`).
    """
    return {
        "expires": stale_seconds,
        "expiration": stale_seconds,
        "timeout": PATIENCE_SECONDS,
        "confirm_timeout": PATIENCE_SECONDS,
    }


def steady_now() -> datetime:
    """A clock that only goes forward: by the host's own, beat would stand still for as long as that was set back."""
    return _BEGAN + timedelta(seconds=time.monotonic() - _BEGAN_AT)
