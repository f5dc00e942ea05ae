"""What the organisation declared about its key: the criteria that facts are compared with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from fluo_audit.model.scope import Scope


@dataclass(frozen=True, slots=True)
class Baseline:
    """The declared state of the key and its use; one field per key of `[baseline]` in fluo-audit.toml.

    Nothing here is read from AWS. A check that needs a field nobody declared is not assessed.
    """

    cryptoperiod_days: int = 90
    """Longest time one key material may encrypt (NIST SP 800-57 part 1, 5.3: the owner defines it)."""
    rotation_grace_days: int = 1
    """Days a rotation may come after its due day: KMS rotates on the day, not on the minute."""
    backend_roles: tuple[str, ...] = ()
    """ARNs of the roles the backend runs as."""
    key_administrators: tuple[str, ...] = ()
    """ARNs of the principals that administer the key."""
    expected_principals: tuple[str, ...] = ()
    """ARN patterns (IAM wildcards) of further principals that may call KMS on this key."""
    encryption_context_purposes: tuple[str, ...] = ("compliance_evidence", "pii_redaction")
    """Values of the encryption context key "purpose" that the backend may use."""
    grantees: tuple[str, ...] = ()
    """ARN patterns or service principals that may hold a grant on the key."""
    denied_calls_per_day: int = 10
    """More denied calls than this on one day are an exception."""
    monthly_budget_usd: Decimal | None = None
    """Agreed KMS spend a month; None when no budget was agreed."""
    applies: Mapping[str, bool] = field(default_factory=dict)
    """Framework id to whether it applies, as the organisation declared it."""


@dataclass(frozen=True, slots=True)
class Criteria:
    """What a check may know besides the facts it reads."""

    scope: Scope
    baseline: Baseline
