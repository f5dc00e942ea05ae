"""What the policies on a KMS key allow, decided as IAM decides it, from the documents alone: no network, no clock.

`parse_policy` reads a document (document.py holds its parts, equal in any order). `decide` answers one `Request` from
key policy, identity policies and `Grant`s. On top of it: `enforces_context` (can the encryption context be got round?),
`public_access` and `external_accounts` (who outside may use the key?), `access_rows` (the policy as a table) and
`expand` (the KMS actions behind a pattern). `problems` says what is wrong with a policy before it is written. Below:
conditions.py and principals.py (does a statement apply?), outsider.py (what a condition means for a stranger),
wildcard.py, and truth.py, since what is not known must stay so.
"""

from fluo_audit.policy.actions import KMS_ACTIONS, Access, KmsAction, expand, kms_action
from fluo_audit.policy.document import Condition, Effect, PolicyDocument, PrincipalName, Selection, Statement
from fluo_audit.policy.enforcement import Gap, enforces_context
from fluo_audit.policy.evaluate import Decision, Outcome, StatementRef, decide
from fluo_audit.policy.exposure import Exposure, ExternalAccount, external_accounts, public_access
from fluo_audit.policy.grants import Grant
from fluo_audit.policy.matrix import AccessRow, access_rows
from fluo_audit.policy.parse import PolicySyntaxError, parse_policy
from fluo_audit.policy.request import Caller, Request
from fluo_audit.policy.validate import PolicyProblem, Severity, problems

__all__ = [
    "KMS_ACTIONS",
    "Access",
    "AccessRow",
    "Caller",
    "Condition",
    "Decision",
    "Effect",
    "Exposure",
    "ExternalAccount",
    "Gap",
    "Grant",
    "KmsAction",
    "Outcome",
    "PolicyDocument",
    "PolicyProblem",
    "PolicySyntaxError",
    "PrincipalName",
    "Request",
    "Selection",
    "Severity",
    "Statement",
    "StatementRef",
    "access_rows",
    "decide",
    "enforces_context",
    "expand",
    "external_accounts",
    "kms_action",
    "parse_policy",
    "problems",
    "public_access",
]
