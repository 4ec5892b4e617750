"""Who may do what: the one table of routes and roles. A route that is not in it is refused to everybody."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Role(StrEnum):
    """The role of an account; the values are stored."""

    VIEWER = "viewer"  # a clerk: dossiers by exact code, the own unit's lists; phones masked
    OPERATOR = "operator"  # all units, and the verbs
    AUDITOR = "auditor"  # numbers, audit and accounts; no texts, no phones
    ADMIN = "admin"  # everything


PUBLIC: frozenset[Role] | None = None
"""Also for people who have not signed in."""

ALL = frozenset(Role)
DESK = frozenset({Role.VIEWER, Role.OPERATOR, Role.ADMIN})
DUTY = frozenset({Role.OPERATOR, Role.ADMIN})
CONTROL = frozenset({Role.AUDITOR, Role.ADMIN})
ADMINS = frozenset({Role.ADMIN})
WATCH = frozenset({Role.OPERATOR, Role.AUDITOR, Role.ADMIN})

ROUTES: Mapping[str, Mapping[str, frozenset[Role] | None]] = {
    # the ground
    "healthz": {"GET": PUBLIC},
    "language": {"POST": PUBLIC},
    # for citizens
    "guide": {"GET": PUBLIC},
    "short_link": {"GET": PUBLIC},
    # signing in, and one's own account (allauth)
    "account_login": {"GET": PUBLIC, "POST": PUBLIC},
    "account_signup": {"GET": PUBLIC},  # says that it is closed
    "account_inactive": {"GET": PUBLIC},
    "account_logout": {"GET": PUBLIC, "POST": PUBLIC},
    "account_reauthenticate": {"GET": ALL, "POST": ALL},
    "account_change_password": {"GET": ALL, "POST": ALL},
    "account_set_password": {"GET": ALL, "POST": ALL},
    "mfa_authenticate": {"GET": PUBLIC, "POST": PUBLIC},
    "mfa_login_webauthn": {"GET": PUBLIC, "POST": PUBLIC},
    "mfa_index": {"GET": ALL},
    "mfa_reauthenticate": {"GET": ALL, "POST": ALL},
    "mfa_reauthenticate_webauthn": {"GET": ALL, "POST": ALL},
    "mfa_activate_totp": {"GET": ALL, "POST": ALL},
    "mfa_deactivate_totp": {"GET": ALL, "POST": ALL},
    "mfa_view_recovery_codes": {"GET": ALL},
    "mfa_generate_recovery_codes": {"GET": ALL, "POST": ALL},
    "mfa_download_recovery_codes": {"GET": ALL},
    "mfa_list_webauthn": {"GET": ALL},
    "mfa_add_webauthn": {"GET": ALL, "POST": ALL},
    "mfa_edit_webauthn": {"GET": ALL, "POST": ALL},
    "mfa_remove_webauthn": {"GET": ALL, "POST": ALL},
    "openid_connect_login": {"GET": PUBLIC, "POST": PUBLIC},
    "openid_connect_callback": {"GET": PUBLIC, "POST": PUBLIC},
    "socialaccount_login_cancelled": {"GET": PUBLIC},
    "socialaccount_login_error": {"GET": PUBLIC},
    "socialaccount_signup": {"GET": PUBLIC},  # says that it is closed
    # pages
    "search": {"GET": ALL},
    "searches": {"POST": ALL},  # the search itself refuses phones to auditors
    "dossier": {"GET": ALL},  # without texts for auditors
    "person": {"GET": DESK},
    "person_unmaskings": {"POST": DUTY},
    "audit": {"GET": CONTROL},
    "accounts": {"GET": CONTROL, "POST": ADMINS},
    "account_role": {"POST": ADMINS},
    "account_disabling": {"POST": ADMINS},
    "account_enabling": {"POST": ADMINS},
    # what flows and what waits; a viewer sees the own unit's lists
    "overview": {"GET": WATCH},
    "overview_plot": {"GET": WATCH},
    "inbox": {"GET": ALL},
    "dead": {"GET": ALL},
    "dead_retry": {"POST": DUTY},
    "dead_discard": {"POST": DUTY},
    "dead_retries_new": {"GET": DUTY},
    "dead_retries": {"POST": DUTY},
    "dead_discards_new": {"GET": DUTY},
    "dead_discards": {"POST": DUTY},
    "uncertain": {"GET": ALL},
    "uncertain_verdict": {"POST": DUTY},
    "uncertain_verdicts_new": {"GET": DUTY},
    "uncertain_verdicts": {"POST": DUTY},
    "unreachable": {"GET": ALL},
    "unreachable_file": {"GET": DESK},  # has phones, masked
    "quarantine": {"GET": ALL},
    "quarantine_release": {"POST": DUTY},
    "quarantine_discard": {"POST": DUTY},
    "quarantine_releases_new": {"GET": DUTY},
    "quarantine_releases": {"POST": DUTY},
    "quarantine_discards_new": {"GET": DUTY},
    "quarantine_discards": {"POST": DUTY},
    "expired": {"GET": ALL},
    "expired_retry": {"POST": DUTY},
    "expired_retries_new": {"GET": DUTY},
    "expired_retries": {"POST": DUTY},
    "retries": {"GET": WATCH},
    "acts": {"GET": WATCH},
    "act": {"GET": WATCH},
    "act_stop": {"POST": DUTY},
    "act_resume": {"POST": DUTY},
    # reports: of the own unit for a viewer; costs are of a whole OA, and phones, though masked, are for the desk
    "reports": {"GET": ALL},
    "report_reach": {"GET": ALL},
    "report_reach_plot": {"GET": ALL},
    "report_reach_file": {"GET": ALL},
    "report_dossiers": {"GET": ALL},
    "report_dossiers_plot": {"GET": ALL},
    "report_dossiers_file": {"GET": ALL},
    "report_causes": {"GET": ALL},
    "report_causes_plot": {"GET": ALL},
    "report_causes_file": {"GET": ALL},
    "report_delays": {"GET": ALL},
    "report_delays_plot": {"GET": ALL},
    "report_delays_file": {"GET": ALL},
    "report_costs": {"GET": WATCH},
    "report_costs_plot": {"GET": WATCH},
    "report_costs_file": {"GET": WATCH},
    "report_followers": {"GET": ALL},
    "report_followers_plot": {"GET": ALL},
    "report_followers_file": {"GET": ALL},
    "report_scans": {"GET": ALL},
    "report_scans_plot": {"GET": ALL},
    "report_scans_file": {"GET": ALL},
    "report_phones": {"GET": DESK},
    "report_phones_plot": {"GET": DESK},
    "report_phones_file": {"GET": DESK},
    # posters say nothing personal; a viewer's are of the own unit
    "posters": {"GET": DESK},
    "posters_file": {"GET": DESK},
    "poster_file": {"GET": DESK},
    "news": {"GET": WATCH},
    # the words: whoever may approve them may use them at once where one person is enough
    "templates": {"GET": ALL},
    "template": {"GET": ALL},
    "template_versions": {"POST": DUTY},
    "template_trials": {"POST": DUTY},
    "template_approval": {"POST": ADMINS},
    "template_refusal": {"POST": ADMINS},
    "template_return": {"POST": ADMINS},
    # large reports in the background; the view also asks whether the role may have the report
    "exports": {"GET": WATCH, "POST": WATCH},
    "export_file": {"GET": WATCH},
    "system": {"GET": WATCH},
    "hold_lift": {"POST": DUTY},
    "switches": {"GET": WATCH, "POST": DUTY},
    "switch_end": {"POST": DUTY},
}
"""URL name → method → roles. HEAD is GET. A viewer may POST only what concerns the own account, and searches."""

SESSIONLESS = frozenset({"healthz", "guide", "short_link"})
"""Public addresses that read no session: they answer while the ledger, which has the sessions, is away."""

WITHOUT_LEDGER = frozenset({"retries"})
"""Pages that are served while the ledger is away: to read, by a pass (`operators.console.passes`)."""

NAVIGATION: tuple[tuple[str, str], ...] = (
    ("search", "nav.search"),
    ("overview", "nav.overview"),
    ("inbox", "nav.inbox"),
    ("reports", "nav.reports"),
    ("templates", "nav.templates"),
    ("system", "nav.system"),
    ("audit", "nav.audit"),
)
"""The entries of the head: URL name and word. An entry is shown if the role may see its page."""


def allowed(route: str, method: str) -> frozenset[Role] | None:
    """The roles that may do this; `PUBLIC` for everybody, an empty set for nobody."""
    return ROUTES.get(route, {}).get("GET" if method == "HEAD" else method, frozenset())


def takes_forms_only(route: str) -> bool:
    """Whether the address is a verb: nobody can open it, and a role may send a form there."""
    return set(ROUTES.get(route, {})) == {"POST"}


def may(role: str, route: str, method: str = "GET") -> bool:
    """Whether an account of this role may do this."""
    roles = allowed(route, method)
    return roles is None or role in roles  # None: PUBLIC
