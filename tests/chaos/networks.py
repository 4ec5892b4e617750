"""How the workers of a scenario reach Zalo: straight, or over a network that can fall silent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol
from urllib.parse import urlsplit

import pytest

from sandbox.network import Forwarder, Namespace, why_no_namespace
from sandbox.zalo.client import SandboxZalo

STRAIGHT, NAMESPACE, FORWARDER = "straight", "namespace", "forwarder"

SILENT = [
    pytest.param(NAMESPACE, marks=pytest.mark.skipif(bool(why_no_namespace()), reason=why_no_namespace())),
    FORWARDER,
]
"""The two that can: the kernel's own packets are dropped (root), or bytes are held as a kernel does (any user)."""


class Silenceable(Protocol):
    """A network between us and Zalo; control is always heard."""

    def silence(self) -> None: ...

    def speak(self) -> None: ...


@contextmanager
def zalo_behind(network: str, **options: Any) -> Iterator[tuple[SandboxZalo, str, Silenceable | None]]:
    """A running Zalo, the URL under which workers reach it, and the network in between, if it can fall silent."""
    if network == NAMESPACE:
        with (
            Namespace() as space,
            SandboxZalo(prefix=space.prefix, host=space.host, control_host=space.control_host, **options) as zalo,
        ):
            yield zalo, zalo.api_url, space
    elif network == FORWARDER:
        with SandboxZalo(**options) as zalo, Forwarder(urlsplit(zalo.api_url).port or 0) as forwarder:
            yield zalo, f"http://127.0.0.1:{forwarder.port}", forwarder
    else:
        with SandboxZalo(**options) as zalo:
            yield zalo, zalo.api_url, None
