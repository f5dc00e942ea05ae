"""Decisions on requests: the seed's flaw, the corrected policy, grants, accounts, and what must stay unknown."""

from __future__ import annotations

import pytest

from fluo_audit.policy import Caller, Decision, Grant, Outcome, Request, decide, parse_policy

ACCOUNT = "111122223333"
KEY = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/fluo/fluo-backend-production"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/fluo-backend-production/i-0abc"

CALLERS = {
    "role": Caller(ROLE),
    "session": Caller(SESSION, role_arn=ROLE),
    "bare session": Caller(SESSION),
    "other role": Caller(f"arn:aws:iam::{ACCOUNT}:role/other"),
    "user": Caller(f"arn:aws:iam::{ACCOUNT}:user/alice"),
    "root": Caller(f"arn:aws:iam::{ACCOUNT}:root"),
    "logs": Caller("logs.eu-west-1.amazonaws.com"),
    "s3": Caller("s3.amazonaws.com"),
    "partner": Caller("arn:aws:iam::444455556666:role/partner"),
    "namesake": Caller("arn:aws:iam::444455556666:role/fluo/fluo-backend-production"),
    "member": Caller("arn:aws:iam::777788889999:user/bob"),
    "member root": Caller("arn:aws:iam::777788889999:root"),
}


def rows(table: str) -> list[tuple[str, ...]]:
    """Read a table: one row a line, cells parted by |, - for nothing."""
    lines = [line.split("|") for line in table.strip().splitlines()]
    return [tuple("" if cell.strip() == "-" else cell.strip() for cell in line) for line in lines]


def pairs(text: str) -> dict[str, str]:
    """Read "purpose=x tenantId=y"."""
    return dict(pair.split("=", 1) for pair in text.split())


