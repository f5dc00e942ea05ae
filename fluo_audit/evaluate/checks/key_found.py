"""Check key-found."""

from __future__ import annotations

from fluo_audit.evaluate.registry import check
from fluo_audit.model.baseline import Criteria
from fluo_audit.model.facts import KeyMetadata
from fluo_audit.model.finding import Observation, Severity, Verdict, failed, passed, unread
from fluo_audit.model.sources import KEY

_REGION = 3  # place in an ARN: arn:partition:service:region:account:resource


@check(
    "key-found",
    "The key that answered is the audited key, in the audited account and Region",
    group="KEY",
    severity=Severity.HIGH,
    reads=(KEY,),
)
def key_found(key: KeyMetadata, criteria: Criteria) -> Verdict:
    """Compare the key that kms:DescribeKey answered about with the one the audit is about.

    Why: an alias can point to another key, and credentials to another account. Everything else in the report speaks
        about the key only if this holds.
    Passes when: account, Region and key id of the answer are those of the audit.
    Fails when: any of the three differs.
    Fix: aws kms describe-key --key-id alias/NAME with the profile and Region of the audit; correct the key, profile or
        Region in fluo-audit.toml, or the alias with aws kms update-alias, and collect again.
    Still by hand: that this key is the one the backend is configured with.
    Peers: none; a key that cannot be described vanishes from their results.
    """
    if not key.arn:
        return unread("kms:DescribeKey", "Arn")
    if not key.account:
        return unread("kms:DescribeKey", "AWSAccountId")
    scope = criteria.scope
    region = (key.arn.split(":") + [""] * _REGION)[_REGION]
    pairs = (
        ("account", key.account, scope.account),
        ("Region", region, scope.region),
        ("key id", key.arn.rpartition("/")[2], scope.key_id),
    )
    differences = [
        Observation(f"{name} is {found}, expected {expected}", ref=key.arn)
        for name, found, expected in pairs
        if found != expected
    ]
    if differences:
        return failed(f"kms:DescribeKey answered about another key: {key.arn}", *differences)
    return passed(f"{key.arn} in account {key.account}, Region {region}")
