"""A network namespace behind two links of its own, one of which can drop every packet in both directions on demand.

    our processes ── hccNapi ═══ api ── a server in the namespace      silent on demand
    the test      ── hccNctl ═══ ctl ── the server's control           never silent

For silence, a permanent wrong neighbour address is set at both ends of a link: each kernel sends its packets to a host
that does not exist, gets no answer, and retransmits them as in real life. Nothing is refused and nothing is reset.
(This works on kernels without netem and packet filters, too.)

The namespace has no name. It exists as long as a process in it, and its links vanish with it: however we end, nothing
is left behind. Only the outer links have names, so each pair has a unique number.
"""

import ipaddress
import os
import random
import shutil
import subprocess
from functools import cache
from types import TracebackType
from typing import Self

TOOLS = ("ip", "nsenter", "unshare", "cat")
# The range for benchmarks between networks (RFC 2544), not used outside laboratories.
NETWORK = ipaddress.ip_network("198.18.0.0/15")
ADDRESSES = 8  # per namespace: four for each link
NUMBERS_TRIED = 20
NOWHERE = "02:00:00:00:00:ff"
PATIENCE_SECONDS = 10.0


class NamespaceError(RuntimeError):
    """The kernel or our account does not allow a namespace, or a tool is missing."""


class Namespace:
    """A namespace with its links, for a `with`. Put `prefix` in front of a command to run it in the namespace."""

    def __init__(self) -> None:
        self._number = 0
        self._holder: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Raises NamespaceError."""
        if missing := [tool for tool in TOOLS if shutil.which(tool) is None]:
            raise NamespaceError(f"{', '.join(missing)} is not installed")
        # It ends when its standard input is closed, so it ends with us, however we end.
        self._holder = subprocess.Popen(
            ["unshare", "--net", "cat"],  # noqa: S607 (wherever the system has them)
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        try:
            self._wait_for_holder()
            self._number = self._claim_number()
            self._build()
        except BaseException:
            self._leave()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        for link in (self.link("api"), self.link("ctl")):
            subprocess.run(["ip", "link", "delete", link], check=False, capture_output=True)  # noqa: S603, S607 (our own link)
        self._leave()

    @property
    def prefix(self) -> tuple[str, ...]:
        """Words in front of a command that run it in the namespace, under the same process id."""
        assert self._holder is not None  # noqa: S101 (asked for within the `with` only)
        return "nsenter", f"--net=/proc/{self._holder.pid}/ns/net", "--"

    @property
    def host(self) -> str:
        """The address in the namespace that falls silent."""
        return self._address("api", inside=True)

    @property
    def control_host(self) -> str:
        """The address in the namespace that never falls silent."""
        return self._address("ctl", inside=True)

    def silence(self) -> None:
        """Drop packets to and from `host` from now on."""
        self._neighbours(NOWHERE, NOWHERE)

    def speak(self) -> None:
        """Let packets pass again: new ones and those that a kernel retransmits."""
        self._neighbours(self._hardware("api", inside=True), self._hardware("api", inside=False))

    def _wait_for_holder(self) -> None:
        """Wait until `cat` answers, that is, until the namespace exists. Raises NamespaceError."""
        assert self._holder is not None  # noqa: S101 (just started)
        assert self._holder.stdin is not None  # noqa: S101 (as above)
        assert self._holder.stdout is not None  # noqa: S101 (as above)
        try:
            self._holder.stdin.write(b"here\n")
            self._holder.stdin.flush()
        except BrokenPipeError:
            raise NamespaceError("this account may make no network namespace") from None
        if self._holder.stdout.readline() != b"here\n":
            raise NamespaceError("this account may make no network namespace")

    def _claim_number(self) -> int:
        """Claim a free number by making its first link; addresses follow from it. Raises NamespaceError."""
        numbers = range(NETWORK.num_addresses // ADDRESSES)
        said = ""
        for number in random.sample(numbers, NUMBERS_TRIED):
            self._number = number
            made = self._make_link("api")
            if made.returncode == 0:
                return number
            said = made.stderr.decode(errors="replace")
            if "exists" not in said:
                break
        raise NamespaceError(f"no link could be made: {said.strip()}")

    def _make_link(self, name: str) -> "subprocess.CompletedProcess[bytes]":
        assert self._holder is not None  # noqa: S101 (just started)
        outside = ("address", self._hardware(name, inside=False))
        inside = ("name", name, "address", self._hardware(name, inside=True), "netns", str(self._holder.pid))
        command = ["ip", "link", "add", self.link(name), *outside, "type", "veth", "peer", *inside]
        return subprocess.run(command, check=False, capture_output=True, timeout=PATIENCE_SECONDS)  # noqa: S603 (our own words)

    def _build(self) -> None:
        if self._make_link("ctl").returncode:
            raise NamespaceError("no second link could be made")
        for name in ("api", "ctl"):
            for link, inside in ((self.link(name), False), (name, True)):
                self._ip(inside, "address", "add", f"{self._address(name, inside=inside)}/30", "dev", link)
                self._ip(inside, "link", "set", link, "up")
        self.speak()

    def _neighbours(self, inner: str, outer: str) -> None:
        """Set at both ends of the link the hardware address of the other end."""
        for link, inside, address in ((self.link("api"), False, inner), ("api", True, outer)):
            other = self._address("api", inside=not inside)
            self._ip(inside, "neigh", "replace", other, "lladdr", address, "dev", link, "nud", "permanent")

    def _ip(self, inside: bool, *words: str) -> None:
        prefix = self.prefix if inside else ()
        done = subprocess.run([*prefix, "ip", *words], check=False, capture_output=True, timeout=PATIENCE_SECONDS)  # noqa: S603 (our own words)
        if done.returncode:
            raise NamespaceError(f"ip {' '.join(words)}: {done.stderr.decode(errors='replace').strip()}")

    def link(self, name: str = "api") -> str:
        """The name of the outer end of a link."""
        return f"hcc{self._number}{name}"

    def _address(self, name: str, *, inside: bool) -> str:
        first = self._number * ADDRESSES + (ADDRESSES // 2 if name == "ctl" else 0)
        return str(NETWORK[first + (2 if inside else 1)])

    def _hardware(self, name: str, *, inside: bool) -> str:
        """A locally administered address, unique to this end of this link."""
        high, low = divmod(self._number, 256)
        return f"02:00:{high:02x}:{low:02x}:{int(name == 'ctl'):02x}:{int(inside):02x}"

    def _leave(self) -> None:
        if self._holder is not None:
            self._holder.communicate(timeout=PATIENCE_SECONDS)
            self._holder = None


@cache
def why_no_namespace() -> str:
    """Why this machine or this account cannot have a namespace; empty if it can."""
    if os.geteuid() != 0:
        return "only root may connect a network namespace"
    try:
        with Namespace():
            return ""
    except (NamespaceError, OSError) as error:
        return str(error)