# key policy | identity policies | caller | action | encryption context | outcome | deciding statement
DECISIONS = rows("""
seed_key|seed_role|role|GenerateDataKey|-|allow|AllowFluoBackendKeyUsage
seed_key|seed_role|role|GenerateDataKey|purpose=exfiltration|allow|AllowFluoBackendKeyUsage
seed_key|seed_role|role|Decrypt|colour=blue|allow|AllowFluoBackendKeyUsage
seed_key|seed_role|role|GenerateDataKey|purpose=pii_redaction|allow|AllowFluoBackendKeyUsage
seed_key|-|role|Encrypt|-|allow|AllowFluoBackendKeyUsage
seed_key|-|session|Encrypt|-|allow|AllowFluoBackendKeyUsage
seed_key|seed_role|role|DescribeKey|-|allow|AllowFluoBackendKeyUsage
seed_key|seed_role|role|ScheduleKeyDeletion|-|implicit_deny|-
seed_key|kms_all_role|role|ScheduleKeyDeletion|-|allow|KmsAll
default_key|seed_role|role|GenerateDataKey|purpose=pii_redaction|allow|FluoKmsKeyOperations
default_key|seed_role|role|GenerateDataKey|-|implicit_deny|FluoKmsKeyOperations
default_key|seed_role|role|DescribeKey|purpose=pii_redaction|implicit_deny|FluoKmsKeyOperations
default_key|seed_role|role|GetKeyRotationStatus|-|implicit_deny|FluoKmsKeyOperations
default_key|seed_role|role|GetKeyPolicy|-|implicit_deny|FluoKmsKeyOperations
default_key|-|role|DescribeKey|-|implicit_deny|-
default_key|kms_all_role|role|PutKeyPolicy|-|allow|EnableIAMUserPermissions
default_key|-|root|PutKeyPolicy|-|allow|EnableIAMUserPermissions
default_key|kms_all_role decrypt_denied_role|role|Decrypt|-|explicit_deny|NoDecrypt
default_key|kms_all_role decrypt_denied_role|role|Encrypt|-|allow|KmsAll
default_key|other_key_role|role|Decrypt|-|implicit_deny|-
default_key|every_key_role|role|GenerateDataKey|-|allow|EveryKey
default_key|every_key_role|role|Decrypt|-|implicit_deny|-
seed_key|decrypt_denied_role|role|Decrypt|-|explicit_deny|NoDecrypt
draft_key|draft_role|role|GenerateDataKey|purpose=pii_redaction|allow|AllowFluoBackendKeyUsage
draft_key|draft_role|role|Decrypt|purpose=compliance_evidence|allow|AllowFluoBackendKeyUsage
draft_key|draft_role|role|Encrypt|purpose=pii_redaction tenantId=t9|allow|AllowFluoBackendKeyUsage
draft_key|draft_role|session|Encrypt|purpose=pii_redaction|allow|AllowFluoBackendKeyUsage
draft_key|draft_role|bare session|Encrypt|purpose=pii_redaction|allow|AllowFluoBackendKeyUsage
draft_key|draft_role|role|GenerateDataKey|-|explicit_deny|DenyFluoBackendOtherPurpose
draft_key|draft_role|role|GenerateDataKey|purpose=health_check|explicit_deny|DenyFluoBackendOtherPurpose
draft_key|draft_role|role|GenerateDataKey|purpose=PII_REDACTION|explicit_deny|DenyFluoBackendOtherPurpose
draft_key|draft_role|role|GenerateDataKey|Purpose=pii_redaction|allow|AllowFluoBackendKeyUsage
draft_key|draft_role|role|GenerateDataKey|tenantId=t9 keyType=kek|explicit_deny|DenyFluoBackendOtherPurpose
draft_key|draft_role|session|Decrypt|-|explicit_deny|DenyFluoBackendOtherPurpose
draft_key|draft_role|role|DescribeKey|-|allow|AllowFluoBackendDescribe
draft_key|-|role|DescribeKey|-|allow|AllowFluoBackendDescribe
draft_key|draft_role|role|ReEncryptFrom|purpose=pii_redaction|implicit_deny|-
draft_key|draft_role|role|ReEncryptFrom|-|explicit_deny|DenyFluoBackendOtherPurpose
draft_key|draft_role|role|GenerateDataKeyPair|-|explicit_deny|DenyFluoBackendOtherPurpose
draft_key|draft_role|role|CreateGrant|purpose=pii_redaction|explicit_deny|DenyFluoBackendKeyAdministration
draft_key|kms_all_role|role|GenerateDataKey|-|explicit_deny|DenyFluoBackendOtherPurpose
draft_key|kms_all_role|role|GenerateDataKey|purpose=other|explicit_deny|DenyFluoBackendOtherPurpose
draft_key|kms_all_role|role|GenerateDataKeyWithoutPlaintext|-|explicit_deny|DenyFluoBackendOtherPurpose
draft_key|kms_all_role|role|Decrypt|purpose=pii_redaction|allow|AllowFluoBackendKeyUsage
draft_key|kms_all_role|role|ScheduleKeyDeletion|-|explicit_deny|DenyFluoBackendKeyAdministration
draft_key|kms_all_role|role|PutKeyPolicy|-|explicit_deny|DenyFluoBackendKeyAdministration
draft_key|kms_all_role|other role|Decrypt|-|allow|KmsAll
draft_key|-|other role|Decrypt|purpose=pii_redaction|implicit_deny|-
draft_tenants_key|draft_role|role|Decrypt|purpose=pii_redaction tenantId=tenant-123|allow|AllowFluoBackendKeyUsage
draft_tenants_key|draft_role|role|Decrypt|purpose=pii_redaction tenantId=tenant-999|explicit_deny|DenyFluoBackendOtherTenant
draft_tenants_key|draft_role|role|Decrypt|purpose=pii_redaction|explicit_deny|DenyFluoBackendOtherTenant
draft_tenants_key|kms_all_role|role|Decrypt|purpose=pii_redaction|explicit_deny|DenyFluoBackendOtherTenant
draft_tenants_key|kms_all_role|role|Decrypt|tenantId=tenant-123|explicit_deny|DenyFluoBackendOtherPurpose
tenants_without_deny_key|draft_role|role|Decrypt|purpose=pii_redaction|allow|FluoKmsUse
tenants_without_deny_key|-|role|Decrypt|purpose=pii_redaction|implicit_deny|AllowFluoBackendKeyUsage
two_keys_in_one_deny_key|kms_all_role|role|Decrypt|purpose=pii_redaction tenantId=tenant-999|allow|KmsAll
two_keys_in_one_deny_key|kms_all_role|role|Decrypt|purpose=other tenantId=tenant-999|explicit_deny|DenyBoth
no_root_key|kms_all_role|role|PutKeyPolicy|-|implicit_deny|-
no_root_key|kms_all_role|user|Decrypt|-|implicit_deny|-
no_root_key|-|root|PutKeyPolicy|-|implicit_deny|-
no_root_key|-|namesake|Decrypt|-|implicit_deny|-
draft_key|-|logs|Decrypt|aws:logs:arn=arn:aws:logs:eu-west-1:111122223333:log-group:/aws/fluo/api|allow|AllowCloudWatchLogs
draft_key|-|logs|Decrypt|aws:logs:arn=arn:aws:logs:eu-west-1:111122223333:log-group:/aws/other|implicit_deny|AllowCloudWatchLogs
draft_key|-|logs|DescribeKey|-|implicit_deny|AllowCloudWatchLogs
draft_key|-|s3|Decrypt|aws:logs:arn=arn:aws:logs:eu-west-1:111122223333:log-group:/aws/fluo/api|implicit_deny|-
partner_key|kms_all_role|partner|Decrypt|-|allow|AllowPartnerRole
partner_key|-|partner|Decrypt|-|implicit_deny|-
partner_key|kms_all_role|partner|Encrypt|-|implicit_deny|-
partner_key|kms_all_role|partner|PutKeyPolicy|-|implicit_deny|-
partner_key|kms_all_role|member|Encrypt|-|allow|AllowPartnerAccount
partner_key|-|member|Encrypt|-|implicit_deny|-
partner_key|-|member root|Encrypt|-|allow|AllowPartnerAccount
default_key|kms_all_role|partner|Decrypt|-|implicit_deny|-
""")


