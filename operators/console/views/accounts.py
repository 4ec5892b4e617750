"""The accounts: who may sign in, and as what."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from operators.console import ground
from operators.console.accounts import AccountFault, Accounts, every_account, new_password, numbered
from operators.console.answers import by_of, see_other, why_of
from operators.console.models import Account
from operators.console.roles import Role, may
from operators.console.unit_names import unit_names


@require_http_methods(["GET", "HEAD", "POST"])
def show_or_add(request: HttpRequest) -> HttpResponse:
    """The list; POST makes an account and shows its first password, once."""
    if request.method != "POST":
        return _page(request)
    typed = {name: request.POST.get(name, "").strip() for name in ("name", "role", "unit")} | {"why": why_of(request)}
    password = None if request.POST.get("sign_on") else new_password()
    try:
        _check(typed["why"])
        made = _accounts(request).add(typed["name"], typed["role"], typed["unit"], password, why=typed["why"])
    except AccountFault as fault:
        return _page(request, fault=fault, typed=typed)
    return _page(request, made=made, password=password)


@require_POST
def change_role(request: HttpRequest, number: int) -> HttpResponse:
    """Give another role and unit."""
    role, unit = request.POST.get("role", ""), request.POST.get("unit", "")
    return _change(request, number, lambda accounts, one, why: accounts.change_role(one, role, unit, why=why))


@require_POST
def disable(request: HttpRequest, number: int) -> HttpResponse:
    """Let it sign in no more."""
    return _change(request, number, lambda accounts, one, why: accounts.disable(one, why=why))


@require_POST
def enable(request: HttpRequest, number: int) -> HttpResponse:
    """Let it sign in again."""
    return _change(request, number, lambda accounts, one, why: accounts.enable(one, why=why))


def _change(request: HttpRequest, number: int, deed: Callable[[Accounts, Account, str], None]) -> HttpResponse:
    account, why = numbered(number), why_of(request)
    if account is None:
        raise Http404
    try:
        _check(why)
        deed(_accounts(request), account, why)
    except AccountFault as fault:
        return _page(request, fault=fault)
    return see_other(reverse("accounts"))


def _check(why: str) -> None:
    if not why:
        raise AccountFault("no_reason")


def _accounts(request: HttpRequest) -> Accounts:
    return Accounts(ground.deployment().shared.ledger, by_of(request))


def _page(request: HttpRequest, fault: AccountFault | None = None, **more: Any) -> HttpResponse:
    may_change = may(cast("Any", request).account.role, "accounts", "POST")
    names = {code: name for oa in ground.deployment().oas for code, name in unit_names(oa).items()}
    shown = [{"account": one, "unit_name": names.get(one.unit, "")} for one in every_account()]
    context = {"page": "accounts", "accounts": shown, "roles": list(Role), "fault": fault, "may_change": may_change}
    return render(request, "pages/accounts.html", context | more, status=422 if fault else 200)
