"""What every wire does when all is well: each call once, many at once, drawn only as they can leave."""

from __future__ import annotations

import itertools
import select
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing

import pycurl
import pytest

from tests.worker.wire.guards import Watch
from tests.worker.wire.servers import Server, Talk, answer, polite
from worker.wire.ask import ask
from worker.wire.curl import CurlWire
from worker.wire.protocol import Call, Client, NotSent, Reply

Serve = Callable[..., Server]
OpenWire = Callable[..., Client]


def get(server: Server, tag: int) -> Call:
    """A call whose path is its tag."""
    return Call(tag, "GET", f"{server.url}/{tag}", {})


def test_a_whole_answer_is_a_reply(serve: Serve, open_wire: OpenWire) -> None:
    """Status, headers by lower-case names, and the body as it came."""

    def script(talk: Talk) -> None:
        for _ in talk.requests():
            talk.say(answer(b'{"error":0}', more="X-RateLimit-Remain: 7\r\n"))

    result = ask(open_wire(), get(serve(script), 1))
    assert isinstance(result, Reply)
    assert (result.status, result.body) == (200, b'{"error":0}')
    assert result.headers["x-ratelimit-remain"] == "7"
    assert 0 <= result.ms < 5000


def test_the_request_leaves_as_given(serve: Serve, open_wire: OpenWire) -> None:
    """Method, path with parameters, headers and the exact bytes of the body."""
    server = serve(polite)
    call = Call(1, "POST", f"{server.url}/v3?data=%7B%7D", {"access_token": "t0ken"}, body='{"text":"Hồ sơ"}'.encode())
    assert isinstance(ask(open_wire(), call), Reply)
    [request] = server.requests
    assert request.startswith(b"POST /v3?data=%7B%7D HTTP/1.1\r\n")
    assert b"access_token: t0ken\r\n" in request
    assert request.endswith('\r\n\r\n{"text":"Hồ sơ"}'.encode())


def test_no_call_keeps_anything_of_the_one_before(serve: Serve, open_wire: OpenWire) -> None:
    """On one connection: another path, other headers, another method, no body, a body of another length."""
    server, wire = serve(polite), open_wire(connections=1)
    calls = [
        Call(1, "POST", f"{server.url}/one", {"access_token": "first", "x-more": "yes"}, body=b"a long body"),
        Call(2, "POST", f"{server.url}/one", {"access_token": "first", "x-more": "yes"}, body=b"short"),
        Call(3, "GET", f"{server.url}/two", {"access_token": "second"}),
        Call(4, "POST", f"{server.url}/one", {"access_token": "second"}, body=b""),
        Call(5, "POST", "http://no host", {"access_token": "second"}, body=b"never leaves"),
        Call(6, "POST", f"{server.url}/one", {"access_token": "second"}, body=b"the last"),
    ]
    assert [isinstance(ask(wire, call), Reply) for call in calls] == [True, True, True, True, False, True]
    heads, bodies = zip(*(request.split(b"\r\n\r\n", 1) for request in server.requests), strict=True)
    assert bodies == (b"a long body", b"short", b"", b"", b"the last")
    asked = [head.split(b" HTTP", 1)[0] for head in heads]
    assert asked == [b"POST /one", b"POST /one", b"GET /two", b"POST /one", b"POST /one"]
    assert [b"x-more" in head for head in heads] == [True, True, False, False, False]
    assert [b"access_token: first" in head for head in heads] == [True, True, False, False, False]
    assert [b"access_token: second" in head for head in heads] == [False, False, True, True, True]


def test_each_call_comes_back_exactly_once(serve: Serve, open_wire: OpenWire) -> None:
    """Two hundred calls, two hundred results, each with its own answer."""
    server = serve(polite)
    results = list(open_wire().exchange(get(server, tag) for tag in range(200)))
    assert sorted(call.tag for call, _ in results) == list(range(200))
    assert all(isinstance(result, Reply) and result.body == b"/%d" % call.tag for call, result in results)
    assert len(server.requests) == 200


def test_connections_are_kept_alive(serve: Serve, open_wire: OpenWire) -> None:
    """A hundred calls in two exchanges need no more connections than the wire has."""
    server, wire = serve(polite), open_wire(connections=4)
    for _ in range(2):
        assert len(list(wire.exchange(get(server, tag) for tag in range(50)))) == 50
    assert server.connections <= 4


def test_calls_travel_at_the_same_time(serve: Serve, open_wire: OpenWire) -> None:
    """The server answers nobody until eight are there."""
    all_here = threading.Barrier(8)

    def script(talk: Talk) -> None:
        for _ in talk.requests():
            all_here.wait(4)
            talk.say(answer())

    server = serve(script)
    results = [result for _, result in open_wire(connections=8).exchange(get(server, tag) for tag in range(8))]
    assert all(isinstance(result, Reply) for result in results)


def test_results_come_as_they_arrive(serve: Serve, open_wire: OpenWire) -> None:
    """A slow call holds nobody up."""

    def script(talk: Talk) -> None:
        for request in talk.requests():
            talk.pause(0.5 if b"GET /0 " in request else 0)
            talk.say(answer())

    server = serve(script)
    assert [call.tag for call, _ in open_wire(connections=2).exchange([get(server, 0), get(server, 1)])] == [1, 0]


def test_calls_are_drawn_only_as_they_can_leave(serve: Serve, open_wire: OpenWire) -> None:
    """An endless stream of calls is drawn as fast as results are taken: that is the back pressure."""
    server = serve(polite)
    drawn = itertools.count()
    ahead = []
    stream = open_wire(connections=3).exchange(get(server, next(drawn)) for _ in itertools.count())
    for taken, _ in enumerate(itertools.islice(stream, 30), start=1):
        ahead.append(int(repr(drawn)[6:-1]) - taken)
    stream.close()  # type: ignore[attr-defined]
    assert max(ahead) <= 3