@pytest.mark.parametrize("row", DECISIONS, ids="|".join)
def test_decision(load, row):
    key, identity, caller, action, context, outcome, statement = row
    request = Request(action=f"kms:{action}", caller=CALLERS[caller], key_arn=KEY, encryption_context=pairs(context))
    decision = decide(request, load(key), [load(name) for name in identity.split()])
    assert decision.outcome == outcome, decision.reason
    assert statement in {ref.statement for ref in decision.statements} or (not statement and not decision.statements)


def test_a_delegation_names_both_halves(load):
    request = Request(action="kms:PutKeyPolicy", caller=CALLERS["role"], key_arn=KEY)
    decision = decide(request, load("default_key"), [load("kms_all_role")])
    assert decision.reason == "allowed by default_key, EnableIAMUserPermissions with kms_all_role, KmsAll"


def test_a_denial_says_what_came_nearest(load):
    request = Request(action="kms:Decrypt", caller=CALLERS["role"], key_arn=KEY)
    decision = decide(request, load("default_key"), [load("draft_role")])
    assert "FluoKmsUse, but kms:EncryptionContext:purpose is not in the request" in decision.reason


# operations of the grant | its two constraints, equals and subset | caller | action | context | outcome
GRANTS = rows("""
Decrypt|-|-|role|Decrypt|-|allow
Decrypt|-|-|session|Decrypt|-|allow
Decrypt|-|-|other role|Decrypt|-|implicit_deny
Decrypt|-|-|role|Encrypt|-|implicit_deny
Decrypt|purpose=a|-|role|Decrypt|purpose=a|allow
Decrypt|purpose=a|-|role|Decrypt|purpose=b|implicit_deny
Decrypt|purpose=a|-|role|Decrypt|-|implicit_deny
Decrypt|purpose=a|-|role|Decrypt|purpose=a more=x|implicit_deny
Decrypt|-|purpose=a|role|Decrypt|purpose=a more=x|allow
Decrypt|-|purpose=a|role|Decrypt|more=x|implicit_deny
Decrypt|-|purpose=a|role|Decrypt|PURPOSE=a|allow
Decrypt|-|purpose=a|role|Decrypt|purpose=A|implicit_deny
Decrypt DescribeKey|purpose=a|-|role|DescribeKey|-|allow
RetireGrant|purpose=a|-|role|RetireGrant|-|allow
CreateGrant|-|purpose=a|role|CreateGrant|-|implicit_deny
""")


