"""What a version of a template consists of, and where the files and the shipped texts of the kinds are read.

templates/<kind>/message.txt.j2, zns.toml   the files that a province may edit: a change is a proposal
templates/shipped.toml                      the same files as they were shipped: version 1, never edited
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from domain.wording import MESSAGE_FILE, letter_error

FORM_FILE = "zns.toml"
SHIPPED_FILE = "shipped.toml"
SHIPPED_VERSION = 1

LONGEST_SOURCE = 20_000  # characters of a template's source, ten times what a message may have

_TEXT = "utf-8-sig"  # editors may put a byte order mark first


@dataclass(frozen=True, slots=True)
class TemplateSource:
    """The source of a kind's words: the message, and the parameters of the approved template (TOML), if it has any."""

    message: str
    form: str | None = None

    @property
    def digest(self) -> str:
        """Sixteen hex digits that identify the source."""
        return sha256(f"{self.message}\0{self.form or ''}".encode()).hexdigest()[:16]


def source_of_files(folder: Path, kind: str) -> TemplateSource:
    """The files of a kind as they are now. Raises `LetterError` if they cannot be read."""
    message = _file(folder, kind, MESSAGE_FILE)
    if message is None:
        raise letter_error(kind, "the file is missing")
    return TemplateSource(message, _file(folder, kind, FORM_FILE))


def _file(folder: Path, kind: str, name: str) -> str | None:
    try:
        return (folder / kind / name).read_text(_TEXT)
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise letter_error(kind, f"the template cannot be read: {type(error).__name__}", name) from None


def shipped_sources(folder: Path) -> dict[str, TemplateSource]:
    """Version 1 of every kind, byte for byte as it was shipped."""
    table: Mapping[str, Mapping[str, str]] = tomllib.loads((folder / SHIPPED_FILE).read_text("utf-8"))
    return {kind: TemplateSource(one["message"], one.get("form")) for kind, one in table.items()}


def shipped_file(sources: Mapping[str, TemplateSource]) -> str:
    """The content of `shipped.toml`; `make shipped` writes it. Raises `ValueError` for three quotes in a row."""
    parts = ["# Mẫu gốc của từng loại tin (bản 1). Không sửa tệp này: `make shipped` viết lại từ templates/<loại>/.\n"]
    for kind, source in sources.items():
        if "'''" in source.message or "'''" in (source.form or ""):
            raise ValueError(f"{kind}: three quotes in a row")
        parts.append(f"\n[{kind}]\nmessage = '''\n{source.message}'''\n")
        if source.form is not None:
            parts.append(f"form = '''\n{source.form}'''\n")
    return "".join(parts)


if __name__ == "__main__":
    _FOLDER = Path(__file__).parents[1] / "templates"
    _KINDS = sorted(path.parent.name for path in _FOLDER.glob(f"*/{MESSAGE_FILE}"))
    (_FOLDER / SHIPPED_FILE).write_text(
        shipped_file({kind: source_of_files(_FOLDER, kind) for kind in _KINDS}), "utf-8"
    )
