"""Times, numbers and money in findings."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

from fluo_audit.evaluate.wording import count, day, dollars, utc


def test_times_are_said_in_utc():
    late_evening = datetime(2026, 1, 31, 23, 30, 15, 999, tzinfo=timezone(timedelta(hours=-2)))

    assert utc(late_evening) == "2026-02-01T01:30:15Z"
    assert day(late_evening) == "2026-02-01"
    assert utc(datetime(2026, 1, 1, tzinfo=UTC)) == "2026-01-01T00:00:00Z"


def test_one_is_singular():
    assert [count(number, "trail") for number in (0, 1, 2, 1234)] == ["0 trails", "1 trail", "2 trails", "1,234 trails"]


def test_money_is_rounded_half_up_to_cents():
    assert [dollars(Decimal(text)) for text in ("0.005", "1", "1234.565", "0")] == [
        "$0.01",
        "$1.00",
        "$1,234.57",
        "$0.00",
    ]
