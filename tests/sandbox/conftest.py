"""Simulated accounts for the tests of the sandbox: one that is only read, and new ones for tests that change something."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fluo_audit.sandbox.account import SimulatedAccount

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def shared_account() -> Iterator[SimulatedAccount]:
    """Give the account that read-only tests share. Its clock moves: tests must not depend on the minute."""
    with SimulatedAccount() as account:
        yield account


@pytest.fixture
def account() -> Iterator[SimulatedAccount]:
    """Give an account of the test's own."""
    with SimulatedAccount() as account:
        yield account
