"""One word has one meaning: a class name is used once, and docs/words.md explains it."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator

from config.settings import ROOT

_ROOMS = ("config", "domain", "ledger", "coordination", "ground", "producers", "worker", "operators")
_OF_DJANGO = frozenset({"Meta", "Migration"})
"""Names that Django looks for; they are no words of ours."""


def named() -> dict[str, list[str]]:
    """Every public class and type alias of the product, and the files that define it."""
    found: dict[str, list[str]] = defaultdict(list)
    for room in _ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            for name in names_of(ast.parse(path.read_text("utf-8"))):
                found[name].append(path.relative_to(ROOT).as_posix())
    return found


def names_of(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_") and node.name not in _OF_DJANGO:
            yield node.name
        elif isinstance(node, ast.AnnAssign) and ast.unparse(node.annotation) == "TypeAlias":
            assert isinstance(node.target, ast.Name)
            if not node.target.id.startswith("_"):
                yield node.target.id


def test_no_public_class_name_is_used_twice() -> None:
    """Whoever reads a name knows what it is without looking where it was imported from."""
    assert {name: files for name, files in named().items() if len(files) > 1} == {}


def test_every_public_class_is_explained_in_the_words() -> None:
    """docs/words.md lists the classes of each room, and none that is gone."""
    page = (ROOT / "docs" / "words.md").read_text("utf-8")
    listed = re.findall(r"^- `(\w+)`", page.partition("## Classes")[2], re.MULTILINE)
    assert sorted(listed) == sorted(named())
