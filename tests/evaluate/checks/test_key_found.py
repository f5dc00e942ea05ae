"""The audited key is the one that answered."""

import pytest

from fluo_audit.evaluate.checks.key_found import key_found

OTHER_ACCOUNT = "arn:aws:kms:us-east-1:999999999999:key/1234abcd-12ab-34cd-56ef-1234567890ab"
OTHER_REGION = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
OTHER_KEY = "arn:aws:kms:us-east-1:111122223333:key/ffffffff-12ab-34cd-56ef-1234567890ab"

CASES = [
    ("the audited key", {}, "pass", ["in account 111122223333, Region us-east-1"]),
    (
        "another account",
        {"arn": OTHER_ACCOUNT, "account": "999999999999"},
        "fail",
        ["account is 999999999999, expected 111122223333", f"ref {OTHER_ACCOUNT}"],
    ),
    ("another Region", {"arn": OTHER_REGION}, "fail", ["Region is eu-west-1, expected us-east-1"]),
    ("another key, as after a moved alias", {"arn": OTHER_KEY}, "fail", ["key id is ffffffff-"]),
    ("an ARN that is none", {"arn": "nonsense"}, "fail", ["Region is , expected us-east-1"]),
    ("no ARN", {"arn": ""}, "not_assessed", ["without Arn"]),
    ("no account", {"account": ""}, "not_assessed", ["without AWSAccountId"]),
]


@pytest.mark.parametrize(("name", "key", "expected", "texts"), CASES, ids=[case[0] for case in CASES])
def test_key_found(confirm, *, name, key, expected, texts):
    confirm(key_found, [key], {}, expected, *texts)
