"""Opens the console: Django with our settings, and the ledger by the console's own role."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import django
from django.conf import settings as of_django
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from sqlalchemy import Engine

from config.oas import Oa
from config.settings import Settings
from ledger.console import finds_its_schema, open_console_ledger, role_of, set_up_console
from operators.console import ground
from operators.console.django_settings import django_settings
from worker.services.deployment import Deployment

_QUOTING = ("django.request", "django.security", "django.security.DisallowedHost", "django.security.csrf")
"""Loggers of Django whose lines quote addresses, or exceptions with their texts; `views.faults` logs without them."""


def set_up_django(settings: Settings) -> None:
    """Configure Django, once a process."""
    if not of_django.configured:
        of_django.configure(**django_settings(settings))
        django.setup()
        for name in _QUOTING:
            logging.getLogger(name).disabled = True


def open_console(oas: Mapping[str, Oa]) -> Deployment:
    """The deployment as the console sees it, and Django. Raises `SettingsError`."""
    first = next(iter(oas.values())).settings
    set_up_django(first)
    url = first.console_database_url
    of_console = {oa: replace(one, settings=_by_own_role(one.settings, url)) for oa, one in oas.items()}
    made = Deployment(of_console, "hcc console", open_console_ledger(url))
    ground.use(made)
    return made


def migrate_console(ledger: Engine, settings: Settings) -> str | None:
    """Grant the console's role its rights and bring its own tables to their newest form; returns a fault, or None.

    `ledger` is an engine of the ledger's owner. The tables are made by the console's role, which finds its schema.
    """
    set_up_django(settings)
    url = settings.console_database_url
    if not set_up_console(ledger, role_of(url)):
        return "no_role"
    console = open_console_ledger(url)
    found = finds_its_schema(console)
    console.dispose()
    if not found:
        return "no_schema"
    call_command("migrate", verbosity=0, interactive=False)
    call_command("createcachetable", verbosity=0)
    return None


def lacks_migrations() -> bool:
    """Whether the console's own tables are older than this code."""
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def _by_own_role(settings: Settings, url: str) -> Settings:
    changed: dict[str, Any] = {"database_url": url}
    return settings.model_copy(update=changed)
