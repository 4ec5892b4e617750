"""The probe goes the whole way with real processes, and its delay is a metric."""

from __future__ import annotations

import re

import pytest
from celery import Celery
from sqlalchemy import text

from config.celeryconfig import celery_settings
from ledger.people import probes
from tests.journeys.conftest import World, until
from tests.journeys.test_hooks import Zalo

pytestmark = pytest.mark.journey


def test_the_probe_arrives_and_web_tells_how_long_it_took(world: World) -> None:
    """Recorded by its bell, sent by a worker, confirmed by Zalo; the bell once more records no second one."""
    zalo, user = Zalo(world), world.follow(1001)
    with world.services.ledger.begin() as tx:
        query = text("SELECT id FROM followers WHERE user_id = :user")
        probes.choose(tx, world.oa, tx.execute(query, {"user": user}).scalar_one())
    world.start("worker", "web")
    zalo.wait()
    with Celery("probe", set_as_current=False) as bells:
        bells.config_from_object(celery_settings(world.settings()))
        for _ in range(2):
            bells.send_task("producers.tell_staff")
            [message] = world.messages(1)
    assert message["user_id"] == user
    zalo.tell("user_received_message", user_id=user, message_id=message["message_id"])
    sample = re.compile(r'^hcc_probe_delay_seconds\{.*step="delivered".*\} ([\d.]+)$', re.MULTILINE)
    until(lambda: sample.search(zalo.metrics()) is not None, "the metric of the probe", world=world)
    found = sample.search(zalo.metrics())
    assert found is not None
    assert 0 < float(found[1]) < 60
