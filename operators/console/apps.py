"""The console as an application of Django."""

from __future__ import annotations

from django.apps import AppConfig


class ConsoleConfig(AppConfig):
    """Accounts, templates' tags and static files."""

    name = "operators.console"
    label = "console"
    default_auto_field = "django.db.models.BigAutoField"
