"""The sample account, collected once for all tests that only read the result."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from fluo_audit import pipeline
from fluo_audit.aws.snapshot import Snapshot
from fluo_audit.collect.job import Silent
from fluo_audit.model.report import Report
from fluo_audit.sandbox.account import SimulatedAccount
from fluo_audit.settings import EventSettings

# A busy machine, or the first run in a new checkout, is slow: that says nothing about the code.
settings.register_profile("any-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any-machine")

REAL_LOGS = Path(__file__).parent / "data" / "invictus"
"""CloudTrail log files of a real account (MIT licence beside them): github.com/invictus-ir/aws_dataset."""


@pytest.fixture(scope="session")
def sample_account() -> Iterator[SimulatedAccount]:
    """Give an account for tests that mend what they break."""
    with SimulatedAccount() as account:
        yield account


@pytest.fixture(scope="session")
def collect_sample() -> Callable[..., Snapshot]:
    """Give a function that collects a fresh sample account over its last days."""

    def collect(last: str, events_from: str = "lookup") -> Snapshot:
        with pipeline.open_account(
            pipeline.sample_settings(), endpoint_url=None, demo=True, offline_ok=False
        ) as account:
            found = pipeline.resolve_key(account)
            period = pipeline.period_of(last, None, None, account.clock.now())
            return pipeline.collect_snapshot(account, found, period, EventSettings(source=events_from), Silent())

    return collect


@pytest.fixture(scope="session")
def sample_snapshot(collect_sample: Callable[..., Snapshot]) -> Snapshot:
    """Give the snapshot of the sample account over 90 days."""
    return collect_sample("90d")


@pytest.fixture(scope="session")
def sample_report(sample_snapshot: Snapshot) -> Report:
    """Give the report about it, over every framework."""
    return pipeline.report_of(sample_snapshot, pipeline.chosen_frameworks(""))


@pytest.fixture(scope="session")
def real_logs() -> Path:
    """Give the folder of real CloudTrail log files."""
    return REAL_LOGS
