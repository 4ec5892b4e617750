"""The wires under contract, the servers they meet, and certificates made for the occasion."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.worker.wire.servers import Server, Talk
from worker.wire.client import RequestsClient
from worker.wire.curl import CurlWire
from worker.wire.protocol import Client

# Every implementation of the protocol; each is opened with (timeout_seconds, connections, ca_file=...).
WIRES: dict[str, Callable[..., Client]] = {"requests": RequestsClient, "libcurl": CurlWire}


@pytest.fixture(params=WIRES)
def open_wire(request: pytest.FixtureRequest) -> Iterator[Callable[..., Client]]:
    """Opens wires of one implementation, and closes them with the test."""
    with ExitStack() as stack:

        def open_one(timeout_seconds: float = 5, connections: int = 4, **more: Any) -> Client:
            wire = WIRES[request.param](timeout_seconds, connections, **more)
            stack.callback(wire.close)
            return wire

        yield open_one


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """Starts servers, each playing a script on every connection, and ends them with the test."""
    with ExitStack() as stack:

        def start(script: Callable[[Talk], None], tls: ssl.SSLContext | None = None) -> Server:
            server = Server(script, tls)
            stack.callback(server.close)
            return server

        yield start


@pytest.fixture
def certificate(tmp_path: Path) -> Callable[[str], tuple[ssl.SSLContext, str]]:
    """Makes a self-signed certificate for an address: the server's TLS context, and the file that trusts it."""
    return partial(_certificate, tmp_path)


def _certificate(folder: Path, address: str) -> tuple[ssl.SSLContext, str]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "stand-in")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_MAY_SIGN, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    public, private = folder / f"{address}.pem", folder / f"{address}.key"
    public.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, private)
    return context, str(public)


_MAY_SIGN = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)
