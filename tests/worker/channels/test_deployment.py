"""What OAs share and what each has of its own."""

from __future__ import annotations

from typing import Any

import pytest

from config.oas import Oa
from config.settings import Settings, SettingsError
from worker.services.bootstrap import Services
from worker.services.deployment import Deployment


def deployment(*tables: dict[str, Any]) -> Deployment:
    """OAs 1, 2, … with these settings; nothing of it connects before it is used."""
    common = {"database_url": "postgresql+psycopg2://x@127.0.0.1:1/x", "redis_url": "redis://127.0.0.1:1",
              "secret_keys": ["0123456789abcdef"]}  # fmt: skip
    oas = {str(n): {**common, "zalo_oa_id": str(n), **table} for n, table in enumerate(tables, 1)}
    return Deployment({oa: Oa(oa, f"oa-{oa}", Settings(_env_file=None, **known)) for oa, known in oas.items()})


def test_34_oas_have_one_pool_of_connections_and_one_client_of_redis() -> None:
    """What needs no OA is made once; tokens, patience, words and forms are each OA's own."""
    made = deployment(*({"max_age_hours": n} for n in range(1, 35)))
    for part in ("ledger", "limiter", "holds", "marks", "breaker", "schedule", "credentials", "client"):
        assert len({id(getattr(services, part)) for services in made}) == 1, part
    for part in ("tokens", "patience", "forms", "letters", "budget"):
        assert len({id(getattr(services, part)) for services in made}) == 34, part
    assert [services.patience.max_age.total_seconds() / 3600 for services in made] == list(range(1, 35))
    made.close()


def test_each_oa_looks_up_over_connections_of_its_own() -> None:
    """Its look-ups are made in a thread of its own, and a wire is for one thread; so is the pump's."""
    here, there = deployment({}, {})
    sender = here.shared.open_sender()
    assert len({id(wire) for wire in (here.lookups, there.lookups, sender)}) == 3
    sender.close()
    for services in (here, there):
        services.close()
    here.shared.close()


def test_a_process_has_no_more_calls_in_flight_than_it_may() -> None:
    """HCC_ZALO_CONNECTIONS counts those of all OAs together."""
    made = deployment({"zalo_connections": 7}, {"zalo_connections": 7})
    sender = made.shared.open_sender()
    assert sender.room == 7
    sender.close()


def test_two_oas_of_one_app_share_its_limit_and_not_their_own() -> None:
    here, there, alone = deployment({"zalo_app_id": "9"}, {"zalo_app_id": "9"}, {"zalo_app_id": "8"})
    keys = [[limit.key for limit in services.limits(services.oa)] for services in (here, there, alone)]
    assert keys == [["app:9", "oa:1"], ["app:9", "oa:2"], ["app:8", "oa:3"]]


def test_an_oa_is_found_by_its_name_or_its_id_and_no_other_way() -> None:
    made = deployment({}, {})
    assert [services.oa for name in ("oa-2", "2") if (services := made.named(name))] == ["2", "2"]
    assert made.named("3") is None
    with pytest.raises(KeyError):
        made.of("3")


def test_a_payment_link_to_a_foreign_host_is_told_with_its_table() -> None:
    """R22, for each OA; the others are looked at all the same."""
    foreign = {"payment_url": "https://example.org/pay"}
    with pytest.raises(SettingsError) as caught:
        deployment(foreign, {}, foreign)
    assert [fault.split(":")[0] for fault in caught.value.faults] == [
        "[oa-1] HCC_PAYMENT_URL",
        "[oa-3] HCC_PAYMENT_URL",
    ]


def test_a_part_can_be_put_in_place_of_ours() -> None:
    """As tests and benchmarks do: whoever sets it has it, and nothing else is made."""
    services = Services(Settings(_env_file=None))
    services.shared.limiter = stand_in = object()  # type: ignore[assignment]
    assert services.limiter is stand_in
    assert set(vars(services.shared)) == {"settings", "_program", "_ledger", "limiter"}
