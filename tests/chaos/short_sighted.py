"""Our Celery app with a broker that takes a message for lost after a second: `celery -A tests.chaos.short_sighted`."""

from __future__ import annotations

from worker.app import app

app.conf.broker_transport_options |= {
    "visibility_timeout": 1,
    "unacked_restore_interval": 1,
    "unacked_restore_throttle": 1,
}
