"""Simulated accounts for the tests of the sandbox: one that is only read, and new ones for tests that change something."""

from __future__ import annotations

import json
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from fluo_audit.sandbox.account import SimulatedAccount

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from typing import Any

ONCE = Config(retries={"total_max_attempts": 1})


@pytest.fixture(scope="session")
def shared_account() -> Iterator[SimulatedAccount]:
    """Give the account that read-only tests share. Its clock moves: tests must not depend on the minute."""
    with SimulatedAccount(settling=timedelta(0)) as account:
        yield account


@pytest.fixture
def account() -> Iterator[SimulatedAccount]:
    """Give an account of the test's own."""
    with SimulatedAccount(settling=timedelta(0)) as account:
        yield account


@pytest.fixture
def blank() -> Iterator[SimulatedAccount]:
    """Give an empty account, to provision into."""
    with SimulatedAccount(empty=True, settling=timedelta(0)) as account:
        yield account


@pytest.fixture
def aws(blank: SimulatedAccount) -> Callable[..., Any]:
    """Give a function that makes a client of the empty account, which tries everything once."""

    @cache
    def client(service: str, role: str = "platform-admin", region: str = "us-east-1") -> Any:
        return blank.session_as(role, region).client(service, config=ONCE)

    return client


@pytest.fixture
def refused() -> Callable[..., AbstractContextManager[None]]:
    """Give a context in which AWS refuses a call with this code, and a message that contains this text."""

    @contextmanager
    def expected(code: str, text: str = "") -> Iterator[None]:
        with pytest.raises(ClientError) as error:
            yield
        told = error.value.response["Error"]
        assert told["Code"] == code, told
        assert text in told["Message"]

    return expected


@pytest.fixture
def trust() -> str:
    """Give a trust policy for EC2."""
    statement = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
