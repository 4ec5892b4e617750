"""Templates on the pages: seen, tried, proposed, approved by another person, gone back from."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Engine, text

from tests.operators.console.conftest import OA, SignIn
from tests.operators.console.stage import SEEN, Stage
from tests.operators.console.waiting import scalar
from worker.services.deployment import Deployment

NEW = "Hồ sơ {{ code }} đã được tiếp nhận tại {{ place }}.\r\n"
FORM = '[[params]]\r\nname = "ma_ho_so"\r\nfact = "code"\r\nlongest = 50\r\n'
_STATES = """
SELECT string_agg(version || ' ' || CASE WHEN used_since IS NOT NULL THEN 'used' WHEN refused_by IS NOT NULL
THEN 'refused' WHEN approved_by IS NULL THEN 'open' ELSE 'approved' END, ', ' ORDER BY version) FROM letters
WHERE kind = 'accepted'"""


def page(client: Any, path: str = "/templates/accepted") -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return str(answer.content.decode())


def propose(client: Any, message: str = NEW, **more: str) -> Any:
    given = {"message": message, "form": FORM, "why": "rõ hơn", "do": "propose", **more}
    return client.post("/templates/accepted/versions", given)


@pytest.fixture
def two(desk: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another person has to approve."""
    one = desk.of(OA)
    monkeypatch.setattr(one, "settings", one.settings.model_copy(update={"template_approval": "two"}))


def test_before_anybody_changed_anything_the_founding_texts_are_in_use(owner: Engine, sign_in: SignIn) -> None:
    """Also for a clerk, who can change nothing."""
    clerk = sign_in("viewer")
    assert "Đã tiếp nhận" in page(clerk, "/templates")
    shown = page(clerk, "/templates/accepted?version=1")
    assert "đã tiếp nhận hồ sơ H27.37-240219-1001. Ngày hẹn trả: sau 9 giờ 9 phút, ngày 26/02/2024" in shown
    assert "SMS, 1 đoạn" in shown
    assert "<textarea" not in shown
    assert clerk.get("/templates/accepted?version=2").status_code == 404
    assert clerk.get("/templates/nonsense").status_code == 404


def test_an_administrators_proposal_is_used_at_once_where_one_person_is_enough(owner: Engine, sign_in: SignIn) -> None:
    """The ends of lines of a browser are made plain; the audit says who and why."""
    admin = sign_in("admin", "minh")
    assert propose(admin).headers["Location"] == "/templates/accepted"
    assert scalar(owner, _STATES) == "1 approved, 2 used"
    assert scalar(owner, "SELECT source FROM letters WHERE version = 2") == NEW.replace("\r", "")
    query = "SELECT string_agg(concat_ws(' ', verb, subject, by, why), ', ' ORDER BY id) FROM audit"
    assert scalar(owner, query) == (
        "template propose accepted 2 minh rõ hơn, template approve accepted 2 minh rõ hơn"
    )  # fmt: skip
    shown = page(admin, "/templates/accepted")
    assert "Hồ sơ H27.37-240219-1001 đã được tiếp nhận tại tỉnh Hà Tĩnh." in shown
    assert admin.post("/templates/accepted/versions/1/return", {"why": "về bản gốc"}).status_code == 303
    assert scalar(owner, _STATES) == "1 used, 2 approved"


def test_a_preview_changes_nothing_and_shows_both_beside_each_other(owner: Engine, sign_in: SignIn) -> None:
    """With the lines that differ, and what is wrong."""
    client = sign_in("operator")
    shown = propose(client, do="look", why="").content.decode()
    assert "Hồ sơ H27.37-240219-1001 đã được tiếp nhận tại tỉnh Hà Tĩnh." in shown
    assert "Hệ thống giải quyết TTHC tỉnh Hà Tĩnh đã tiếp nhận hồ sơ H27.37-240219-1001." in shown
    assert "+Hồ sơ {{ code }} đã được tiếp nhận tại {{ place }}." in shown
    assert scalar(owner, "SELECT count(*) FROM letters") == 0


