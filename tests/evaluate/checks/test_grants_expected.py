"""Who may hold a grant: declared grantees, AWS services, and roles only AWS can make."""

import json

import pytest

from fluo_audit.evaluate.checks.grants_expected import grants_expected

ROLE = "arn:aws:iam::111122223333:role/app/reporting"
SLR = "arn:aws:iam::111122223333:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"


def grant(grantee: str | None, **more) -> dict:
    return {"grant_id": "g1", "grantee": grantee, "operations": json.dumps(["Decrypt", "Encrypt"]), **more}


CASES = [
    ("no grants", [], {}, "pass", ["the key has no grants", "0 grants"]),
    ("declared", [grant(ROLE)], {"grantees": ("arn:aws:iam::111122223333:role/app/*",)}, "pass", ["1 grant, all held by"]),
    (
        "nobody declared",
        [grant(ROLE, created_at="2026-02-03T04:05", issuing_account="arn:aws:iam::111122223333:root")],
        {},
        "fail",
        [
            "1 of 1 grant held by principals that are not expected (0 grantee patterns declared)",
            f"2026-02-03T04:05:00Z {ROLE} may Decrypt, Encrypt by arn:aws:iam::111122223333:root ref g1",
        ],
    ),
    ("declared for another account", [grant(ROLE)], {"grantees": ("arn:aws:iam::999999999999:role/*",)}, "fail", [ROLE]),
    ("a service", [grant("rds.amazonaws.com")], {}, "pass", ["1 grant"]),
    ("a service in China", [grant("rds.cn-north-1.amazonaws.com.cn")], {}, "pass", ["1 grant"]),
    ("a service-linked role", [grant(SLR)], {}, "pass", ["1 grant"]),
    ("the role of EBS on an instance", [grant("arn:aws:sts::111122223333:assumed-role/aws:ec2-infrastructure/i-1")], {}, "pass", []),
    ("a service-linked role of another account", [grant(SLR.replace("111122223333", "999999999999"))], {}, "fail", ["999999999999"]),
    ("a name that only looks like a service", [grant("arn:aws:iam::999999999999:role/rds.amazonaws.com")], {}, "fail", []),
    ("a line break does not hide the rest", [grant("x\nrds.amazonaws.com")], {}, "fail", []),
    ("a role named like the reserved path", [grant("arn:aws:iam::111122223333:role/my/aws-service-role/x")], {}, "fail", []),
    ("one of two", [grant(ROLE), grant("rds.amazonaws.com")], {}, "fail", ["1 of 2 grants"]),
    ("no operations stated", [grant(ROLE, operations=None)], {}, "fail", ["may operations AWS did not state"]),
    ("no grantee stated", [grant(None)], {}, "not_assessed", ["GranteePrincipal of 1 grant"]),
    ("an exception beside one without grantee", [grant(None), grant(ROLE)], {}, "fail", ["1 of 2 grants"]),
    ("an exception in the part that was read stands", [grant(ROLE)], {"partial": ["grants"]}, "fail", [ROLE]),
    ("nothing in the part that was read", [], {"partial": ["grants"]}, "not_assessed", ["in the part that was read"]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "grants", "settings", "expected", "texts"), CASES, ids=[case[0] for case in CASES])
def test_grants_expected(confirm, *, name, grants, settings, expected, texts):
    confirm(grants_expected, [grants], settings, expected, *texts)
