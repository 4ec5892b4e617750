"""The templates in Zalo's register; the control registers them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

PROMOTION = "3"
STATUSES: Mapping[int, str] = {1: "ENABLE", 2: "PENDING_REVIEW", 3: "REJECT", 4: "DISABLE", 5: "DELETE"}


@dataclass(frozen=True, slots=True)
class Param:
    name: str
    max_length: int = 200
    require: bool = True
    type: str = "STRING"


@dataclass(frozen=True, slots=True)
class Template:
    """`tag`: 1 transaction, 2 customer care, 3 promotion. `daytime_only`: refused with -133 at night by phone."""

    template_id: str
    name: str
    params: tuple[Param, ...]
    status: str = "ENABLE"
    tag: str = "1"
    by_user_id: bool = True
    daytime_only: bool = False
    daily_limit: int = 1_000_000
    buttons: tuple[dict[str, Any], ...] = ()  # as `listButtons` shows them: type, title, content


class Templates:
    def __init__(self) -> None:
        self._by_id: dict[str, Template] = {}

    def register(self, template: Template) -> None:
        self._by_id[template.template_id] = template

    def find(self, template_id: str) -> Template | None:
        return self._by_id.get(template_id)

    def all(self) -> Iterable[Template]:
        return self._by_id.values()


def read_template(row: Mapping[str, Any]) -> Template:
    """A template as the control receives it; `params` are names, or objects with the fields of `Param`.

    Raises ValueError with a sentence if a field is missing, unknown or impossible.
    """
    try:
        rest = {key: value for key, value in row.items() if key not in {"template_id", "params", "name", "buttons"}}
        template = Template(
            template_id=str(row["template_id"]),
            name=row.get("name", f"Mẫu {row['template_id']}"),
            params=tuple(Param(p) if isinstance(p, str) else Param(**p) for p in row.get("params", [])),
            buttons=tuple(row.get("buttons", ())),
            **rest,
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"not a template ({error}): {dict(row)!r}") from None
    if template.status not in STATUSES.values():
        raise ValueError(f"a template's status is one of {', '.join(STATUSES.values())}")
    return template
