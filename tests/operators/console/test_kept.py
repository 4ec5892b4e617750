"""Answers that many pages show are asked once, by many threads, and anew after a deed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from operators.console.kept import KeptAnswers


def test_an_answer_is_asked_once_while_it_is_kept() -> None:
    """And again when it is too old, each key for itself."""
    asked: list[str] = []
    kept: KeptAnswers[int] = KeptAnswers(seconds=60)
    assert [kept.get(key, lambda key=key: asked.append(key) or len(asked)) for key in "aabab"] == [1, 1, 2, 1, 2]  # type: ignore[misc]
    old: KeptAnswers[int] = KeptAnswers(seconds=-1)
    assert [old.get("", lambda number=number: number) for number in (1, 2)] == [1, 2]  # type: ignore[misc]


def test_what_was_asked_before_a_deed_is_not_kept_after_it() -> None:
    """A page that is being made while a switch is thrown."""
    kept: KeptAnswers[str] = KeptAnswers(seconds=60)

    def ask() -> str:
        kept.forget()  # the deed, meanwhile
        return "before"

    assert kept.get("", ask) == "before"
    assert kept.get("", lambda: "after") == "after"


def test_deeds_beside_pages_cost_no_page() -> None:
    """Four threads, as in the console: one forgets all the time."""
    kept: KeptAnswers[int] = KeptAnswers(seconds=60)

    def pages() -> int:
        return sum(kept.get("", lambda: 1) for _ in range(50_000))

    with ThreadPoolExecutor(4) as threads:
        made = [threads.submit(pages) for _ in range(3)]
        while not all(page.done() for page in made):
            kept.forget()
    assert [page.result() for page in made] == [50_000] * 3