@pytest.mark.parametrize("row", GRANTS, ids="|".join)
def test_grant(load, row):
    operations, equals, subset, caller, action, context, outcome = row
    grant = Grant(
        grant_id="g1",
        grantee=ROLE,
        operations=tuple(operations.split()),
        context_equals=pairs(equals),
        context_subset=pairs(subset),
    )
    request = Request(action=f"kms:{action}", caller=CALLERS[caller], key_arn=KEY, encryption_context=pairs(context))
    assert decide(request, load("default_key"), grants=[grant]).outcome == outcome


def test_a_deny_wins_over_a_grant(load):
    grant = Grant(grant_id="g1", grantee=ROLE, operations=("Decrypt",))
    request = Request(action="kms:Decrypt", caller=CALLERS["role"], key_arn=KEY)
    assert decide(request, load("draft_key"), grants=[grant]).outcome is Outcome.EXPLICIT_DENY


def test_a_grant_bound_to_a_source_needs_that_source(load):
    source = f"arn:aws:s3:::{ACCOUNT}-evidence"
    grant = Grant(grant_id="g1", grantee="s3.amazonaws.com", operations=("Decrypt",), source_arn=source)

    def outcome(values: tuple[str, ...] | None) -> Outcome:
        context = {"aws:SourceArn": values}
        request = Request(action="kms:Decrypt", caller=CALLERS["s3"], key_arn=KEY, context=context)
        return decide(request, load("default_key"), grants=[grant]).outcome

    assert outcome((source,)) is Outcome.ALLOW
    assert outcome(("arn:aws:s3:::elsewhere",)) is Outcome.IMPLICIT_DENY
    assert outcome(None) is Outcome.IMPLICIT_DENY


def ask(statements: list[dict], who: str = "role", **request) -> Decision:
    """Decide a Decrypt by the role on a key whose policy has these statements, with * and Resource filled in."""
    complete = [{"Principal": "*", "Action": "kms:Decrypt", "Resource": "*", **s} for s in statements]
    policy = parse_policy({"Version": "2012-10-17", "Statement": complete}, name="key policy")
    given = {"action": "kms:Decrypt", "caller": CALLERS[who], "key_arn": KEY} | request
    return decide(Request(**given), policy)


ALLOW = {"Effect": "Allow"}


ODD = {"Condition": {"StringSoundsLike": {"aws:PrincipalAccount": ACCOUNT}}}


