"""The settings of Django, all from ours (`config/settings.py`): nothing is set in two places."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import make_url

from config.settings import INSTALLED, Settings
from ledger.base.engine import KEEPALIVE, BoundedCursor, bounded_session
from ledger.console import STATEMENT_SECONDS

PROVIDER = "sso"
"""The id of the OpenID Connect server in addresses: `/oidc/sso/login/callback/`."""

_CONNECT_SECONDS = 5
_SESSION_SECONDS = 12 * 3600  # a working day
_KEPT_SECONDS = 60  # a connection to the accounts
_HSTS_SECONDS = 365 * 24 * 3600

_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "operators.console.apps.ConsoleConfig",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "django_htmx",
]
_MIDDLEWARE = [
    "operators.console.middleware.security_headers",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "operators.console.middleware.entity_tags",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "operators.console.middleware.language",
    "operators.console.middleware.no_nul",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "operators.console.middleware.Gatekeeper",
]


def django_settings(settings: Settings) -> dict[str, Any]:
    """The settings of Django for one console."""
    public = urlsplit(settings.console_url)
    encrypted = public.scheme == "https"
    first, *others = (_derived(key) for key in settings.secret_keys)
    return {
        "SECRET_KEY": first,
        "SECRET_KEY_FALLBACKS": others,
        "ALLOWED_HOSTS": [public.hostname] if public.hostname else ["127.0.0.1", "localhost", "[::1]"],
        "ROOT_URLCONF": "operators.console.urls",
        "INSTALLED_APPS": _APPS,
        "MIDDLEWARE": _MIDDLEWARE,
        "DATABASES": {"default": _database(settings.console_database_url)},
        "DEFAULT_AUTO_FIELD": "django.db.models.BigAutoField",
        "CACHES": {"default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "cache"}},
        "TEMPLATES": [_templates()],
        "LANGUAGE_CODE": "vi",
        "LANGUAGES": [("vi", "Tiếng Việt"), ("en", "English")],
        "USE_TZ": True,
        "TIME_ZONE": "UTC",
        "STATIC_URL": "/static/",
        "WHITENOISE_USE_FINDERS": True,
        "WHITENOISE_AUTOREFRESH": False,
        "WHITENOISE_MAX_AGE": 3600,
        "MESSAGE_STORAGE": "django.contrib.messages.storage.session.SessionStorage",
        "LOGGING_CONFIG": None,  # the lines of `config.logs` are enough; Django's own would quote addresses
        **_cookies(encrypted=encrypted),
        **_security(encrypted=encrypted, origin=settings.console_url),
        **_accounts(settings, encrypted=encrypted),
    }


def _derived(secret: str) -> str:
    key = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=b"hcc-notify console")
    return key.derive(secret.encode()).hex()


def _database(url: str) -> dict[str, Any]:
    parsed = make_url(url)
    query = {name: value for name, value in parsed.query.items() if isinstance(value, str)}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parsed.database or "",
        "USER": parsed.username or "",
        "PASSWORD": parsed.password or "",
        "HOST": parsed.host or "",
        "PORT": parsed.port or "",
        "CONN_MAX_AGE": _KEPT_SECONDS,
        "CONN_HEALTH_CHECKS": True,
        "DISABLE_SERVER_SIDE_CURSORS": True,  # PgBouncer in transaction mode
        "OPTIONS": {
            "connect_timeout": _CONNECT_SECONDS,
            "application_name": "hcc console accounts",
            "connection_factory": bounded_session(STATEMENT_SECONDS),  # a hung server delays pages, and hangs none
            "cursor_factory": BoundedCursor,
            **KEEPALIVE,
            **query,
        },
    }


def _templates() -> dict[str, Any]:
    return {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [INSTALLED / "templates" / "console"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.messages.context_processors.messages",
                "operators.console.layout.layout",
            ],
            "builtins": ["operators.console.templatetags.console"],
        },
    }


def _cookies(*, encrypted: bool) -> dict[str, Any]:
    cookies: dict[str, Any] = {"SESSION_COOKIE_NAME": "hcc_session", "SESSION_COOKIE_AGE": _SESSION_SECONDS}
    cookies |= {"CSRF_COOKIE_NAME": "hcc_csrf"}
    for name in ("SESSION", "CSRF"):
        cookies |= {
            f"{name}_COOKIE_SECURE": encrypted,
            f"{name}_COOKIE_HTTPONLY": True,
            f"{name}_COOKIE_SAMESITE": "Lax",  # Strict would lose the session on the way back from single sign-on
        }
    return cookies


def _security(*, encrypted: bool, origin: str) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "SECURE_CONTENT_TYPE_NOSNIFF": True,
        "SECURE_REFERRER_POLICY": "same-origin",
        "SECURE_CROSS_ORIGIN_OPENER_POLICY": "same-origin",
        "X_FRAME_OPTIONS": "DENY",
        "CSRF_FAILURE_VIEW": "operators.console.views.faults.bad_form",
        "DATA_UPLOAD_MAX_MEMORY_SIZE": 256 * 1024,
    }
    if encrypted:
        settings |= {
            "SECURE_PROXY_SSL_HEADER": ("HTTP_X_FORWARDED_PROTO", "https"),
            "SECURE_HSTS_SECONDS": _HSTS_SECONDS,
            "CSRF_TRUSTED_ORIGINS": [origin],
            "ALLAUTH_TRUSTED_PROXY_COUNT": 1,
        }
    return settings


def _accounts(settings: Settings, *, encrypted: bool) -> dict[str, Any]:
    return {
        "AUTH_USER_MODEL": "console.Account",
        "AUTHENTICATION_BACKENDS": ["allauth.account.auth_backends.AuthenticationBackend"],
        "PASSWORD_HASHERS": ["django.contrib.auth.hashers.Argon2PasswordHasher"],
        "AUTH_PASSWORD_VALIDATORS": [
            {
                "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
                "OPTIONS": {"min_length": 12},
            },
            {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
            {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
        ],
        "LOGIN_URL": "account_login",
        "LOGIN_REDIRECT_URL": "/",
        "ACCOUNT_ADAPTER": "operators.console.adapters.AccountAdapter",
        "ACCOUNT_LOGIN_METHODS": {"username"},
        "ACCOUNT_SIGNUP_FIELDS": ["username*", "password1*"],
        "ACCOUNT_USER_MODEL_EMAIL_FIELD": None,
        "ACCOUNT_EMAIL_VERIFICATION": "none",
        "ACCOUNT_EMAIL_NOTIFICATIONS": False,
        "ACCOUNT_LOGOUT_REDIRECT_URL": "account_login",
        "ACCOUNT_SESSION_REMEMBER": False,  # desks are shared: the session ends with the browser
        "ACCOUNT_PRESERVE_USERNAME_CASING": False,
        "MFA_ADAPTER": "operators.console.adapters.FactorAdapter",
        "MFA_SUPPORTED_TYPES": ["totp", "webauthn", "recovery_codes"],
        "MFA_PASSKEY_LOGIN_ENABLED": True,
        "MFA_TOTP_ISSUER": "HCC Notify",
        "MFA_ALLOW_UNVERIFIED_EMAIL": True,  # accounts have no mailbox
        "MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN": not encrypted,  # loopback
        "SOCIALACCOUNT_ADAPTER": "operators.console.adapters.SignOnAdapter",
        "SOCIALACCOUNT_EMAIL_AUTHENTICATION": False,
        "SOCIALACCOUNT_STORE_TOKENS": False,
        "SOCIALACCOUNT_PROVIDERS": {"openid_connect": {"APPS": _sign_on(settings), "OAUTH_PKCE_ENABLED": True}},
    }


def _sign_on(settings: Settings) -> list[dict[str, Any]]:
    if not settings.console_oidc_url:
        return []
    return [
        {
            "provider_id": PROVIDER,
            "name": urlsplit(settings.console_oidc_url).hostname,
            "client_id": settings.console_oidc_client_id,
            "secret": settings.console_oidc_secret,
            "settings": {"server_url": settings.console_oidc_url},
        }
    ]
