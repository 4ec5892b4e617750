"""The world of a command: its settings, with embedded servers and the sandbox's Zalo in place of those not set.

Unset database and Redis URLs select the embedded servers. An unset dossier database selects the sandbox's schema in
them, and an unset Zalo app the sandbox's Zalo. So everything can be tried on a bare machine, and a sandbox never meets
real Zalo. If messages go to real Zalo, embedded servers are refused unless HCC_EMBEDDED allows them.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import TypeAdapter, ValidationError

from config.arrival import PREFIX, layered
from config.oas import load_oas
from config.settings import REAL_ZALO, ROOT, UP_ENV, VAR, SettingsError
from ledger.console import ROLE as CONSOLE_ROLE
from ledger.console import role_statements
from operators.endings import is_running
from sandbox.dossiers.living import create_schema
from sandbox.servers import Servers, running

SERVERS = VAR / "servers"
UP_LOCK = VAR / "up.lock"
_KEYS = VAR / "secret_keys"

SANDBOX_ZALO = {
    "HCC_ZALO_APP_ID": "4213356789012345678",
    "HCC_ZALO_APP_SECRET": "sandbox-app-secret",
    "HCC_ZALO_OA_ID": "4024926008133882615",
    "HCC_ZALO_OA_SECRET": "sandbox-oa-secret",
}


def given() -> dict[str, str]:
    """The settings that are set; the environment takes precedence over `.env`. Raises `SettingsError`."""
    try:
        merged = layered(ROOT / ".env")
    except ValueError as error:
        raise SettingsError([str(error)]) from None
    return {name: value for name, value in merged.items() if name.startswith(PREFIX)}


@contextmanager
def world() -> Iterator[dict[str, str]]:
    """Add the settings that are not set to `os.environ`, and yield them.

    Uses the servers of a running `hcc up`, or starts servers for this command alone.
    """
    up = _of_running_up()
    if up is not None:  # its Zalo takes precedence over the one that `.env` may name
        os.environ.update({name: value for name, value in up.items() if not os.environ.get(name)})
        yield up
        return
    with embedded(SERVERS, given()) as added:
        os.environ.update(added)
        yield added


@contextmanager
def embedded(root: Path, known: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Start embedded servers under `root` for the URLs that `known` lacks; yields the settings to add."""
    several = "HCC_OAS" in known  # its tables name their own Zalo apps and dossier databases; there is no substitute
    added = dict(SANDBOX_ZALO) if not several and "HCC_ZALO_APP_ID" not in known else {}
    if "HCC_SECRET_KEYS" not in known and "HCC_DATABASE_URL" not in known:
        added["HCC_SECRET_KEYS"] = _secret_key()
    wanted = ({"HCC_DATABASE_URL", "HCC_REDIS_URL"} | ({"HCC_DOSSIER_URL"} if not several else set())) - known.keys()
    if not wanted:
        yield added
        return
    _refuse_beside_real_zalo(sorted(wanted), known)
    with Servers(root) as servers:
        urls = {"HCC_DATABASE_URL": servers.database_url(), "HCC_REDIS_URL": servers.redis_url()}
        if "HCC_DOSSIER_URL" in wanted:
            urls["HCC_DOSSIER_URL"] = _dossier_database(servers)
        if "HCC_DATABASE_URL" in wanted and "HCC_CONSOLE_DATABASE_URL" not in known:
            added["HCC_CONSOLE_DATABASE_URL"] = servers.create_role(CONSOLE_ROLE, role_statements())
        yield added | {name: url for name, url in urls.items() if name in wanted}


def _refuse_beside_real_zalo(wanted: Sequence[str], known: Mapping[str, str]) -> None:
    """Refuse an empty embedded ledger where a setting was forgotten: citizens would be told everything again.

    Raises `SettingsError`.
    """
    if _is_yes(known.get("HCC_EMBEDDED", "")) or all(map(_is_loopback, _zalos(known))):
        return
    what = f"{', '.join(wanted)}: chưa đặt, mà HCC_ZALO_OPENAPI_URL là Zalo thật nên không dùng máy chủ nhúng"
    cure = "đặt các biến ấy, hoặc đặt HCC_EMBEDDED=yes nếu đúng là muốn dùng máy chủ nhúng (dữ liệu ở var/)"
    raise SettingsError([f"{what} — {cure}"])


def _zalos(known: Mapping[str, str]) -> set[str]:
    """The URLs to which messages would go; none if no app is set, as the sandbox's Zalo then takes its place."""
    if "HCC_OAS" in known:
        return {one.settings.zalo_openapi_url for one in load_oas("zalo_oa_id").values()}
    return {known.get("HCC_ZALO_OPENAPI_URL", REAL_ZALO)} if "HCC_ZALO_APP_ID" in known else set()


def _is_loopback(url: str) -> bool:
    """Whether the host is a loopback address or `localhost`. Names are not resolved: a DNS answer proves nothing."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_yes(word: str) -> bool:
    """The word as the settings read it. If it is neither yes nor no, the settings report that later."""
    try:
        return TypeAdapter(bool).validate_python(word)
    except ValidationError:
        return False


def _dossier_database(servers: Servers) -> str:
    servers.create_database("dossiers")
    url = servers.database_url("dossiers")
    create_schema(url)
    return url


def _of_running_up() -> dict[str, str] | None:
    """The settings of a running `hcc up`; None if none runs. Removes the file that a killed one left behind."""
    if not UP_ENV.exists():
        return None
    if not is_running(UP_LOCK) and running(SERVERS) is None:  # an `hcc up` of an earlier version has no lock
        UP_ENV.unlink(missing_ok=True)
        return None
    return {name: value for name, value in dotenv_values(UP_ENV).items() if value is not None}


def _secret_key() -> str:
    """The key of the embedded ledger: created once, stored next to it, readable only by its owner."""
    if not _KEYS.exists():
        VAR.mkdir(exist_ok=True)
        descriptor = os.open(_KEYS, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(32))
    return _KEYS.read_text()
