"""What administrators do to accounts, for the page and for `hcc account`; each deed is in the audit."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence

from allauth.mfa.models import Authenticator
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from sqlalchemy import Engine

from ledger.base.audit import audit
from ledger.notices.switches import EVERY_OA
from operators.console.models import Account
from operators.console.roles import Role

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,31}")
_UNIT = re.compile(r"[0-9A-Z]{1,4}(?:\.[0-9A-Z]{1,4})*")
_LONGEST_UNIT = 64  # characters; the width of the column
_SANDBOX_ADMIN = "admin"
_LAST_ADMIN = "last_admin"


class AccountFault(ValueError):  # noqa: N818 (an expected failure that is told to whoever typed)
    """Why an account cannot be made or changed: `key` names the words, `told` those of a weak password."""

    def __init__(self, key: str, told: Sequence[str] = ()) -> None:
        super().__init__(key)
        self.key, self.told = key, list(told)


class Accounts:
    """The accounts, and who changes them."""

    def __init__(self, ledger: Engine, by: str) -> None:
        self._ledger = ledger
        self._by = by

    def add(self, name: str, role: str, unit: str, password: str | None, *, why: str) -> Account:
        """Make an account; without a password it is opened by single sign-on. Raises `AccountFault`."""
        account = Account(username=_checked_name(name), role=_checked_role(role), unit=_checked_unit(unit))
        _set_password(account, password)
        with transaction.atomic():
            try:
                account.save(force_insert=True)
            except IntegrityError:
                raise AccountFault("taken") from None
            self._note("account add", f"{account.username}: {account.role} {account.unit}".strip(), why)
        return account

    def change_role(self, account: Account, role: str, unit: str, *, why: str) -> None:
        """Give another role. Raises `AccountFault`; the last administrator stays one."""
        account.role, account.unit = _checked_role(role), _checked_unit(unit)
        with transaction.atomic():
            if role != Role.ADMIN:
                _keep_an_admin(account)
            account.save(update_fields=["role", "unit"])
            self._note("account role", f"{account.username}: {account.role} {account.unit}".strip(), why)

    def change_password(self, account: Account, password: str, *, why: str) -> None:
        """Set a password; every session ends, and second factors are removed. Raises `AccountFault`."""
        _set_password(account, password)
        with transaction.atomic():
            account.save(update_fields=["password"])
            Authenticator.objects.filter(user=account).delete()
            self._note("account password", account.username, why)

    def disable(self, account: Account, *, why: str) -> None:
        """End its sessions and let it sign in no more. Raises `AccountFault`; one administrator stays."""
        account.is_active = False
        with transaction.atomic():
            _keep_an_admin(account)
            account.save(update_fields=["is_active"])
            self._note("account off", account.username, why)

    def enable(self, account: Account, *, why: str) -> None:
        """Let it sign in again."""
        account.is_active = True
        with transaction.atomic():
            account.save(update_fields=["is_active"])
            self._note("account on", account.username, why)

    def remove(self, account: Account, *, why: str) -> None:
        """Delete it; what it did stays in the audit under its name. Raises `AccountFault`."""
        name = account.username
        with transaction.atomic():
            _keep_an_admin(account)
            account.delete()
            self._note("account remove", name, why)

    def _note(self, verb: str, subject: str, why: str) -> None:
        """Record a deed before it is committed: where this fails, the deed is undone."""
        with self._ledger.begin() as tx:
            audit(tx, EVERY_OA, verb, subject, by=self._by, why=why)


def admin_of_sandbox(ledger: Engine, by: str) -> tuple[str, str]:
    """Name and new password of an administrator, made if there is none of this name; for trying things out."""
    accounts, password = Accounts(ledger, by), new_password()
    account = named(_SANDBOX_ADMIN)
    if account is None:
        accounts.add(_SANDBOX_ADMIN, Role.ADMIN, "", password, why=by)
    else:
        accounts.change_password(account, password, why=by)
    return _SANDBOX_ADMIN, password


def every_account() -> list[Account]:
    """All accounts by name."""
    return list(Account.objects.order_by("username"))


def named(name: str) -> Account | None:
    """The account of this name."""
    return Account.objects.filter(username=name.strip().lower()).first()


def numbered(number: int) -> Account | None:
    """The account of this id."""
    return Account.objects.filter(pk=number).first()


def new_password() -> str:
    """A random password of 20 letters and digits in groups, to be typed once."""
    letters = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(letters) for _ in range(5)) for _ in range(4))


def _checked_name(name: str) -> str:
    known = name.strip().lower()
    if not _NAME.fullmatch(known):
        raise AccountFault("bad_name")
    return known


def _checked_role(role: str) -> str:
    if role not in set(Role):
        raise AccountFault("bad_role")
    return role


def _checked_unit(unit: str) -> str:
    known = unit.strip().upper()
    if known and (len(known) > _LONGEST_UNIT or not _UNIT.fullmatch(known)):
        raise AccountFault("bad_unit")
    return known


def _set_password(account: Account, password: str | None) -> None:
    if password is None:
        account.set_unusable_password()
        return
    try:
        validate_password(password, account)
    except ValidationError as error:
        raise AccountFault("weak", [str(one.code) for one in error.error_list]) from None
    account.set_password(password)


def _keep_an_admin(account: Account) -> None:
    """Nobody could make an administrator from the pages again.

    The rows of all administrators are locked, so that two who end each other take turns.
    """
    admins = Account.objects.select_for_update().filter(role=Role.ADMIN, is_active=True).order_by("pk")
    if {one.pk for one in admins} == {account.pk}:
        raise AccountFault(_LAST_ADMIN)
