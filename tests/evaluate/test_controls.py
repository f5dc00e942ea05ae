"""What tests mean for controls: an exception always shows, and nothing open or undeclared is ever supported."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations_with_replacement, permutations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluo_audit.errors import UsageError
from fluo_audit.evaluate.controls import (
    conclude_controls,
    conclude_tests,
    declared_frameworks,
    framework_ids,
    requirements,
    select,
)
from fluo_audit.evaluate.registry import Check
from fluo_audit.frameworks.load import FrameworkMapping, MappedControl, MappingLine, Strength, load_frameworks
from fluo_audit.model.baseline import Baseline
from fluo_audit.model.evidence import Missing
from fluo_audit.model.finding import (
    Conclusion,
    Finding,
    Observation,
    Result,
    Severity,
    Verdict,
    passed,
    undeclared,
    unread,
)
from fluo_audit.model.report import ControlResult, TestResult

ANSWER = {"p": Result.PASS, "f": Result.FAIL, "?": Result.NOT_ASSESSED, "-": Result.NOT_APPLICABLE}
NOT_RUN = "x"


def a_check(id_: str) -> Check:
    def function() -> Verdict:
        """Look at something.

        Why: it matters.
        Passes when: it is good.
        Fails when: it is bad.
        Fix: mend it.
        Still by hand: ask somebody.
        """
        return passed("good")

    return Check(id_, f"Title of {id_}", "KEY", Severity.HIGH, (), (), function)


def a_finding(check_id: str, result: Result) -> Finding:
    return Finding(check_id, result, f"{check_id} was {result.value}")


def a_control(*lines: tuple[str, Strength], id_: str = "C.1") -> MappedControl:
    mapped = tuple(MappingLine(check, strength, "a reason", "own reading") for check, strength in lines)
    return MappedControl(id_, "C.0", "A control", "the ticket", mapped)


def a_framework(*controls: MappedControl, must_be_declared: bool = False, id_: str = "sample") -> FrameworkMapping:
    return FrameworkMapping(
        id_, "Sample", "2", "1", "https://example.com/", "none", "A note.", must_be_declared, controls
    )


def outcomes(framework: FrameworkMapping, results: dict[str, Result]) -> tuple[TestResult, ...]:
    checks = [a_check(id_) for id_ in results]
    return conclude_tests(checks, [a_finding(id_, result) for id_, result in results.items()], [framework])


def control_of(
    framework: FrameworkMapping, results: dict[str, Result], applies: dict[str, bool] | None = None
) -> ControlResult:
    (control,) = conclude_controls(outcomes(framework, results), [framework], Baseline(applies=applies or {}))
    return control


# Three checks of one control. p passed, f failed, ? not assessed, - not applicable, x not run; the order is no matter.
TRUTH = {
    Conclusion.EXCEPTION: "fff ff? ff- ffp ffx f?? f-- fpp fxx f?- f?p f?x f-p f-x fpx",
    Conclusion.INCONCLUSIVE: "??? ??- ??p ??x ?-- ?pp ?xx ?-p ?-x ?px xxx xx- xxp x-- xpp x-p",
    Conclusion.SUPPORTED: "ppp pp- p--",
    Conclusion.NOT_APPLICABLE: "---",
}
ROWS = [(row, conclusion) for conclusion, rows in TRUTH.items() for row in rows.split()]
APPLICABILITY = {  # (must be declared, declared as): what becomes of a conclusion
    (False, None): lambda conclusion: conclusion,
    (False, True): lambda conclusion: conclusion,
    (False, False): lambda _: Conclusion.NOT_APPLICABLE,
    (True, True): lambda conclusion: conclusion,
    (True, False): lambda _: Conclusion.NOT_APPLICABLE,
    (True, None): lambda conclusion: {Conclusion.SUPPORTED: Conclusion.INCONCLUSIVE}.get(conclusion, conclusion),
}


def test_the_table_has_every_combination_once():
    rows = sorted("".join(sorted(row)) for row, _ in ROWS)

    assert set(ANSWER.values()) == set(Result)
    assert rows == sorted("".join(sorted(row)) for row in combinations_with_replacement([*ANSWER, NOT_RUN], 3))
    assert set(APPLICABILITY) == set(product([False, True], [None, True, False]))


@pytest.mark.parametrize(("must", "declared"), APPLICABILITY)
@pytest.mark.parametrize(("row", "conclusion"), ROWS)
def test_a_control_is_concluded_as_the_table_says(row: str, conclusion: Conclusion, must: bool, declared: bool | None):
    control = a_control(("a", Strength.SUPPORTS), ("b", Strength.PARTIALLY), ("c", Strength.SUPPORTS))
    framework = a_framework(control, must_be_declared=must)
    applies = {} if declared is None else {"sample": declared}

    for order in set(permutations(row)):
        results = {id_: ANSWER[mark] for id_, mark in zip("abc", order, strict=True) if mark != NOT_RUN}
        assert control_of(framework, results, applies).conclusion is APPLICABILITY[must, declared](conclusion), order


@pytest.mark.parametrize(("must", "declared"), APPLICABILITY)
def test_a_control_without_a_check_is_manual_unless_its_framework_does_not_apply(must: bool, declared: bool | None):
    framework = a_framework(a_control(), must_be_declared=must)
    control = control_of(framework, {"a": Result.PASS}, {} if declared is None else {"sample": declared})

    assert control.conclusion is (Conclusion.NOT_APPLICABLE if declared is False else Conclusion.MANUAL)
    assert control.tests == ()
    assert control.manual == "the ticket"


SUPPORTS, PARTIALLY = Strength.SUPPORTS, Strength.PARTIALLY


@pytest.mark.parametrize(
    ("strengths", "results", "says"),
    [
        ((SUPPORTS, PARTIALLY), "pp", "supported by T01, T02"),
        ((PARTIALLY, PARTIALLY), "pp", "supported in part by T01, T02; still to obtain: the ticket"),
        ((SUPPORTS, PARTIALLY), "-p", "supported in part by T02; still to obtain: the ticket"),
        ((SUPPORTS, PARTIALLY), "p-", "supported by T01"),
        ((SUPPORTS, PARTIALLY), "fp", "T01 a: a was fail"),
        ((SUPPORTS, PARTIALLY), "f?", "T01 a: a was fail; T02 b not assessed: b was not_assessed"),
        ((SUPPORTS, PARTIALLY), "p?", "T02 b not assessed: b was not_assessed"),
        ((SUPPORTS, PARTIALLY), "px", "b not run"),
        ((SUPPORTS, PARTIALLY), "--", "T01 a: a was not_applicable; T02 b: b was not_applicable"),
    ],
)
def test_the_reason_names_the_tests_it_rests_on(strengths: tuple[Strength, Strength], results: str, says: str):
    framework = a_framework(a_control(("a", strengths[0]), ("b", strengths[1])))
    control = control_of(framework, {i: ANSWER[r] for i, r in zip("ab", results, strict=True) if r != NOT_RUN})

    assert control.reason == says


def test_an_undeclared_framework_says_which_setting_decides():
    framework = a_framework(a_control(("a", SUPPORTS)), must_be_declared=True)

    reason = control_of(framework, {"a": Result.PASS}).reason

    assert (
        reason == "applicability not declared: set applies.sample to true or false under [baseline] in fluo-audit.toml"
    )


def test_a_framework_that_does_not_apply_says_that_this_was_declared():
    control = control_of(a_framework(a_control(("a", SUPPORTS))), {"a": Result.FAIL}, {"sample": False})

    assert control.reason == "Sample does not apply (declared)"
    assert control.tests == ("T01",)


@pytest.mark.parametrize("name", ["pci-dss", "pci"])
def test_pci_dss_is_declared_under_either_of_its_names(name: str):
    framework = a_framework(a_control(("a", SUPPORTS)), must_be_declared=True, id_="pci-dss")

    assert control_of(framework, {"a": Result.PASS}, {name: True}).conclusion is Conclusion.SUPPORTED
    assert control_of(framework, {"a": Result.PASS}, {name: False}).conclusion is Conclusion.NOT_APPLICABLE


def test_a_framework_declared_both_ways_is_judged():
    framework = a_framework(a_control(("a", SUPPORTS)), must_be_declared=True, id_="pci-dss")

    control = control_of(framework, {"a": Result.FAIL}, {"pci": False, "pci-dss": True})

    assert control.conclusion is Conclusion.EXCEPTION


CHECK_IDS = sorted({line.check for each in load_frameworks() for control in each.controls for line in control.lines})
ANSWERS = st.fixed_dictionaries({id_: st.sampled_from(Result) for id_ in CHECK_IDS})
MOSTLY_PASSING = st.fixed_dictionaries(
    {id_: st.sampled_from([Result.PASS] * 12 + [Result.FAIL, Result.NOT_ASSESSED]) for id_ in CHECK_IDS}
)
DECLARED = st.dictionaries(st.sampled_from([each.id for each in load_frameworks()]), st.booleans())


def controls_of(results: dict[str, Result], applies: dict[str, bool]) -> dict[tuple[str, str], ControlResult]:
    frameworks = load_frameworks()
    findings = [a_finding(id_, result) for id_, result in results.items()]
    tests = conclude_tests([a_check(id_) for id_ in results], findings, frameworks)
    return {(c.framework, c.id): c for c in conclude_controls(tests, frameworks, Baseline(applies=applies))}


@given(results=ANSWERS | MOSTLY_PASSING, applies=DECLARED)
def test_no_control_is_supported_while_one_of_its_checks_is_open(results: dict[str, Result], applies: dict[str, bool]):
    concluded = controls_of(results, applies)

    for framework in load_frameworks():
        for control in framework.controls:
            if any(results[line.check] is Result.NOT_ASSESSED for line in control.lines):
                assert concluded[framework.id, control.id].conclusion is not Conclusion.SUPPORTED


@given(results=ANSWERS | MOSTLY_PASSING, applies=DECLARED, lost=st.sets(st.sampled_from(CHECK_IDS), min_size=1))
def test_a_fact_that_goes_missing_never_makes_support_or_an_exception(
    results: dict[str, Result], applies: dict[str, bool], lost: set[str]
):
    before = controls_of(results, applies)
    not_assessed = controls_of(results | dict.fromkeys(lost, Result.NOT_ASSESSED), applies)
    not_run = controls_of({id_: result for id_, result in results.items() if id_ not in lost}, applies)

    for key, control in before.items():
        for after in (not_assessed[key], not_run[key]):
            if after.conclusion in {Conclusion.SUPPORTED, Conclusion.EXCEPTION}:
                assert after.conclusion is control.conclusion


@given(results=ANSWERS)
def test_no_reason_calls_anything_compliant(results: dict[str, Result]):
    assert not any("complian" in control.reason.lower() for control in controls_of(results, {"pci-dss": True}).values())


def test_with_every_check_passing_only_the_undeclared_and_the_manual_controls_are_left():
    concluded = controls_of(dict.fromkeys(CHECK_IDS, Result.PASS), {})

    left = {key: each.conclusion for key, each in concluded.items() if each.conclusion is not Conclusion.SUPPORTED}
    assert {key[0] for key, conclusion in left.items() if conclusion is Conclusion.INCONCLUSIVE} == {"pci-dss"}
    assert left[("soc2", "CC6.7")] is Conclusion.MANUAL
    assert left[("hipaa", "164.316(b)(2)(i)")] is Conclusion.MANUAL


def test_a_test_carries_what_its_check_documents_and_its_finding_saw():
    framework = a_framework(a_control(("a", SUPPORTS), ("b", PARTIALLY)))
    seen = Observation("v4 came after 98 days")
    finding = Finding("b", Result.FAIL, "98 days", (seen,), "1 of 4 rotations", ("E07",))

    first, second = conclude_tests([a_check("a"), a_check("b")], [a_finding("a", Result.PASS), finding], [framework])

    assert (first.id, second.id) == ("T01", "T02")
    assert (second.check_id, second.title, second.severity) == ("b", "Title of b", Severity.HIGH)
    assert (second.why, second.expected, second.fix) == ("It matters.", "It is good.", "Mend it.")
    assert (second.seen, second.population, second.observations) == ("98 days", "1 of 4 rotations", (seen,))
    assert (second.manual, second.evidence) == ("Ask somebody.", ("E07",))
    assert [(r.framework, r.control, r.was, r.strength) for r in second.requirements] == [
        ("sample", "C.1", "C.0", "partially supports")
    ]


@pytest.mark.parametrize(
    ("result", "conclusion"),
    [
        (Result.PASS, Conclusion.SUPPORTED),
        (Result.FAIL, Conclusion.EXCEPTION),
        (Result.NOT_ASSESSED, Conclusion.INCONCLUSIVE),
        (Result.NOT_APPLICABLE, Conclusion.NOT_APPLICABLE),
    ],
)
def test_a_result_becomes_a_conclusion(result: Result, conclusion: Conclusion):
    (test,) = conclude_tests([a_check("a")], [a_finding("a", result)], [])

    assert test.conclusion is conclusion


def next_step(finding: Finding) -> str:
    (test,) = conclude_tests([a_check(finding.check_id)], [finding], [])
    return test.next_step


def from_verdict(verdict: Verdict) -> Finding:
    return Finding("a", verdict.result, verdict.seen)


def test_an_exception_asks_for_the_fix_and_a_pass_for_nothing():
    assert next_step(a_finding("a", Result.FAIL)) == "Mend it."
    assert next_step(a_finding("a", Result.PASS)) == ""
    assert next_step(a_finding("a", Result.NOT_APPLICABLE)) == ""


def test_a_missing_fact_asks_for_its_remedy_once():
    denied = Missing("kms:GetKeyPolicy", "AccessDenied", remedy="allow kms:GetKeyPolicy")
    silent = Missing("kms:ListGrants", "timeout")
    finding = replace(a_finding("a", Result.NOT_ASSESSED), missing=(denied, denied, silent))

    assert next_step(finding) == "allow kms:GetKeyPolicy; find out why kms:ListGrants gave timeout"


def test_an_undeclared_setting_asks_for_the_declaration():
    assert next_step(from_verdict(undeclared("backend_roles"))) == (
        "declare it: set backend_roles under [baseline] in fluo-audit.toml"
    )


def test_a_gap_asks_for_the_rest_and_an_unread_field_for_a_look():
    finding = replace(a_finding("a", Result.NOT_ASSESSED), gaps=("CloudTrail events: 2 days",))

    assert next_step(finding) == "collect what was not read: CloudTrail events: 2 days"
    assert next_step(from_verdict(unread("kms:DescribeKey", "Origin"))) == (
        "find out why: kms:DescribeKey answered without Origin"
    )


def test_findings_of_other_checks_than_those_asked_are_a_bug():
    with pytest.raises(ValueError, match="T01: a finding of b stands at the place of a"):
        conclude_tests([a_check("a")], [a_finding("b", Result.PASS)], [])
    with pytest.raises(ValueError, match="zip"):
        conclude_tests([a_check("a"), a_check("b")], [a_finding("a", Result.PASS)], [])


def test_requirements_come_in_the_order_of_the_frameworks():
    found = requirements("rotation-on-time", load_frameworks())

    assert [(each.framework, each.control) for each in found] == [
        ("soc2", "CC6.1"),
        ("pci-dss", "3.7.4"),
        ("pci-dss", "3.7.5"),
        ("nist-800-57", "5.3.5"),
    ]


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        ("soc2,hipaa,pci", ["soc2", "hipaa", "pci-dss"]),
        ("nist, SOC2", ["soc2", "nist-800-57"]),
        ("pci,pci-dss", ["pci-dss"]),
    ],
)
def test_frameworks_are_selected_by_id_or_short_name(wanted: str, ids: list[str]):
    assert [each.id for each in select(load_frameworks(), wanted)] == ids


@pytest.mark.parametrize("wanted", ["soc3", "soc2,iso27001", "", "soc2,,hipaa"])
def test_an_unknown_framework_is_a_usage_error_that_lists_the_known(wanted: str):
    with pytest.raises(UsageError, match="known are soc2, hipaa, pci-dss, nist-800-57"):
        select(load_frameworks(), wanted)


def test_a_misspelt_declaration_is_found():
    assert framework_ids({"pci": True}, load_frameworks()) == ("pci-dss",)
    with pytest.raises(UsageError, match="'pcidss'"):
        framework_ids({"pcidss": True}, load_frameworks())


def test_the_report_names_each_framework_with_what_was_declared():
    named = declared_frameworks(load_frameworks(), Baseline(applies={"pci": False, "soc2": True}))

    assert [(each.id, each.applies) for each in named] == [
        ("soc2", True),
        ("hipaa", None),
        ("pci-dss", False),
        ("nist-800-57", None),
    ]
    assert named[2].version == "4.0.1"
