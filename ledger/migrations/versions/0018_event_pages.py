"""How many Zalo events of an OA are tried at once: fewer after a page that did not end."""

from __future__ import annotations

from alembic import op

revision = "0018"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One row per OA, made when its first page is tried; workers of the previous version do not know of it."""
    op.execute("CREATE TABLE event_pages (oa text PRIMARY KEY, events integer NOT NULL)")
