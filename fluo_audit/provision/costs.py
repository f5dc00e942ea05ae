"""What the planned resources cost a month, from KMS's published price of a key.

A key costs $1 a month, and its first and second rotation each add $1, prorated by the hour; later ones add nothing. A
replica is billed as a key: https://aws.amazon.com/kms/pricing/
"""

from __future__ import annotations

from dataclasses import dataclass

from fluo_audit.provision.spec import Spec

KEY_USD, ROTATION_USD, BILLED_ROTATIONS = 1, 1, 2


@dataclass(frozen=True, slots=True)
class MonthlyCost:
    """US dollars a month for the keys: at first, and after the second rotation."""

    now_usd: float
    later_usd: float
    basis: str


def monthly_cost(spec: Spec) -> MonthlyCost:
    """Return the price of the keys of a spec; requests, log files, log groups and alarms are billed beside it."""
    keys = 1 + len(spec.replica_regions) + int(spec.enable_audit_trail)
    counted = "1 key" + (f", {len(spec.replica_regions)} replicas" if spec.replica_regions else "")
    counted += ", 1 key of the audit trail" if spec.enable_audit_trail else ""
    basis = (
        f"{counted}: ${KEY_USD} each a month, and ${ROTATION_USD} more after each of the first two rotations "
        f"(every {spec.key_rotation_period_days} days). 20,000 requests a month are free in the account, "
        "then $0.03 for 10,000. Log files, log groups and alarms are billed by S3 and CloudWatch"
    )
    return MonthlyCost(float(keys * KEY_USD), float(keys * (KEY_USD + BILLED_ROTATIONS * ROTATION_USD)), basis)