class TestUnknownStaysUnknown:
    """A decision that hangs on something not known is unknown; one that does not hang on it is not."""

    def test_unknown_operator_in_the_only_allow(self):
        assert ask([ALLOW | ODD]).outcome is Outcome.UNKNOWN

    def test_unknown_operator_in_a_deny(self):
        decision = ask([ALLOW, {"Effect": "Deny", "Sid": "Odd"} | ODD])
        assert decision.outcome is Outcome.UNKNOWN
        assert decision.statements[0].statement == "Odd"
        assert "StringSoundsLike" in decision.reason

    def test_unknown_allow_beside_a_plain_one_does_not_matter(self):
        assert ask([ALLOW | ODD, ALLOW]).outcome is Outcome.ALLOW

    def test_unknown_deny_does_not_matter_when_nothing_allows(self):
        assert ask([{"Effect": "Deny"} | ODD]).outcome is Outcome.IMPLICIT_DENY

    def test_another_condition_that_fails_settles_it(self):
        condition = {"StringSoundsLike": {"a": "b"}, "StringEquals": {"aws:PrincipalAccount": "999999999999"}}
        assert ask([ALLOW | {"Condition": condition}]).outcome is Outcome.IMPLICIT_DENY

    def test_policy_variable(self):
        condition = {"StringEquals": {"kms:CallerAccount": "${aws:ResourceAccount}"}}
        decision = ask([ALLOW | {"Condition": condition}])
        assert decision.outcome is Outcome.UNKNOWN
        assert "${aws:ResourceAccount}" in decision.reason

    def test_a_key_that_the_request_does_not_state(self):
        outside = {"NotIpAddress": {"aws:SourceIp": "192.0.2.0/24"}}
        assert ask([ALLOW, {"Effect": "Deny", "Condition": outside}]).outcome is Outcome.UNKNOWN
        inside = {"aws:sourceip": ("192.0.2.7",)}
        assert ask([ALLOW, {"Effect": "Deny", "Condition": outside}], context=inside).outcome is Outcome.ALLOW
        absent = {"aws:SourceIp": None}
        assert ask([ALLOW, {"Effect": "Deny", "Condition": outside}], context=absent).outcome is Outcome.EXPLICIT_DENY

    def test_a_session_whose_role_path_is_not_known(self):
        condition = {"ArnEquals": {"aws:PrincipalArn": ROLE}}
        assert ask([ALLOW | {"Condition": condition}], "session").outcome is Outcome.ALLOW
        assert ask([ALLOW | {"Condition": condition}], "bare session").outcome is Outcome.UNKNOWN

    @pytest.mark.parametrize("missing", ["key policy", "identity policies", "grants"])
    def test_what_could_not_be_read(self, load, missing):
        given = {"key policy": load("default_key"), "identity policies": [], "grants": []} | {missing: None}
        request = Request(action="kms:Decrypt", caller=CALLERS["role"], key_arn=KEY)
        decision = decide(request, *given.values())
        assert decision.outcome is Outcome.UNKNOWN
        assert (
            decision.reason
            == f"may be {'denied' if missing != 'grants' else 'allowed'} by the {missing}: the {missing} could not be read"
        )

    def test_an_unread_identity_policy_may_hold_a_deny(self, load):
        request = Request(action="kms:Encrypt", caller=CALLERS["role"], key_arn=KEY)
        assert decide(request, load("seed_key"), None).outcome is Outcome.UNKNOWN

    def test_a_deny_in_the_key_policy_needs_no_identity_policy(self, load):
        request = Request(action="kms:Encrypt", caller=CALLERS["role"], key_arn=KEY)
        assert decide(request, load("draft_key"), None, None).outcome is Outcome.EXPLICIT_DENY

    def test_two_pairs_that_differ_by_case_only(self, load):
        context = {"purpose": "pii_redaction", "Purpose": "other"}
        request = Request(action="kms:Decrypt", caller=CALLERS["role"], key_arn=KEY, encryption_context=context)
        assert decide(request, load("draft_key")).outcome is Outcome.UNKNOWN

    def test_an_operation_no_key_policy_decides(self, load):
        request = Request(action="kms:ListKeys", caller=CALLERS["role"], key_arn=KEY)
        assert decide(request, load("default_key"), [load("kms_all_role")]).outcome is Outcome.UNKNOWN


# what the statement lists | caller | outcome of Allow * plus Deny with NotPrincipal | ... of Allow with NotPrincipal
NOT_PRINCIPAL = rows(f"""
{ROLE} arn:aws:iam::{ACCOUNT}:root|role|allow|implicit_deny
{ROLE} arn:aws:iam::{ACCOUNT}:root|session|allow|implicit_deny
{ROLE} arn:aws:iam::{ACCOUNT}:root|user|unknown|unknown
{ROLE}|role|unknown|unknown
{SESSION} arn:aws:iam::{ACCOUNT}:root|session|unknown|unknown
arn:aws:iam::444455556666:root|role|explicit_deny|allow
arn:aws:iam::{ACCOUNT}:root|root|allow|implicit_deny
""")


