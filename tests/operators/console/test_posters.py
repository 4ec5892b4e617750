"""Posters in the console: of one unit as PDF or PNG, of several in one ZIP, each role its own."""

from __future__ import annotations

import io
from zipfile import ZipFile

import pytest
from sqlalchemy import Engine

from domain.units import ListedUnit
from ledger.base import units
from tests.operators.console.conftest import OA, SignIn

_UNITS = (
    ListedUnit("H27.37", "UBND xã Cẩm Bình"),
    ListedUnit("H27.37.2", "Bộ phận một cửa Cẩm Bình", "H27.37"),
    ListedUnit("H27.115", "UBND phường Thành Sen"),
)


@pytest.fixture
def listed(owner: Engine) -> None:
    """Three units that exist."""
    with owner.begin() as tx:
        units.change(tx, OA, _UNITS, whole=True)


def test_a_unit_has_its_poster_as_a_file(listed: None, sign_in: SignIn) -> None:
    """In both sizes and both forms; what is not in the list is not found."""
    client = sign_in("operator")
    shown = client.get("/posters").content.decode()
    assert ("UBND xã Cẩm Bình" in shown, 'href="/posters/H27.115.png?size=a5"' in shown) == (True, True)
    assert 'href="/posters"' in client.get("/").content.decode()
    made = client.get("/posters/H27.37.pdf?size=a5")
    assert (made.status_code, made.content[:5]) == (200, b"%PDF-")
    assert made.headers["Content-Disposition"] == 'attachment; filename="H27.37-a5.pdf"'
    for path in ("/posters/H27.99.pdf", "/posters/H27.37.svg", "/posters/H27.37.pdf?size=a0"):
        assert client.get(path).status_code == 404, path


def test_several_posters_are_one_archive(listed: None, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as a page may wait for."""
    from operators.console.views import posters  # noqa: PLC0415 (Django)

    client = sign_in("operator")
    made = client.get("/posters.zip?unit=H27.37&unit=H27.115&unit=unknown&size=a5&form=pdf")
    with ZipFile(io.BytesIO(b"".join(made.streaming_content))) as archive:
        assert sorted(archive.namelist()) == ["H27.115-a5.pdf", "H27.37-a5.pdf"]
    assert "Chưa chọn đơn vị nào." in client.get("/posters.zip", follow=True).content.decode()
    monkeypatch.setattr(posters, "MOST", 1)
    again = client.get("/posters.zip?unit=H27.37&unit=H27.115", follow=True)
    assert "Mỗi lần tải nhiều nhất 1 áp phích" in again.content.decode()


def test_a_clerk_prints_for_the_own_unit(listed: None, sign_in: SignIn) -> None:
    """And what is below it; an auditor for none."""
    from operators.console.models import Account  # noqa: PLC0415 (Django)

    clerk = sign_in("viewer", "lan")
    assert "chưa gắn với đơn vị nào" in clerk.get("/posters").content.decode()
    Account.objects.filter(username="lan").update(unit="H27.37")
    shown = clerk.get("/posters").content.decode()
    assert ("H27.37.2" in shown, "H27.115" in shown) == (True, False)
    assert clerk.get("/posters/H27.115.pdf").status_code == 404
    assert sign_in("auditor").get("/posters").status_code == 403
