"""The comparison with the service model finds what it is for."""

from __future__ import annotations

import pytest

from fluo_audit.sandbox.shapes import problems


@pytest.mark.parametrize(
    ("service", "operation", "answer", "found"),
    [
        ("kms", "DescribeKey", {"KeyMetadata": {"KeyId": "a", "KeyState": "Enabled"}}, ""),
        ("kms", "DescribeKey", {"KeyMetadata": {"KeyState": "Enabled"}}, "KeyMetadata.KeyId: missing"),
        ("kms", "DescribeKey", {"KeyMetadata": {"KeyId": "a", "Colour": 1}}, "Colour: not declared"),
        ("kms", "DescribeKey", {"KeyMetadata": {"KeyId": "a", "KeyState": "Asleep"}}, "not one of"),
        ("kms", "DescribeKey", {"KeyMetadata": {"KeyId": "a", "CurrentKeyMaterialId": "x" * 64}}, "does not match"),
        ("kms", "DescribeKey", {"KeyMetadata": {"KeyId": 7}}, "instead of a string"),
        ("kms", "GetKeyRotationStatus", {"RotationPeriodInDays": 5}, "not between 90"),
        ("kms", "ListKeys", {"Keys": [{"KeyId": ""}]}, "Keys[0].KeyId: 0 is not between"),
        ("kms", "DisableKey", {"Anything": 1}, "not declared"),
        ("ce", "GetCostAndUsage", {"ResultsByTime": [{"Total": {"c": {"Amount": 1}}}]}, "instead of a string"),
    ],
)
def test_each_kind_of_problem_is_found(service, operation, answer, found):
    text = "\n".join(problems(service, operation, answer))
    assert found in text
    assert bool(text) == bool(found)
