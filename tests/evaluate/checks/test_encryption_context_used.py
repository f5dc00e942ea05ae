"""Every cryptographic call of the backend names a declared purpose, or is listed."""

from __future__ import annotations

import pytest

from fluo_audit.evaluate.checks.encryption_context_used import encryption_context_used

BACKEND, BATCH = "arn:aws:iam::111122223333:role/backend", "arn:aws:iam::111122223333:role/batch"
SESSION = "arn:aws:sts::111122223333:assumed-role/backend/i-1"
DECLARED = {"backend_roles": (BACKEND,)}
PII = '{"purpose": "pii_redaction", "tenantId": "acme"}'


def call(context: str | None, name: str = "GenerateDataKey", **more: object) -> dict[str, object]:
    event = {"event_id": "e1", "event_time": "2026-03-01T10:00", "event_name": name, "principal_arn": SESSION}
    return event | {"issuer_arn": BACKEND, "encryption_context": context} | more


NO_CONTEXT = "without encryption context"
NO_PURPOSE = "without a purpose in its encryption context"

CASES = [
    ("declared purposes", [call(PII), call('{"purpose": "compliance_evidence"}', "Decrypt")], DECLARED, "pass",
     ["2 calls by the backend, each with a declared purpose: compliance_evidence 1, pii_redaction 1", "2 of 2 successful"]),
    ("no context", [call(PII), call(None, event_id="e7")], DECLARED, "fail",
     ["1 of 2 calls by the backend without a declared purpose", f"2026-03-01T10:00:00Z GenerateDataKey {NO_CONTEXT} by {SESSION} ref e7"]),
    ("no purpose", [call('{"tenantId": "acme"}', "Encrypt")], DECLARED, "fail", [f"Encrypt {NO_PURPOSE}"]),
    ("purpose in another case", [call('{"Purpose": "pii_redaction"}')], DECLARED, "fail", [NO_PURPOSE]),
    ("another purpose", [call('{"purpose": "health_check"}', "Decrypt")], DECLARED, "fail", ["Decrypt with purpose health_check, which is not declared"]),
    ("all three faults", [call(None), call("{}"), call('{"purpose": "x"}'), call(None)], DECLARED, "fail",
     [f"{NO_CONTEXT} 2, with purpose x, which is not declared 1, {NO_PURPOSE} 1"]),
    ("a purpose declared on top", [call('{"purpose": "health_check"}')], DECLARED | {"encryption_context_purposes": ("health_check",)}, "pass", []),
    ("every operation with a context", [call(None, name) for name in ("ReEncrypt", "GenerateDataKeyPairWithoutPlaintext")], DECLARED, "fail", ["2 of 2 calls"]),
    ("operations without a context", [call(PII), call(None, "DescribeKey"), call(None, "Sign")], DECLARED, "pass", ["1 of 1 successful"]),
    ("a failed call", [call(PII), call(None, error_code="AccessDenied")], DECLARED, "pass", ["1 of 1 successful"]),
    ("others are named, not judged", [call(PII), call(None, issuer_arn=BATCH)], DECLARED, "pass",
     ["not judged: 1 call by others (role/batch 1)", "1 of 2 successful cryptographic calls"]),
    ("only others", [call(None, issuer_arn=BATCH)], DECLARED, "not_applicable", ["role/batch 1"]),
    ("an empty purpose names nothing", [call('{"purpose": ""}')], DECLARED, "fail", [NO_PURPOSE]),
    ("rows of many calls", [call(PII, calls=4000), call(None, issuer_arn=BATCH, calls=20)], DECLARED, "pass",
     ["4,000 calls by the backend, each with a declared purpose: pii_redaction 4,000; not judged: 20 calls by others (role/batch 20)", "4,000 of 4,020 successful"]),
    ("a row of calls without context", [call(PII, calls=4000), call(None, calls=30)], DECLARED, "fail",
     [f"30 of 4,030 calls by the backend without a declared purpose: {NO_CONTEXT} 30", f"{NO_CONTEXT}, 30 calls that day, of which"]),
    ("no calls", [], DECLARED, "not_applicable", ["no backend role made a cryptographic call"]),
    ("a caller without ARN could be the backend", [call(PII), call(PII, issuer_arn=None)], DECLARED, "not_assessed", ["in 1 of 2 calls"]),
    ("no roles declared", [call(None)], {}, "not_assessed", ["set backend_roles"]),
    ("no purposes declared", [call(None)], DECLARED | {"encryption_context_purposes": ()}, "not_assessed", ["set encryption_context_purposes"]),
    ("an exception in a partial log", [call(None)], DECLARED | {"partial": ["events"]}, "fail", []),
    ("no exception in a partial log", [call(PII)], DECLARED | {"partial": ["events"]}, "not_assessed", ["in the part that was read"]),
]  # fmt: skip


@pytest.mark.parametrize(("events", "settings", "result", "texts"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_encryption_context_used(confirm, events, settings, result, texts):
    confirm(encryption_context_used, [events], settings, result, *texts)
