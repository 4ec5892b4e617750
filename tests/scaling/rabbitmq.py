"""A RabbitMQ node of Debian's package for tests: its own ports on loopback, its own folder, nothing left behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import amqp
import psutil

from sandbox.servers.child import Child
from sandbox.servers.files import candidate_ports, wait_until
from tests.scaling.outsiders import private_folder, spawn

_SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")  # the one in /usr/sbin changes to a user and folders of its own
_CONTROL = _SERVER.with_name("rabbitmqctl")
_EPMD = shutil.which("epmd")
_START_SECONDS = 90.0
_END_SECONDS = 20.0

ABSENT = (
    ""
    if _SERVER.exists() and _EPMD
    else "no RabbitMQ here: `apt-get install --no-install-recommends rabbitmq-server` runs these tests"
)


class RabbitMQ:
    """One node, and the port mapper (epmd) that it registers with; both die with us."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        ports = candidate_ports(None)
        self._ports = {name: next(ports) for name in ("node", "distribution", "epmd")}
        self._life = os.open(folder / "life", os.O_RDWR | os.O_CREAT)
        self._mapper = self._spawn([str(_EPMD), "-port", str(self._ports["epmd"]), "-address", "127.0.0.1"], {})

    @property
    def address(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self._ports['node']}"

    @property
    def url(self) -> str:
        """What HCC_BROKER_URL gets."""
        return f"amqp://guest:guest@{self.address}//"

    def start(self) -> None:
        """Start the node, with what it kept; back when it lets clients in."""
        self._node = self._spawn([str(_SERVER)], self._environment())
        assert wait_until(lambda: self.serves() or not self._node.alive, _START_SECONDS), "RabbitMQ does not answer"
        assert self._node.alive, (self._folder / "out").read_text()[-3000:]

    def signal(self, number: signal.Signals) -> None:
        """Send the node a signal."""
        os.kill(self._node.pid, number)

    def kill(self) -> None:
        """Kill -9."""
        self._node.stop((signal.SIGKILL,), _END_SECONDS)

    def close(self) -> None:
        """End both and wait until they are gone."""
        for child in (self._node, self._mapper):
            child.stop((signal.SIGTERM, signal.SIGKILL), _END_SECONDS)
        os.close(self._life)

    def serves(self) -> bool:
        """Whether it lets clients in."""
        with suppress(OSError, amqp.AMQPError), amqp.Connection(self.address, connect_timeout=2):
            return True
        return False

    def type_of(self, queue: str) -> str:
        """The type of a queue, which it tells who declares it as another one."""
        for kind in ("classic", "quorum"):
            with suppress(amqp.PreconditionFailed), amqp.Connection(self.address) as connection:
                connection.channel().queue_declare(
                    queue, durable=True, auto_delete=False, arguments={"x-queue-type": kind}
                )
                return kind
        return "other"

    def waiting(self, queue: str) -> int:
        """How many messages a queue holds that nobody has taken; 0 where there is no such queue yet."""
        return self._depth(queue) or 0

    def empty(self, queue: str) -> None:
        """Throw away what waits there."""
        with suppress(amqp.NotFound), amqp.Connection(self.address) as connection:
            connection.channel().queue_purge(queue)

    def has(self, queue: str) -> bool:
        """Whether there is such a queue."""
        return self._depth(queue) is not None

    def _depth(self, queue: str) -> int | None:
        with suppress(amqp.NotFound), amqp.Connection(self.address) as connection:
            return int(connection.channel().queue_declare(queue, passive=True).message_count)
        return None

    def make_another_type(self, queue: str) -> None:
        """Put a classic queue in its place, as an operator of before might have left it."""
        with amqp.Connection(self.address) as connection:
            channel = connection.channel()
            channel.queue_delete(queue)
            channel.queue_declare(queue, durable=True, auto_delete=False, arguments={"x-queue-type": "classic"})

    def delete(self, queue: str) -> None:
        """Delete it with what waits there."""
        with amqp.Connection(self.address) as connection:
            connection.channel().queue_delete(queue)

    def set_memory(self, share: float) -> None:
        """From so much of the machine's memory on it takes no messages; 0 raises the alarm at once."""
        words = [f"{name}={value}" for name, value in self._environment().items()]
        subprocess.run(
            ["/usr/bin/env", *words, str(_CONTROL), "set_vm_memory_high_watermark", str(share)],
            check=True,
            capture_output=True,
            timeout=_START_SECONDS,
        )

    def clients_of(self, pids: Iterable[int]) -> int:
        """How many connections these processes and their children have to it."""
        roots = [psutil.Process(pid) for pid in pids]
        processes = [*roots, *(child for root in roots for child in root.children(recursive=True))]
        return sum(
            bool(socket.raddr) and socket.raddr.port == self._ports["node"]
            for process in processes
            for socket in process.net_connections("tcp")
        )

    def _environment(self) -> dict[str, str]:
        of = self._folder
        return {
            "HOME": str(of),  # of the cookie
            "RUNNING_UNDER_SYSTEMD": "true",  # no shell in between: our child is the node
            "ERL_EPMD_PORT": str(self._ports["epmd"]),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": "hcc@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self._ports["node"]),
            "RABBITMQ_DIST_PORT": str(self._ports["distribution"]),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            "RABBITMQ_MNESIA_BASE": str(of / "mnesia"),
            "RABBITMQ_LOG_BASE": str(of / "log"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(of / "plugins"),
            "RABBITMQ_PID_FILE": str(of / "pid"),
            "RABBITMQ_CONF_ENV_FILE": str(of / "environment"),
            "RABBITMQ_CONFIG_FILE": str(of / "rabbitmq"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(of / "advanced"),
        }

    def _spawn(self, command: list[str], environment: dict[str, str]) -> Child:
        words = [f"{name}={value}" for name, value in environment.items()]
        return spawn(["/usr/bin/env", *words, *command], self._folder, self._life)


@contextmanager
def rabbitmq() -> Iterator[RabbitMQ]:
    """A running node; gone with the context, and its folder too."""
    with private_folder("rabbitmq") as folder, closing(RabbitMQ(folder)) as node:
        node.start()
        yield node
