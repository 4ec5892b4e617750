"""`hcc oa login`: consent in a browser, the address pasted back, the pair in the ledger."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from config.settings import ROOT
from tests.journeys.conftest import World, world  # noqa: F401 (a fixture)

CALLBACK = "https://example.gov.vn/zalo"


def login(world: World, *options: str, spoil: str = "") -> subprocess.CompletedProcess[str]:  # noqa: F811 (the fixture's name)
    """Run the command, consent as the OA's administrator would, and paste the address."""
    process = subprocess.Popen(
        [str(Path(sys.executable).with_name("hcc")), "oa", "login", "--redirect-uri", CALLBACK, *options],
        cwd=ROOT, env={**os.environ, **world.environment}, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    process.stdout.readline()
    address = process.stdout.readline().strip()
    consented = requests.get(address, allow_redirects=False, timeout=10).headers["Location"]
    out, err = process.communicate(re.sub(spoil, "wrong", consented) if spoil else consented, timeout=60)
    return subprocess.CompletedProcess([], process.returncode, out, err)


@pytest.mark.parametrize("options", [(), ("--verifier", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")])
def test_a_consent_brings_a_dead_grant_back(world: World, options: tuple[str, ...]) -> None:  # noqa: F811 (the fixture's name)
    """PKCE with a verifier per request, and with the fixed one of the console page."""
    world.zalo.kill_grant()
    ended = login(world, *options)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert world.rows("SELECT version, dead_because FROM credentials") == [(2, None)]
    assert world.rows("SELECT verb FROM audit") == [("oa login",)]


def test_a_foreign_or_damaged_address_is_refused(world: World) -> None:  # noqa: F811 (the fixture's name)
    """Another state is somebody else's consent; a wrong code gets nothing, and the stored pair stays."""
    assert "lần xin quyền khác" in login(world, spoil=r"(?<=state=)[\w-]+").stderr
    assert "không cấp token" in login(world, spoil=r"(?<=code=)[\w-]+").stderr
    assert world.rows("SELECT version FROM credentials") == [(1,)]
