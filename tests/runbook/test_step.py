"""Steps and how they end."""

from __future__ import annotations

import pytest

from fluo_audit.errors import ExitCode
from fluo_audit.model.evidence import Missing
from fluo_audit.model.finding import Finding, Result
from fluo_audit.runbook.step import Diagnosis, beside, exit_code, good, judged, unread, wrong

MISSING = Missing("kms:DescribeKey", "AccessDeniedException", "", "grant kms:DescribeKey to the collector")


@pytest.mark.parametrize(
    ("steps", "code"),
    [
        ((), ExitCode.OK),
        ((good("a", ""), beside("b", "")), ExitCode.OK),
        ((good("a", ""), unread("b", "")), ExitCode.INCOMPLETE),
        ((unread("a", ""), wrong("b", "")), ExitCode.EXCEPTIONS),
    ],
)
def test_what_is_wrong_weighs_more_than_what_was_not_read(steps, code):
    assert exit_code(steps) == code


def test_the_cause_is_the_first_that_is_wrong():
    steps = (good("a", ""), unread("b", ""), wrong("c", ""), wrong("d", ""))

    assert Diagnosis("access", "", steps).cause is steps[2]
    assert Diagnosis("access", "", steps[:2]).cause is None


def test_an_unread_fact_says_what_failed_and_what_to_do():
    assert unread("a", MISSING).said == (
        "not read: kms:DescribeKey, AccessDeniedException; grant kms:DescribeKey to the collector"
    )


@pytest.mark.parametrize(
    ("result", "conclusion", "fix"),
    [
        (Result.PASS, "supported", ""),
        (Result.FAIL, "exception", "do it"),
        (Result.NOT_ASSESSED, "inconclusive", ""),
        (Result.NOT_APPLICABLE, "not applicable", ""),
    ],
)
def test_a_check_of_the_report_becomes_a_step(result, conclusion, fix):
    step = judged("a", Finding("check", result, "seen"), "do it")

    assert (step.conclusion.value, step.said, step.fix) == (conclusion, "seen", fix)


def test_a_check_that_could_not_read_names_the_remedy():
    step = judged("a", Finding("check", Result.NOT_ASSESSED, "seen", missing=(MISSING,)), "do it")

    assert "grant kms:DescribeKey" in step.said
