"""What a key should cost, month by month, and the months of the bill."""

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluo_audit.evaluate.cost_model import (
    REQUESTS,
    STORAGE,
    is_final,
    modelled_storage,
    month_costs,
    request_charge,
    requests_by_month,
    spent_on,
)
from fluo_audit.model.facts import KeyMetadata
from fluo_audit.model.sources import COST


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


BEFORE = at(2023, 1, 1)
HOUR = Decimal(1) / (31 * 24)
MOMENTS = st.integers(0, 729 * 24 * 60).map(lambda minutes: at(2025, 1, 1) + timedelta(minutes=minutes))

CASES = [
    ("no rotation", BEFORE, [], date(2026, 5, 1), "1"),
    ("one rotation before", BEFORE, [at(2026, 4, 30, 23)], date(2026, 5, 1), "2"),
    ("two rotations before", BEFORE, [at(2025, 1, 1), at(2025, 4, 1)], date(2026, 5, 1), "3"),
    ("many rotations before", BEFORE, [at(2025, month, 1) for month in range(1, 13)], date(2026, 5, 1), "3"),
    ("rotated at the first moment of the month", BEFORE, [at(2026, 5, 1)], date(2026, 5, 1), "2"),
    ("rotated at the first moment of the next", BEFORE, [at(2026, 6, 1)], date(2026, 5, 1), "1"),
    ("rotated at half of April", BEFORE, [at(2026, 4, 16)], date(2026, 4, 1), "1.5"),
    ("rotated at half of February", BEFORE, [at(2026, 2, 15)], date(2026, 2, 1), "1.5"),
    ("two rotations in one month", BEFORE, [at(2026, 4, 16), at(2026, 4, 22, 12)], date(2026, 4, 1), "1.7833"),
    ("three in one month, the third is free", BEFORE, [at(2026, 4, 16)] * 3, date(2026, 4, 1), "2"),
    ("the second rotation in the month after", BEFORE, [at(2026, 4, 16), at(2026, 5, 1)], date(2026, 4, 1), "1.5"),
    ("created at half of the month", at(2026, 4, 16), [], date(2026, 4, 1), "0.5"),
    ("created and rotated in one month", at(2026, 4, 16), [at(2026, 4, 22, 12)], date(2026, 4, 1), "0.7833"),
    ("created in the last hour of the month", at(2026, 5, 31, 23, 59), [], date(2026, 5, 1), str(HOUR)),
    ("created on the last moment before leap day", at(2024, 2, 28, 23), [], date(2024, 2, 1), str(Decimal(25) / (29 * 24))),
    ("a leap February", BEFORE, [at(2024, 2, 15, 12)], date(2024, 2, 1), "1.5"),
    ("before the key was", at(2026, 6, 1), [], date(2026, 5, 1), "0"),
    ("an hour begun is an hour", at(2026, 5, 31, 22, 59), [], date(2026, 5, 1), str(2 * HOUR)),
    ("December", BEFORE, [at(2025, 12, 31, 23)], date(2025, 12, 1), str(1 + HOUR)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "created", "rotated", "month", "expected"), CASES, ids=[case[0] for case in CASES])
def test_storage_by_month(key, *, name, created, rotated, month, expected):
    cost = modelled_storage(key(created_at=created), rotated, month)

    assert cost is not None
    assert abs(cost - Decimal(expected)) < Decimal("0.0001")


def test_each_replica_is_a_key_of_its_own(key):
    three = key(created_at=BEFORE, replica_regions=("eu-west-1", "us-west-2"))

    assert modelled_storage(three, [at(2025, 1, 1), at(2025, 4, 1)], date(2026, 5, 1)) == 9


def test_a_replica_pays_no_rotation_for_the_time_before_it_was(key):
    replica = key(created_at=at(2026, 4, 16), multi_region_type="REPLICA")

    assert modelled_storage(replica, [at(2025, 1, 1), at(2025, 4, 1)], date(2026, 4, 1)) == Decimal("1.5")


@pytest.mark.parametrize(
    ("given_key", "expected"),
    [
        ({"manager": "AWS"}, 0),
        ({"manager": ""}, None),
        ({"created_at": None}, None),
        ({"state": "PendingReplicaDeletion"}, None),
        ({"state": "PendingDeletion", "deletion_at": at(2026, 6, 15)}, None),
        ({"state": "PendingDeletion", "deletion_at": at(2026, 7, 1)}, 1),
    ],
    ids=[
        "AWS managed",
        "manager left out",
        "creation left out",
        "pending, no date",
        "perhaps pending",
        "pending later",
    ],
)
def test_keys_that_are_free_or_not_known(key, given_key, expected):
    assert modelled_storage(key(**({"created_at": BEFORE} | given_key)), [], date(2026, 5, 1)) == expected