@pytest.mark.parametrize(("listed", "caller", "with_deny", "with_allow"), NOT_PRINCIPAL)
def test_not_principal_spares_for_certain_only_with_the_account(listed, caller, with_deny, with_allow):
    exception = {"NotPrincipal": {"AWS": listed.split()}, "Action": "kms:Decrypt", "Resource": "*"}

    def outcome(*statements: dict) -> Outcome:
        policy = parse_policy({"Version": "2012-10-17", "Statement": list(statements)})
        return decide(Request(action="kms:Decrypt", caller=CALLERS[caller], key_arn=KEY), policy).outcome

    everybody = {"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*"}
    assert outcome(everybody, {"Effect": "Deny"} | exception) == with_deny
    assert outcome({"Effect": "Allow"} | exception) == with_allow


PARTS = [
    ("an Action in any case", {"Action": "KMS:decrypt"}, "allow"),
    ("an Action of *", {"Action": "*"}, "allow"),
    ("NotAction that lists it", {"NotAction": "kms:D*"}, "implicit_deny"),
    ("NotAction that does not", {"NotAction": "kms:Encrypt"}, "allow"),
    ("the key's own ARN", {"Resource": KEY}, "allow"),
    ("another key's ARN", {"Resource": KEY.replace("1234abcd", "ffffffff")}, "implicit_deny"),
    ("NotResource of *", {"NotResource": "*"}, "implicit_deny"),
    ("the account id alone", {"Principal": {"AWS": ACCOUNT}}, "implicit_deny"),
    ("the role of another account", {"Principal": {"AWS": ROLE.replace(ACCOUNT, "444455556666")}}, "implicit_deny"),
    ("a deleted role's unique id", {"Principal": {"AWS": "AROAEXAMPLEEXAMPLE"}}, "implicit_deny"),
    ("a wildcard inside an ARN, which IAM does not know", {"Principal": {"AWS": ROLE[:-3] + "*"}}, "implicit_deny"),
    ("one session of the role", {"Principal": {"AWS": SESSION}}, "unknown"),
    ("nobody", {"Principal": {"AWS": []}}, "implicit_deny"),
    ("a variable in the Resource", {"Resource": "arn:aws:kms:*:*:key/${aws:username}"}, "unknown"),
]


@pytest.mark.parametrize(("part", "outcome"), [row[1:] for row in PARTS], ids=[row[0] for row in PARTS])
def test_parts_of_a_statement(part, outcome):
    statement = {"Effect": "Allow", "Principal": "*", "Action": "kms:Decrypt", "Resource": "*"} | part
    for name in ("Action", "Resource"):
        if f"Not{name}" in statement:
            del statement[name]
    policy = parse_policy({"Version": "2012-10-17", "Statement": statement})
    assert decide(Request(action="kms:Decrypt", caller=CALLERS["role"], key_arn=KEY), policy).outcome == outcome


@pytest.mark.parametrize("missing", ["Action", "Resource", "Principal"])
def test_a_statement_that_lacks_a_part_has_no_effect(missing):
    statement = {"Effect": "Allow", "Principal": "*", "Action": "kms:Decrypt", "Resource": "*"}
    del statement[missing]
    policy = parse_policy({"Version": "2012-10-17", "Statement": statement})
    request = Request(action="kms:Decrypt", caller=CALLERS["role"], key_arn=KEY)
    assert decide(request, policy).outcome is Outcome.IMPLICIT_DENY


def test_a_role_deleted_and_made_again_under_another_path_is_another_principal():
    moved = Caller(SESSION, role_arn=ROLE.replace("/fluo/", "/moved/"))
    statement = ALLOW | {"Principal": {"AWS": ROLE}}
    assert ask([statement], caller=moved).outcome is Outcome.IMPLICIT_DENY
    assert ask([statement], caller=CALLERS["session"]).outcome is Outcome.ALLOW


