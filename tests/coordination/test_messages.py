"""A message of the queues is a bell of ours, as our own Celery writes it, or it is dropped."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from celery import Celery
from celery.app.amqp import task_message
from celery.beat import ScheduleEntry, Scheduler

from config.celeryconfig import LIMIT_SECONDS, QUEUES, ROUTES, SOFT_LIMIT_SECONDS, ringing
from coordination.messages import MessageFault, envelope, fault_of

OA = "4024926008133882615"


def bell(task: str, *args: object, **options: Any) -> task_message:
    """As Celery writes it: the same code that rings."""
    return Celery("a", set_as_current=False).amqp.as_task_v2("an-id", task, args=args, ignore_result=True, **options)


def judged(message: task_message, **headers: Any) -> MessageFault | None:
    return fault_of({**message.headers, **headers}, json.dumps(message.body), "application/json")


@pytest.mark.parametrize("task", sorted(set(ROUTES) - {"worker.deliver"}))
def test_every_bell_of_ours_is_heard(task: str) -> None:
    assert judged(bell(task, expires=600)) is None
    assert judged(bell(task), redelivered=True) is None
    assert judged(bell(task), timelimit=[LIMIT_SECONDS, SOFT_LIMIT_SECONDS]) is None, "as beat has it from the task"
    assert judged(bell(task, parent_id="another", root_id="first"), **{"x-delivery-count": 2}) is None


def test_a_bell_for_an_oa_names_it_and_perhaps_its_hops() -> None:
    assert judged(bell("worker.deliver", OA)) is None
    assert judged(bell("worker.deliver", OA, 3)) is None


@pytest.mark.parametrize(
    "args", [(), (7,), ("x" * 65,), ("a b",), (OA, "3"), (OA, True), (OA, 4), (OA, -1), (OA, 1, 1), (None,), ([OA],)]
)
def test_other_arguments_are_refused(args: tuple[object, ...]) -> None:
    assert judged(bell("worker.deliver", *args)) is MessageFault.ARGUMENTS


def test_arguments_by_name_are_refused() -> None:
    message = bell("worker.wake", kwargs={"a": 1})
    assert judged(message) is MessageFault.ARGUMENTS


@pytest.mark.parametrize("task", ["celery.chord", "celery.backend_cleanup", "os.system", "", 7, None, []])
def test_other_tasks_are_refused(task: object) -> None:
    assert judged(bell("worker.wake"), task=task) is MessageFault.TASK


@pytest.mark.parametrize(
    "header",
    [
        {"eta": "2126-01-01T00:00:00+00:00"}, {"timelimit": [1, None]}, {"timelimit": [None, 0.001]}, {"retries": 1},
        {"retries": False}, {"group": "g"}, {"group_index": 0}, {"shadow": "s"}, {"stamps": {"a": 1}}, {"id": []},
        {"stamped_headers": ["a"]}, {"expires": "soon"}, {"expires": 7}, {"expires": "2126-01-01T00:00:00"},
        {"expires": "9999-12-31T23:59:59+00:00"}, {"compression": "gzip"}, {"unknown": None}, {"x-more": "text"},
        {"argsrepr": "x" * 2000}, {"lang": "js"}, {"replaced_task_nesting": 1}, {"parent_id": {}},
    ],
)  # fmt: skip
def test_other_headers_are_refused(header: dict[str, Any]) -> None:
    assert judged(bell("worker.wake"), **header) is MessageFault.HEADER


@pytest.mark.parametrize("part", ["callbacks", "errbacks", "chain", "chord"])
def test_what_celery_would_do_afterwards_is_refused(part: str) -> None:
    assert judged(bell("worker.wake", **{part: [{"task": "worker.sweep"}]})) is MessageFault.HEADER


@pytest.mark.parametrize("body", [b"\xff", "", "{", "[" * 100_000, "9" * 10_000, b"[]" * 40_000, None, 7])
def test_bodies_that_cannot_be_decoded_are_refused(body: object) -> None:
    assert fault_of(bell("worker.wake").headers, body, "application/json") is MessageFault.BYTES


def test_nothing_but_json_is_read() -> None:
    message = bell("worker.wake")
    assert fault_of(message.headers, json.dumps(message.body), "application/x-python-serialize") is MessageFault.BYTES


def wrapped(ring: Callable[[Celery, Any], object]) -> str:
    """What kombu puts into a queue of Redis when somebody of ours rings."""
    app, put = Celery("a", set_as_current=False, broker="memory://"), list[dict[str, Any]]()
    app.conf.task_queues = {name: {"exchange": name, "routing_key": name} for name in QUEUES}
    app.conf.task_routes = {name: {"queue": queue} for name, queue in ROUTES.items()}
    with app.connection_for_write() as connection:
        channel = connection.default_channel
        channel._put = lambda _queue, message, **_: put.append(message)
        ring(app, app.amqp.Producer(channel))
    return json.dumps(put[0])


def options() -> dict[str, Any]:
    """As bells are published, but for the patience, which only some brokers have."""
    return {name: value for name, value in ringing().items() if "timeout" not in name}


@pytest.mark.parametrize("task", sorted(set(ROUTES) - {"worker.deliver"}))
def test_what_beat_rings_is_let_through_as_it_is(task: str) -> None:
    def ring(app: Celery, producer: Any) -> object:
        entry = ScheduleEntry(name=task, task=task, schedule=1.0, options=options(), app=app)
        return Scheduler(app, lazy=True).apply_async(entry, producer=producer, advance=False)

    item = wrapped(ring)
    assert envelope(item) == json.loads(item)


@pytest.mark.parametrize("bell", [("worker.wake",), ("worker.deliver", OA), ("worker.deliver", OA, 3)])
def test_what_kombu_wraps_is_let_through_as_it_is(bell: tuple[str, ...]) -> None:
    task, *args = bell
    told = {"retry": False, "ignore_result": True, **options()}
    item = wrapped(lambda app, producer: app.send_task(task, args=args, producer=producer, **told))
    assert envelope(item) == json.loads(item)
    assert envelope(item.replace("base64", "hex")) is MessageFault.ENVELOPE


@pytest.mark.parametrize("item", [b"\xff", "", "null", "[" * 100_000, "9" * 10_000])
def test_items_of_a_queue_that_cannot_be_decoded_are_refused(item: bytes | str) -> None:
    assert envelope(item) is MessageFault.BYTES


@pytest.mark.parametrize("item", ["[]", "7", "{}", '{"properties": []}', '{"properties": {"delivery_tag": []}}'])
def test_items_that_kombu_did_not_wrap_are_refused(item: str) -> None:
    assert envelope(item) is MessageFault.ENVELOPE
