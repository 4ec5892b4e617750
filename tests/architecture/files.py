"""Makes docs/reference/files.md: every module of the product in one line, by room.

python -m tests.architecture.files > docs/reference/files.md
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from config.settings import ROOT

ROOMS = ("config", "domain", "ledger", "coordination", "ground", "producers", "worker", "operators", "sandbox")
_NUMBERED = "migrations/versions"  # each says in its name what it does

_HEAD = """# Every file in one line

The first sentence of each module, by room: where does a change belong? [words.md](../words.md) has the nouns,
[walk.md](../walk.md) the way of one notice. `tests/architecture/test_files.py` keeps this page (`make files`).

The tables: settings `config/settings.py` · kinds `domain/kinds/__init__.py` · channels `worker/channels/__init__.py` ·
bells `config/celeryconfig.py` · tables `ledger/base/tables/__init__.py` · commands `operators/cli/main.py` ·
pages `operators/console/roles.py` · reports `operators/reports/catalogue.py` · metrics `operators/metrics/table.py`.
"""


def page() -> str:
    """The whole page."""
    return "\n".join([_HEAD, *(line for room in ROOMS for line in _of(room))]) + "\n"


def _of(room: str) -> Iterator[str]:
    folder = ""
    for path in sorted((ROOT / room).rglob("*.py"), key=lambda one: (one.parent, one.name)):
        if _NUMBERED in path.as_posix() or not (says := first_sentence(path)):
            continue
        if (here := path.parent.relative_to(ROOT).as_posix()) != folder:
            folder = here
            yield f"\n## {folder}/\n"
        yield f"- `{path.name}`: {says}"


def first_sentence(path: Path) -> str:
    """The first paragraph of a module's docstring up to its first full stop; '' without one."""
    told = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
    line = " ".join(told.partition("\n\n")[0].split())
    return line.partition(". ")[0].rstrip(".:")


if __name__ == "__main__":
    print(page(), end="")