def test_bad_words_are_refused_with_a_sentence_that_names_the_line(owner: Engine, sign_in: SignIn) -> None:
    """What was typed stays in the form; in the language of the page."""
    client = sign_in("operator")
    answer = propose(client, "Hồ sơ {{ code }}\nGửi {{ name }}")
    assert answer.status_code == 400
    shown = answer.content.decode()
    assert "message.txt.j2, dòng 2: không có biến «name»." in shown
    assert "Gửi {{ name }}\n</textarea>" in shown
    assert propose(client, why="").status_code == 400
    assert scalar(owner, "SELECT count(*) FROM letters") == 0


def test_where_two_persons_are_needed_another_one_approves(two: None, owner: Engine, sign_in: SignIn) -> None:
    """Whoever proposed cannot approve; an operator cannot approve at all."""
    minh, lan, operator = sign_in("admin", "minh"), sign_in("admin", "lan"), sign_in("operator", "hoa")
    propose(minh)
    assert scalar(owner, _STATES) == "1 used, 2 open"
    assert "Bản 2" in page(operator, "/templates")
    assert operator.post("/templates/accepted/versions/2/approval", {"why": "x"}).status_code == 403
    own = minh.post("/templates/accepted/versions/2/approval", {"why": "x"}, follow=True).content.decode()
    assert "Người đề xuất không tự duyệt được" in own
    assert lan.post("/templates/accepted/versions/2/approval", {"why": ""}).status_code == 400
    assert lan.post("/templates/accepted/versions/2/approval", {"why": "đã đọc"}).status_code == 303
    assert scalar(owner, _STATES) == "1 approved, 2 used"


def test_an_operators_proposal_waits_and_may_be_refused(owner: Engine, sign_in: SignIn) -> None:
    """A refused one is never used."""
    propose(sign_in("operator", "hoa"))
    assert scalar(owner, _STATES) == "1 used, 2 open"
    admin = sign_in("admin")
    assert admin.post("/templates/accepted/versions/2/refusal", {"why": "sai"}).status_code == 303
    again = admin.post("/templates/accepted/versions/2/approval", {"why": "x"}, follow=True).content.decode()
    assert "Bản này không chờ duyệt" in again
    assert scalar(owner, _STATES) == "1 used, 2 refused"


def test_a_sample_is_sent_to_staff_alone(owner: Engine, sign_in: SignIn, desk: Deployment) -> None:
    """The phone stands in the form, and nowhere else."""
    person = Stage(owner, desk).person()
    client, form = sign_in("operator"), {"version": "1", "whom": "0978362918", "why": "xem thử"}
    refused = client.post("/templates/accepted/trials", form, follow=True).content.decode()
    assert "không phải của cán bộ" in refused
    with owner.begin() as tx:
        query = "INSERT INTO alarm_staff SELECT oa, id, now() FROM followers WHERE person_id = :person"
        tx.execute(text(query), {"person": person})
    sent = client.post("/templates/accepted/trials", form, follow=True).content.decode()
    assert "Tin mẫu sẽ đến trong vài giây." in sent
    assert scalar(owner, "SELECT kind || ' ' || state FROM notices") == "template_trial due"
    assert "978362918" not in scalar(owner, "SELECT string_agg(concat(subject, why), ' ') FROM audit")


def test_the_story_of_a_dossier_names_the_version_of_each_notice(
    owner: Engine, sign_in: SignIn, desk: Deployment
) -> None:
    """Also when the text itself is gone."""
    stage = Stage(owner, desk)
    stage.person()
    stage.notice(SEEN, "accepted", "sending", "sent", text=None, template_version=1)
    shown = page(sign_in("viewer"), f"/dossiers/{SEEN}")
    assert '<a href="/templates/accepted?version=1">Mẫu tin: bản 1</a>' in shown
