"""Who can write to Redis: whatever lies in the queues and under our keys, everybody is told once, and nobody else."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable
from itertools import cycle
from typing import Any

import pytest
import requests

from tests.abuse.conftest import Figures, Siege
from tests.coordination.poison import poison

pytestmark = pytest.mark.journey

_QUEUES = ("hcc:poll", "hcc:deliver", "hcc:upkeep")


def message(task: object = "worker.wake", args: object = (), embed: object = None, **headers: Any) -> str:
    """As kombu writes one, with whatever is to be tried."""
    body = json.dumps([args, {}, embed or {"callbacks": None, "errbacks": None, "chain": None, "chord": None}])
    return json.dumps(
        {
            "body": base64.b64encode(body.encode()).decode(),
            "content-encoding": "utf-8",
            "content-type": headers.pop("content_type", "application/json"),
            "headers": {"lang": "py", "task": task, "id": "an-id", "retries": 0, **headers},
            "properties": {
                "correlation_id": "an-id",
                "delivery_info": {"exchange": "upkeep", "routing_key": "upkeep"},
                "delivery_tag": headers.pop("tag", f"tag-{random.random()}"),  # noqa: S311 (any tag will do)
                "body_encoding": "base64",
            },
        }
    )


_FAR = "2126-01-01T00:00:00+00:00"
MESSAGES = (
    b"\xff\xfe\x00 bytes", "", "{", "null", "[]", "{}", "[" * 100_000, '{"properties": {}}', '"text"', "9" * 10_000,
    json.dumps({"properties": {"delivery_tag": []}, "body": 7}),
    message(eta=_FAR), message(eta="never"), message(expires="never"), message(expires=7),
    message(timelimit=[0.001, 0.001]),
    message(timelimit="x"), message(retries=10**9), message(group="g"), message(shadow="s"), message(id=[]),
    message(id=None), message(compression="gzip"), message(stamps={"a": 1}), message(unknown=1), message(root_id={}),
    message(content_type="application/x-python-serialize"), message(tag=[]), message(tag={}),
    message("celery.chord_unlock"), message("celery.backend_cleanup"), message("os.system", ["ls"]), message(7),
    message(None),
    message("worker.deliver"), message("worker.deliver", [7]), message("worker.deliver", ["x" * 1000]),
    message("worker.deliver", ["4024926008133882615", 10**9]), message("worker.deliver", ["an-oa-of-nobody"]),
    message("worker.wake", ["too", "many"]), message("worker.wake", "text"),
    message(embed={"callbacks": [{"task": "worker.sweep"}]}), message(embed={"chain": [{"task": "worker.sweep"}]}),
    message(embed={"errbacks": [{"task": "worker.sweep"}]}), message(embed={"chord": {"task": "worker.sweep"}}),
)  # fmt: skip


def throw_messages(siege: Siege) -> None:
    rest = cycle((queue, one) for one in MESSAGES for queue in _QUEUES)
    with siege.redis as client:
        siege.until_over(lambda: client.lpush(*next(rest)), pause=0.002)


def spoil_keys(siege: Siege) -> None:
    draw = random.Random(7)  # noqa: S311 (the same poison each time)
    with siege.redis as client:
        siege.until_over(lambda: poison(client, draw), pause=0.2)


def test_messages_that_are_no_bells(siege: Siege, survives: Callable[..., Figures]) -> None:
    """Dropped and counted; no process ends, nothing runs that is not ours, and the bells are heard beside them."""
    survives("messages that are no bells", throw_messages, people=range(10, 20))
    metrics = requests.get(f"http://127.0.0.1:{siege.port}/metrics", timeout=10).text
    counted = [line for line in metrics.splitlines() if line.startswith("hcc_refused_total{")]
    assert len(counted) >= 4, metrics


def test_keys_that_anybody_spoils(siege: Siege, survives: Callable[..., Figures]) -> None:
    """Each dose heals within a sweep; who may have been told under a lease whose marks were lost is not told again."""
    survives("keys of ours, spoilt at random", spoil_keys, people=range(10, 20), doubts=True)
