"""The console's accounts. Everything about notices is in the ledger and never goes through these models."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models

from operators.console.roles import Role


class Account(AbstractBaseUser):
    """A person who may sign in: a role, and for a clerk a unit (`H27.37`)."""

    username: models.CharField[str, str] = models.CharField(max_length=64, unique=True)
    role: models.CharField[str, str] = models.CharField(
        max_length=16, default=Role.VIEWER.value
    )  # operators.console.roles.Role
    unit: models.CharField[str, str] = models.CharField(max_length=64, blank=True, default="")
    is_active: models.BooleanField[bool, bool] = models.BooleanField(default=True)
    created_at: models.DateTimeField[datetime, datetime] = models.DateTimeField(auto_now_add=True)

    USERNAME_FIELD = "username"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects: ClassVar[BaseUserManager[Account]] = BaseUserManager()

    class Meta:
        db_table = "account"

    def __str__(self) -> str:
        return self.username
