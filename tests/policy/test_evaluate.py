"""Decisions on requests: the truth table, a second opinion on it, and what decisions say about themselves."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest

from fluo_audit.policy import Caller, Decision, Grant, Outcome, Request, decide, parse_policy

FOLDER = Path(__file__).parent
table = SimpleNamespace(**runpy.run_path(str(FOLDER / "truth_table.py")))
CASES = {case.name: case for case in table.cases()}
DIFFERS = table.differences()
SIMULATED = {name: case for name, case in CASES.items() if case.simulation() is not None}
ANSWERS = json.loads((FOLDER / "data" / "iam_simulate.json").read_text(encoding="utf-8"))["answers"]

ACCOUNT = "111122223333"
KEY = table.KEY
ROLE = table.GRANTEE
S3 = Caller("s3.amazonaws.com")


@pytest.mark.parametrize("name", CASES)
def test_truth_table(name):
    case = CASES[name]
    decision = case.decision()
    assert decision.outcome == case.outcome, f"{case.why} But: {decision.reason}"
    assert tuple(ref.statement for ref in decision.statements) == case.by


def test_every_case_has_a_name_of_its_own_and_a_reason():
    assert len(CASES) == len(table.cases())
    assert all(case.why for case in CASES.values())


@pytest.mark.parametrize("name", SIMULATED)
def test_an_independent_evaluator_agrees(name):
    """See oracle/README.md: a case without a recorded answer, or changed since, must be asked again."""
    fingerprint, _, outcome = ANSWERS.get(name, "").partition(" ")
    assert fingerprint == SIMULATED[name].fingerprint, "record the answers again"
    assert (outcome == SIMULATED[name].outcome) is (name not in DIFFERS), outcome


def test_no_answer_is_left_of_a_case_that_is_gone():
    assert set(ANSWERS) == set(SIMULATED)
    assert set(DIFFERS) <= set(SIMULATED)


def asked(action: str = "Decrypt", who: str = ROLE, **parts: object) -> Request:
    return Request(action=f"kms:{action}", caller=Caller(who), key_arn=KEY, **parts)


def test_a_delegation_names_both_halves(load):
    decision = decide(asked("PutKeyPolicy"), load("default_key"), [load("kms_all_role")])
    assert decision.reason == "allowed by default_key, EnableIAMUserPermissions with kms_all_role, KmsAll"


def test_a_denial_says_what_came_nearest(load):
    decision = decide(asked(), load("default_key"), [load("draft_role")])
    assert "FluoKmsUse, but kms:EncryptionContext:purpose is not in the request" in decision.reason


def test_a_grant_bound_to_a_source_needs_that_source(load):
    source = f"arn:aws:s3:::{ACCOUNT}-evidence"
    grant = Grant(grant_id="g1", grantee="s3.amazonaws.com", operations=("Decrypt",), source_arn=source)

    def outcome(values: tuple[str, ...] | None) -> Outcome:
        context = {"aws:SourceArn": values}
        return decide(asked(who="s3.amazonaws.com", context=context), load("default_key"), grants=[grant]).outcome

    assert outcome((source,)) is Outcome.ALLOW
    assert outcome(("arn:aws:s3:::elsewhere",)) is Outcome.IMPLICIT_DENY
    assert outcome(None) is Outcome.IMPLICIT_DENY


def test_a_grant_to_a_whole_account_is_left_open(load):
    grant = Grant(grant_id="g1", grantee=f"arn:aws:iam::{ACCOUNT}:root", operations=("Decrypt",))
    assert decide(asked(), load("default_key"), grants=[grant]).outcome is Outcome.UNKNOWN


def test_a_context_that_is_not_known_settles_only_what_asks_for_none(load):
    """Records of CreateGrant hold the context in the constraints of the grant, so nobody can tell it from the call."""
    plain, bound = (
        Grant(grant_id="g", grantee=ROLE, operations=("Encrypt",), context_subset=subset) for subset in ({}, {"a": "b"})
    )
    unknown = asked("Encrypt", encryption_context=None)
    assert decide(unknown, load("draft_key")).outcome is Outcome.UNKNOWN
    assert decide(unknown, load("seed_key")).outcome is Outcome.ALLOW
    assert decide(unknown, load("default_key"), grants=[plain]).outcome is Outcome.ALLOW
    decision = decide(unknown, load("default_key"), grants=[bound])
    assert decision.outcome is Outcome.UNKNOWN
    assert "the encryption context of the request is not known" in decision.reason
    describe = asked("DescribeKey", encryption_context=None)
    assert decide(describe, load("draft_key")).outcome is Outcome.ALLOW


def ask(*statements: dict) -> Decision:
    """Decide a Decrypt by the role on a key whose policy has these statements, with * and Resource filled in."""
    complete = [{"Principal": "*", "Action": "kms:Decrypt", "Resource": "*", **s} for s in statements]
    policy = parse_policy({"Version": "2012-10-17", "Statement": complete}, name="key policy")
    return decide(asked(), policy)


ALLOW = {"Effect": "Allow"}


class TestReasonsOfWhatIsNotKnown:
    """An unknown decision says what it hangs on."""

    def test_unknown_operator_in_a_deny(self):
        odd = {"Condition": {"StringSoundsLike": {"aws:PrincipalAccount": ACCOUNT}}}
        decision = ask(ALLOW, {"Effect": "Deny", "Sid": "Odd"} | odd)
        assert decision.reason.startswith("may be denied by key policy, Odd")
        assert "StringSoundsLike" in decision.reason

    def test_unknown_allow_beside_a_plain_one_does_not_matter(self):
        odd = {"Condition": {"StringSoundsLike": {"aws:PrincipalAccount": ACCOUNT}}}
        assert ask(ALLOW | odd, ALLOW).outcome is Outcome.ALLOW

    def test_policy_variable(self):
        decision = ask(ALLOW | {"Condition": {"StringEquals": {"kms:CallerAccount": "${aws:ResourceAccount}"}}})
        assert "${aws:ResourceAccount}" in decision.reason

    @pytest.mark.parametrize("missing", ["key policy", "identity policies", "grants"])
    def test_what_could_not_be_read(self, load, missing):
        given = {"key policy": load("default_key"), "identity policies": [], "grants": []} | {missing: None}
        decision = decide(asked(), *given.values())
        assert (
            decision.reason
            == f"may be {'denied' if missing != 'grants' else 'allowed'} by the {missing}: the {missing} could not be read"
        )


@pytest.mark.parametrize("missing", ["Action", "Resource", "Principal"])
def test_a_statement_that_lacks_a_part_has_no_effect(missing):
    statement = {"Effect": "Allow", "Principal": "*", "Action": "kms:Decrypt", "Resource": "*"}
    del statement[missing]
    policy = parse_policy({"Version": "2012-10-17", "Statement": statement})
    assert decide(asked(), policy).outcome is Outcome.IMPLICIT_DENY