def test_leaving_is_told_once_before_anything_leaves(serve: Serve, open_wire: OpenWire) -> None:
    """The mark of a call must stand before the server can have seen it."""
    server = serve(polite)
    told: list[int] = []
    too_late: list[int] = []

    def leaving(tags: Sequence[int]) -> None:
        told.extend(tags)
        time.sleep(0.01)
        too_late.extend(tag for tag in tags if f"/{tag}" in server.paths())

    list(open_wire().exchange((get(server, tag) for tag in range(40)), guard=Watch(leaving)))
    assert sorted(told) == list(range(40))
    assert not too_late


def test_few_calls_are_between_their_mark_and_their_first_byte(serve: Serve) -> None:
    """What a crash can leave in doubt without a byte of it on the wire is not a whole batch, however large."""
    server = serve(polite)
    with closing(CurlWire(5, connections=64)) as wire:
        list(wire.exchange(get(server, tag) for tag in range(64)))  # so that connections stand
        told: list[int] = []

        def leaving(tags: Sequence[int]) -> None:
            assert len(tags) <= 16
            end = time.monotonic() + 5
            while not {f"/{tag}" for tag in told} <= set(server.paths()):
                assert time.monotonic() < end, "those before have not left"
                time.sleep(0.001)
            told.extend(tags)

        results = list(wire.exchange([get(server, tag) for tag in range(100, 164)], guard=Watch(leaving)))
    assert all(isinstance(result, Reply) for _, result in results)
    assert sorted(told) == list(range(100, 164))


def test_no_call_is_marked_while_it_connects(serve: Serve) -> None:
    """A crash at that moment, as soon after a start, leaves none in doubt; another host's connections are no use."""
    near, far = serve(polite), serve(lambda talk: talk.pause(4))
    with closing(CurlWire(1, connections=20)) as wire:
        list(wire.exchange(get(near, tag) for tag in range(20)))  # so that connections stand, but not there
        told: list[int] = []
        calls = [Call(tag, "POST", f"https://127.0.0.1:{far.port}/", {}, b"{}") for tag in range(20)]
        results = [result for _, result in wire.exchange(calls, guard=Watch(told.extend))]
    assert far.connections == 20
    assert [type(result) for result in results] == [NotSent] * 20
    assert told == []


def test_what_may_not_leave_does_not(serve: Serve, open_wire: OpenWire) -> None:
    """A mark that cannot be set holds its calls back; the next ones may go again."""
    server = serve(polite)

    def leaving(tags: Sequence[int]) -> None:
        if tags[0] % 2:
            raise ConnectionError("redis://:secret@host is down")

    exchange = open_wire(connections=1).exchange([get(server, n) for n in range(6)], guard=Watch(leaving))
    results = {call.tag: result for call, result in exchange}
    assert [type(results[tag]) for tag in range(6)] == [Reply, NotSent] * 3
    assert all(result.held_back for result in results.values() if isinstance(result, NotSent))
    assert sorted(server.paths()) == ["/0", "/2", "/4"]
    assert "secret" not in str(results)


def test_an_exchange_left_early_tells_by_its_marks_what_may_have_left(serve: Serve, open_wire: OpenWire) -> None:
    """After the generator is closed nothing leaves any more, and what left was announced."""
    server, told = serve(polite), []
    stream = open_wire(connections=3).exchange((get(server, n) for n in range(50)), guard=Watch(told.extend))
    next(stream)
    stream.close()  # type: ignore[attr-defined]
    seen = sorted(server.paths())
    time.sleep(0.1)
    assert sorted(server.paths()) == seen == sorted(f"/{tag}" for tag in told)
    assert len(told) <= 4


def test_a_fault_in_the_stream_of_calls_is_the_callers(serve: Serve, open_wire: OpenWire) -> None:
    """It comes out where the calls are asked for, and the wire works on."""
    server, wire = serve(polite), open_wire()

    def broken() -> Iterator[Call]:
        yield get(server, 1)
        raise LookupError("composing failed")

    with pytest.raises(LookupError, match="composing"):
        list(wire.exchange(broken()))
    assert isinstance(ask(wire, get(server, 2)), Reply)


def test_closing_a_wire_leaves_no_thread(serve: Serve, open_wire: OpenWire) -> None:
    """Neither after use nor without any."""
    server = serve(polite)
    before = {thread.name for thread in threading.enumerate()}
    wire = open_wire()
    list(wire.exchange(get(server, tag) for tag in range(20)))
    wire.close()
    open_wire().close()
    assert not [t.name for t in threading.enumerate() if t.name not in before and t.name.startswith("wire")]


def test_an_answer_that_is_read_while_its_request_leaves_is_not_waited_for(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A far side that is near answers before libcurl has returned from sending; nothing else will happen then."""
    server = serve(polite)
    with closing(CurlWire(20, connections=1)) as wire:
        ask(wire, get(server, 0))
        wire.start([get(server, 1)])
        [number] = wire._loop._host
        select.select([number], [], [], 5)
        wire._loop._multi.socket_action(number, pycurl.CSELECT_IN)
        waits: list[float] = []
        waiting = wire._loop._selector.select
        monkeypatch.setattr(wire._loop._selector, "select", lambda seconds: [waits.append(seconds), waiting(0)][1])
        [(call, result)] = wire.landed(10)
        assert waits == [0]
    assert isinstance(result, Reply)
    assert call.tag == 1
