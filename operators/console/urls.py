"""The console's addresses: nouns; verbs are POST sub-resources."""

from __future__ import annotations

from allauth.account import views as account
from allauth.mfa.base import views as factors
from allauth.mfa.recovery_codes import views as recovery
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as keys
from allauth.socialaccount import views as sign_on
from django.urls import include, path

from operators.console.views import accounts, audits, dossiers, ground, people, public, searches

handler400 = "operators.console.views.faults.bad_request"
handler403 = "operators.console.views.faults.forbidden"
handler404 = "operators.console.views.faults.not_found"
handler500 = "operators.console.views.faults.failed"

_ACCOUNT = [
    path("sign-in", account.login, name="account_login"),
    path("sign-up", account.signup, name="account_signup"),
    path("sign-out", account.logout, name="account_logout"),
    path("account/inactive", account.account_inactive, name="account_inactive"),
    path("account/password", account.password_change, name="account_change_password"),
    path("account/password/new", account.password_set, name="account_set_password"),
    path("account/check", account.reauthenticate, name="account_reauthenticate"),
    path("account/check/code", factors.reauthenticate, name="mfa_reauthenticate"),
    path("account/check/key", keys.reauthenticate_webauthn, name="mfa_reauthenticate_webauthn"),
    path("account/factors", factors.index, name="mfa_index"),
    path("sign-in/code", factors.authenticate, name="mfa_authenticate"),
    path("sign-in/key", keys.login_webauthn, name="mfa_login_webauthn"),
    path("account/factors/app/new", totp.activate_totp, name="mfa_activate_totp"),
    path("account/factors/app/end", totp.deactivate_totp, name="mfa_deactivate_totp"),
    path("account/factors/codes", recovery.view_recovery_codes, name="mfa_view_recovery_codes"),
    path("account/factors/codes/new", recovery.generate_recovery_codes, name="mfa_generate_recovery_codes"),
    path("account/factors/codes.txt", recovery.download_recovery_codes, name="mfa_download_recovery_codes"),
    path("account/factors/keys", keys.list_webauthn, name="mfa_list_webauthn"),
    path("account/factors/keys/new", keys.add_webauthn, name="mfa_add_webauthn"),
    path("account/factors/keys/<int:pk>", keys.edit_webauthn, name="mfa_edit_webauthn"),
    path("account/factors/keys/<int:pk>/end", keys.remove_webauthn, name="mfa_remove_webauthn"),
    path("sign-on/cancelled", sign_on.login_cancelled, name="socialaccount_login_cancelled"),
    path("sign-on/failed", sign_on.login_error, name="socialaccount_login_error"),
    path("sign-on/sign-up", sign_on.signup, name="socialaccount_signup"),
    path("oidc/", include("operators.console.sign_on_urls")),
]

urlpatterns = [
    path("healthz", ground.healthz, name="healthz"),
    path("guide/<str:unit>", public.show_guide, name="guide"),
    path("q/<str:unit>", public.follow, name="short_link"),
    path("language", ground.language, name="language"),
    *_ACCOUNT,
    path("", searches.show, name="search"),
    path("searches", searches.search, name="searches"),
    path("dossiers/<path:code>", dossiers.show, name="dossier"),
    path("people/<int:person>", people.show, name="person"),
    path("people/<int:person>/unmaskings", people.unmask, name="person_unmaskings"),
    path("audit", audits.show, name="audit"),
    path("accounts", accounts.show_or_add, name="accounts"),
    path("accounts/<int:number>/role", accounts.change_role, name="account_role"),
    path("accounts/<int:number>/disabling", accounts.disable, name="account_disabling"),
    path("accounts/<int:number>/enabling", accounts.enable, name="account_enabling"),
    path("", include("operators.console.addresses")),
]
