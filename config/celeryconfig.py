"""Configure Celery, whose role is small on purpose: it distributes bells over processes and rings on schedule."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from celery.schedules import schedule

from config.brokers import PATIENCE_SECONDS, broker
from config.connections import RINGERS_MOST
from config.settings import Settings

STALE_SECONDS = 600.0
"""A bell that no worker received for this long is dropped. Its expiry is a time of the ringing host and is judged by
the receiving host's clock (Celery's `expires`), so it must be far longer than the three minutes that clocks may differ
by."""

LIMIT_SECONDS, SOFT_LIMIT_SECONDS = 55, 45
"""The time limits of a task; beat writes them into its bells, and no other limit is accepted."""

_BEGAN, _BEGAN_AT = datetime.now(UTC), time.monotonic()

QUEUES = ("poll", "deliver", "upkeep")

ROUTES = {
    "producers.poll": "poll",
    "producers.events": "upkeep",
    "producers.remind": "poll",
    "producers.reconcile": "upkeep",
    "producers.tell_staff": "upkeep",
    "worker.deliver": "deliver",
    "worker.wake": "upkeep",
    "worker.sweep": "upkeep",
    "worker.settle": "upkeep",
    "worker.renew_tokens": "upkeep",
    "worker.keep_house": "upkeep",
    "worker.tally": "upkeep",
    "worker.reports": "upkeep",
    "worker.sync_followers": "upkeep",
}


def celery_settings(settings: Settings) -> dict[str, Any]:
    """The values for `Celery.conf`."""
    made = broker(settings.broker)
    return {
        **made.celery,
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,  # a worker survives an outage of its broker, however long
        "broker_channel_error_retry": True,  # also for a closed channel, or a queue of another type
        "broker_connection_timeout": PATIENCE_SECONDS,
        "broker_pool_limit": RINGERS_MOST,
        "task_queues": {name: {"exchange": name, "routing_key": name, **made.queue} for name in QUEUES},
        "task_routes": {task: {"queue": queue} for task, queue in ROUTES.items()},
        "task_default_queue": "upkeep",
        "task_acks_late": True,
        "task_reject_on_worker_lost": False,  # a message is only a bell: losing one costs a sweep, a loop costs more
        "task_ignore_result": True,
        "task_time_limit": LIMIT_SECONDS,
        "task_soft_time_limit": SOFT_LIMIT_SECONDS,
        "worker_prefetch_multiplier": 1,
        "worker_consumer": "coordination.consumer:Consumer",  # takes our bells, ignores commands, survives refusals
        "worker_enable_prefetch_count_reduction": False,  # it would prefetch less after each refusal
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
        "beat_scheduler": "coordination.beat:BoundedScheduler",  # writes no file: rings are idempotent
        "beat_schedule": beat_schedule(settings),
    }


def beat_schedule(settings: Settings) -> dict[str, Any]:
    """Which bell rings when. Every ring is idempotent: two beats, or one that catches up, do no harm."""
    every = {
        "producers.poll": settings.poll_seconds,
        "producers.events": 1.0,
        "producers.remind": 600.0,
        "producers.reconcile": 5.0,
        "producers.tell_staff": 60.0,
        "worker.wake": 1.0,
        "worker.sweep": 5.0,
        "worker.settle": 2.0,
        "worker.renew_tokens": 60.0,
        "worker.keep_house": 600.0,
        "worker.tally": 60.0,
        "worker.reports": 60.0,
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
    """The options for publishing a bell. One that is not received in time is dropped: the next one is equivalent.

    A worker drops it by `expires`, RabbitMQ by `expiration`, which Celery sets to the same time. Short queues without a
    running worker do not depend on either: a ringing process first checks how many bells wait (`coordination.unheard`).
    """
    return {
        "expires": stale_seconds,
        "expiration": stale_seconds,
        "timeout": PATIENCE_SECONDS,
        "confirm_timeout": PATIENCE_SECONDS,
    }


def steady_now() -> datetime:
    """A clock that only goes forward: with the host's own clock, beat would pause for as long as that was set back."""
    return _BEGAN + timedelta(seconds=time.monotonic() - _BEGAN_AT)
