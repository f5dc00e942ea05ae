"""Check key-customer-managed."""

from __future__ import annotations

from fluo_audit.evaluate.registry import check
from fluo_audit.model.baseline import Criteria
from fluo_audit.model.facts import KeyMetadata
from fluo_audit.model.finding import Severity, Verdict, failed, passed, unread
from fluo_audit.model.sources import KEY


@check(
    "key-customer-managed",
    "The key is managed by the customer, not by AWS",
    group="KEY",
    severity=Severity.MEDIUM,
    reads=(KEY,),
)
def key_customer_managed(key: KeyMetadata, _criteria: Criteria) -> Verdict:
    """Read who manages the key.

    Why: the key policy, rotation period and deletion of an AWS managed key are AWS's to decide, so the organisation
        cannot restrict or change them.
    Passes when: KeyManager is CUSTOMER.
    Fails when: KeyManager is AWS.
    Fix: aws kms create-key makes a customer managed key; configure the backend with it, and re-encrypt
        what the other key protects: aws kms re-encrypt --destination-key-id KEY_ARN.
    Still by hand: nothing.
    Peers: CloudSploit.
    """
    if not key.manager:
        return unread("kms:DescribeKey", "KeyManager")
    if key.manager != "CUSTOMER":
        return failed(f"the key is managed by {key.manager}")
    return passed("the key is customer managed (KeyManager CUSTOMER)")
