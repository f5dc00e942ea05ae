"""An AWS managed key is an exception; a manager that AWS left out is not."""

import pytest

from fluo_audit.evaluate.checks.key_customer_managed import key_customer_managed

CASES = [
    ("customer managed", "CUSTOMER", "pass", "KeyManager CUSTOMER"),
    ("AWS managed", "AWS", "fail", "managed by AWS"),
    ("left out", "", "not_assessed", "without KeyManager"),
]


@pytest.mark.parametrize(("name", "manager", "expected", "text"), CASES, ids=[case[0] for case in CASES])
def test_key_customer_managed(confirm, *, name, manager, expected, text):
    confirm(key_customer_managed, [{"manager": manager}], {}, expected, text)
