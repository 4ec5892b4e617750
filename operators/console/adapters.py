"""How allauth behaves here: nobody signs up, and its faults are told in our words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.http import HttpRequest
from django.utils import translation

from operators.console.models import Account
from operators.console.words import word, words


class _Told(Mapping[str, str]):
    """allauth's faults by its own names, in the language of the request; those without a word keep allauth's."""

    def __init__(self, of_allauth: Mapping[str, Any]) -> None:
        self._of_allauth = of_allauth

    def __getitem__(self, name: str) -> str:
        language = (translation.get_language() or "vi")[:2]
        key = f"sign_in.faults.{name}"
        return word(language, key) if key in words(language) else str(self._of_allauth[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._of_allauth)

    def __len__(self) -> int:
        return len(self._of_allauth)


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    """Accounts are made by an administrator."""

    error_messages = _Told(DefaultAccountAdapter.error_messages)

    def is_open_for_signup(self, _request: HttpRequest) -> bool:
        return False

    def add_message(self, *_arguments: object, **_more: object) -> None:
        """No "you have signed in": the next page shows it."""


class FactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # allauth ships no types
    """Second factors."""

    error_messages = _Told(DefaultMFAAdapter.error_messages)


class SignOnAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    """Single sign-on opens accounts that an administrator made for it, and no others."""

    def is_open_for_signup(self, _request: HttpRequest, _sociallogin: object) -> bool:
        return False

    def pre_social_login(self, request: HttpRequest, sociallogin: Any) -> None:
        """Connect the first sign-on to the account of that name, if it has no password: then it is meant for this."""
        if sociallogin.is_existing:
            return
        name = sociallogin.account.extra_data.get("userinfo", sociallogin.account.extra_data).get("preferred_username")
        account = Account.objects.filter(username=str(name or "").lower()).first()
        if account is not None and not account.has_usable_password():
            sociallogin.connect(request, account)
