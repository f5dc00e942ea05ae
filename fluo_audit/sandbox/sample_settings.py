"""What fluo-audit.toml would say about the simulated account."""

from __future__ import annotations

from collections.abc import Mapping

from fluo_audit.sandbox import identities

SAMPLE_SETTINGS: Mapping[str, object] = {
    "entity": "FLUO, Inc.",
    "environment": "production",
    "baseline": {
        "cryptoperiod_days": 90,
        "backend_roles": [identities.role_arn(identities.BACKEND)],
        "key_administrators": [identities.role_arn(identities.ADMIN)],
        "expected_principals": [identities.role_arn(identities.READER)],
        "encryption_context_purposes": ["compliance_evidence", "pii_redaction"],
        "denied_calls_per_day": 10,
        "monthly_budget_usd": "6.00",
    },
}
"""PCI DSS is left undeclared: the sample shows that nothing is concluded about a framework nobody declared."""