@given(
    created=MOMENTS,
    rotated=st.lists(MOMENTS, max_size=5),
)
def test_the_cost_never_falls_while_the_key_lives_and_never_passes_three_dollars(created, rotated):
    key = KeyMetadata("", "", "", "Enabled", "CUSTOMER", "", "", "", "", None, "", (), created, None, None, "")
    months = [date(2025 + number // 12, number % 12 + 1, 1) for number in range(24)]
    costs = [modelled_storage(key, sorted(rotated), month) for month in months]

    assert costs == sorted(costs)
    assert costs[0] >= 0
    assert costs[-1] <= 3


@pytest.mark.parametrize(
    ("requests", "least", "most"),
    [(0, "0", "0"), (20_000, "0", "0.06"), (20_001, "0.000003", "0.060003"), (1_020_000, "3", "3.06")],
)
def test_request_charge_is_a_range_because_the_free_ones_are_the_accounts(requests, least, most):
    assert request_charge(Decimal(requests)) == (Decimal(least), Decimal(most))


def bill(first: str, days: int, usage_type: str, amount: str | None, **more) -> list:
    start = date.fromisoformat(first)
    defaults = {"estimated": False, "usage_quantity": "1"}
    return [
        {"day": start.replace(day=start.day + n), "usage_type": usage_type, "unblended": amount, **defaults, **more}
        for n in range(days)
    ]


def test_months_of_the_bill(frame, key):
    lines = bill("2026-05-01", 31, "us-east-1-KMS-Keys", "0.1") + bill("2026-04-11", 20, "us-east-1-KMS-Keys", "0.1")
    lines += bill("2026-05-01", 31, "eu-west-1-KMS-Keys", "0.01") + bill(
        "2026-05-03", 1, "us-east-1-KMS-Requests", "0.5"
    )

    april, may = month_costs(frame(COST, lines), key(created_at=BEFORE), [at(2026, 5, 1)])

    assert (april.month, april.total, april.modelled) == ("2026-04", Decimal("2.0"), 1)
    assert (april.days_collected, april.days_in_month, is_final(april)) == (20, 30, False)
    assert may.by_usage_type == (
        ("eu-west-1-KMS-Keys", Decimal("0.31")),
        ("us-east-1-KMS-Keys", Decimal("3.1")),
        ("us-east-1-KMS-Requests", Decimal("0.5")),
    )
    assert (may.total, may.modelled, is_final(may)) == (Decimal("3.91"), 2, True)
    assert (spent_on(may, STORAGE), spent_on(may, REQUESTS)) == (Decimal("3.41"), Decimal("0.5"))


def test_asymmetric_requests_have_another_price_and_are_not_counted_as_requests(frame):
    cost = frame(COST, bill("2026-05-01", 1, "us-east-1-KMS-Requests-Asymmetric", "7"))
    (may,) = month_costs(cost, None, None)

    assert (may.total, spent_on(may, REQUESTS), requests_by_month(cost)) == (7, 0, {})


@pytest.mark.parametrize(("year", "length"), [(2024, 29), (2026, 28)])
def test_february_is_complete_with_its_own_number_of_days(frame, year, length):
    (february,) = month_costs(frame(COST, bill(f"{year}-02-01", length, "KMS-Keys", "0.1")), None, None)

    assert (february.days_in_month, is_final(february)) == (length, True)
    assert length == monthrange(year, 2)[1]


@pytest.mark.parametrize("estimated", [True, None])
def test_one_amount_that_may_change_makes_the_month_an_estimate(frame, estimated):
    lines = bill("2026-05-01", 30, "KMS-Keys", "0.1") + bill("2026-05-31", 1, "KMS-Keys", "0.1", estimated=estimated)
    (may,) = month_costs(frame(COST, lines), None, None)

    assert (may.estimated, is_final(may)) == (True, False)


def test_a_day_with_an_amount_left_out_was_not_collected(frame):
    lines = bill("2026-05-01", 31, "KMS-Keys", "0.1") + bill("2026-05-09", 1, "KMS-Requests", None)
    (may,) = month_costs(frame(COST, lines), None, None)

    assert (may.days_collected, may.total, is_final(may)) == (30, Decimal("3.1"), False)


def test_nothing_is_modelled_when_key_or_rotations_could_not_be_read(frame, key):
    cost = frame(COST, bill("2026-05-01", 31, "KMS-Keys", "0.1"))

    assert [month.modelled for month in month_costs(cost, None, [])] == [None]
    assert [month.modelled for month in month_costs(cost, key(), None)] == [None]


def test_requests_by_month(frame):
    lines = bill("2026-04-01", 2, "us-east-1-KMS-Requests", "0", usage_quantity="1500")
    lines += bill("2026-04-01", 1, "eu-west-1-KMS-Requests", "0", usage_quantity="7") + bill(
        "2026-04-01", 1, "KMS-Keys", "1"
    )
    lines += bill("2026-05-01", 1, "us-east-1-KMS-Requests", "0", usage_quantity=None)
    lines += bill("2026-05-02", 1, "us-east-1-KMS-Requests", "0", usage_quantity="9")

    assert requests_by_month(frame(COST, lines)) == {"2026-04": Decimal(3007), "2026-05": None}