def test_a_grant_to_a_whole_account_is_left_open(load):
    grant = Grant(grant_id="g1", grantee=f"arn:aws:iam::{ACCOUNT}:root", operations=("Decrypt",))
    request = Request(action="kms:Decrypt", caller=CALLERS["role"], key_arn=KEY)
    assert decide(request, load("default_key"), grants=[grant]).outcome is Outcome.UNKNOWN


def test_a_deny_on_the_account_reaches_its_roles():
    root = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    assert ask([ALLOW, {"Effect": "Deny", "Principal": root}]).outcome is Outcome.EXPLICIT_DENY


# condition on Allow * | how the request is made | outcome
VIA = [
    ({"StringEquals": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}}, {}, "implicit_deny"),
    (
        {"StringEquals": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}},
        {"via_service": "s3.eu-west-1.amazonaws.com"},
        "allow",
    ),
    ({"StringEquals": {"kms:CallerAccount": ACCOUNT}}, {}, "allow"),
    ({"StringEquals": {"kms:CallerAccount": "444455556666"}}, {}, "implicit_deny"),
    ({"StringEquals": {"aws:PrincipalOrgID": "o-abc"}}, {"caller": Caller(ROLE, organization="o-abc")}, "allow"),
    (
        {"StringEquals": {"aws:PrincipalOrgID": "o-abc"}},
        {"caller": Caller(ROLE, organization="o-xyz")},
        "implicit_deny",
    ),
    ({"StringEquals": {"aws:PrincipalOrgID": "o-abc"}}, {}, "unknown"),
    ({"StringEqualsIfExists": {"aws:SourceAccount": ACCOUNT}}, {}, "allow"),
    ({"StringEquals": {"aws:SourceAccount": ACCOUNT}}, {}, "implicit_deny"),
    ({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/fluo/*"}}, {}, "allow"),
    ({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::444455556666:*"}}, {}, "implicit_deny"),
    ({"Bool": {"aws:PrincipalIsAWSService": "true"}}, {}, "implicit_deny"),
    ({"Null": {"kms:EncryptionContext:purpose": "true"}}, {}, "allow"),
    ({"Null": {"kms:EncryptionContext:purpose": "true"}}, {"encryption_context": {"purpose": "x"}}, "implicit_deny"),
    ({"Null": {"kms:EncryptionContext:purpose": "false"}}, {}, "implicit_deny"),
    ({"ForAllValues:StringEquals": {"kms:EncryptionContextKeys": ["purpose"]}}, {}, "allow"),
    (
        {"ForAllValues:StringEquals": {"kms:EncryptionContextKeys": ["purpose"]}},
        {"encryption_context": {"purpose": "x"}},
        "allow",
    ),
    (
        {"ForAllValues:StringEquals": {"kms:EncryptionContextKeys": ["purpose"]}},
        {"encryption_context": {"purpose": "x", "b": "y"}},
        "implicit_deny",
    ),
    ({"ForAnyValue:StringEquals": {"kms:EncryptionContextKeys": ["purpose"]}}, {}, "implicit_deny"),
    (
        {"ForAnyValue:StringEquals": {"kms:EncryptionContextKeys": ["purpose"]}},
        {"encryption_context": {"purpose": "x", "b": "y"}},
        "allow",
    ),
    (
        {"ForAnyValue:StringEquals": {"kms:EncryptionContextKeys": ["purpose"]}},
        {"encryption_context": {"PURPOSE": "x"}},
        "implicit_deny",
    ),
    ({"StringEqualsIfExists": {"kms:EncryptionContext:purpose": "a"}}, {}, "allow"),
    (
        {"StringEqualsIfExists": {"kms:EncryptionContext:purpose": "a"}},
        {"encryption_context": {"purpose": "b"}},
        "implicit_deny",
    ),
]


@pytest.mark.parametrize(("condition", "request_parts", "outcome"), VIA)
def test_context_keys_filled_from_the_request(condition, request_parts, outcome):
    assert ask([ALLOW | {"Condition": condition}], **request_parts).outcome == outcome
