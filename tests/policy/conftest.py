"""The policies of this folder's tests: data/NAME.json, each a policy that some real account could hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from fluo_audit.policy import parse_policy

DATA = Path(__file__).parent / "data"


@pytest.fixture(scope="session")
def load():
    """Return the policy of data/NAME.json, called NAME."""
    return lambda name: parse_policy((DATA / f"{name}.json").read_text(encoding="utf-8"), name=name)


@pytest.fixture(scope="session")
def kms_operations():
    """Return the names of the operations in the KMS API model of the installed botocore."""
    session = pytest.importorskip("botocore.session").get_session()
    return set(session.get_service_model("kms").operation_names)
