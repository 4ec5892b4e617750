"""The addresses of single sign-on; they end as allauth's do, because the server there knows them."""

from __future__ import annotations

from allauth.socialaccount.providers.openid_connect import views
from django.urls import path

urlpatterns = [
    path("<provider_id>/login/", views.login, name="openid_connect_login"),
    path("<provider_id>/login/callback/", views.callback, name="openid_connect_callback"),
]
