"""Turn findings into test results, and test results into what they mean for each control.

A control is SUPPORTED only when at least one of its checks passed and none is open: whatever was not assessed, was
not run, or was not declared leaves it INCONCLUSIVE. An exception always shows. Whether that amounts to meeting the
control is for an auditor to say.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import assert_never

from fluo_audit.errors import UsageError
from fluo_audit.evaluate.registry import Check
from fluo_audit.frameworks.load import ALIASES, FrameworkMapping, MappedControl, Strength
from fluo_audit.model.baseline import Baseline
from fluo_audit.model.finding import Conclusion, Finding, Result
from fluo_audit.model.report import ControlResult, Framework, Requirement, TestResult

_UNDECLARED = "not declared: "  # how fluo_audit.model.finding.undeclared starts; a test holds the two together


def framework_ids(names: Iterable[str], frameworks: Iterable[FrameworkMapping]) -> tuple[str, ...]:
    """Return the framework ids that names or their short forms (pci, nist) stand for, in the order of `frameworks`.

    Use it on whatever a user wrote: `--framework`, and the names under `applies`. Raises `UsageError` for a name
    that is none.
    """
    known = [each.id for each in frameworks]
    wanted = {name: ALIASES.get(name.strip().lower(), name.strip().lower()) for name in names}
    unknown = [name for name, id_ in wanted.items() if id_ not in known]
    if unknown:
        listed = ", ".join(known)
        raise UsageError(
            f"no framework is called {', '.join(map(repr, unknown))}; known are {listed}",
            "fluo-audit catalog frameworks describes them",
        )
    return tuple(id_ for id_ in known if id_ in wanted.values())


def select(frameworks: Sequence[FrameworkMapping], wanted: str) -> tuple[FrameworkMapping, ...]:
    """Return the frameworks that a list such as "soc2,hipaa,pci" names; raises `UsageError` for any other name."""
    ids = framework_ids(wanted.split(","), frameworks)
    return tuple(each for each in frameworks if each.id in ids)


def declared_frameworks(frameworks: Iterable[FrameworkMapping], baseline: Baseline) -> tuple[Framework, ...]:
    """Return the frameworks as the report names them, each with what the organisation declared about it."""
    return tuple(
        Framework(each.id, each.name, each.version, each.source, _applies(each, baseline)) for each in frameworks
    )


def conclude_tests(
    checks: Sequence[Check], findings: Sequence[Finding], frameworks: Sequence[FrameworkMapping]
) -> tuple[TestResult, ...]:
    """Return one test result for each check, in their order; `findings` are those of `run_checks`, in the same order.

    Raises ValueError when a finding is not of the check at its place.
    """
    return tuple(
        _test(f"T{number:02}", check, finding, frameworks)
        for number, (check, finding) in enumerate(zip(checks, findings, strict=True), 1)
    )


def _test(id_: str, check: Check, finding: Finding, frameworks: Sequence[FrameworkMapping]) -> TestResult:
    if check.id != finding.check_id:
        raise ValueError(f"{id_}: a finding of {finding.check_id} stands at the place of {check.id}")
    return TestResult(
        id=id_,
        check_id=check.id,
        title=check.title,
        severity=check.severity,
        conclusion=_conclusion(finding.result),
        why=check.section("Why"),
        expected=check.section("Passes when"),
        seen=finding.seen,
        population=finding.population,
        observations=finding.observations,
        fix=check.section("Fix"),
        next_step=_next_step(check, finding),
        manual=check.section("Still by hand"),
        requirements=requirements(check.id, frameworks),
        evidence=finding.evidence,
    )


def requirements(check_id: str, frameworks: Iterable[FrameworkMapping]) -> tuple[Requirement, ...]:
    """Return every mapping line of a check, in the order of frameworks and controls."""
    return tuple(
        Requirement(framework.id, control.id, control.was, line.strength.value, line.because, line.source)
        for framework in frameworks
        for control in framework.controls
        for line in control.lines
        if line.check == check_id
    )


def _conclusion(result: Result) -> Conclusion:
    match result:
        case Result.PASS:
            return Conclusion.SUPPORTED
        case Result.FAIL:
            return Conclusion.EXCEPTION
        case Result.NOT_ASSESSED:
            return Conclusion.INCONCLUSIVE
        case Result.NOT_APPLICABLE:
            return Conclusion.NOT_APPLICABLE
    assert_never(result)


def _next_step(check: Check, finding: Finding) -> str:
    if finding.result is Result.FAIL:
        return check.section("Fix")
    if finding.result is not Result.NOT_ASSESSED:
        return ""
    if finding.missing:
        steps = (each.remedy or f"find out why {each.operation} gave {each.reason}" for each in finding.missing)
        return "; ".join(dict.fromkeys(steps))
    if finding.gaps:
        return f"collect what was not read: {'; '.join(finding.gaps)}"
    if finding.seen.startswith(_UNDECLARED):
        return f"declare it: {finding.seen.removeprefix(_UNDECLARED)}"
    return f"find out why: {finding.seen}"


def conclude_controls(
    tests: Iterable[TestResult], frameworks: Iterable[FrameworkMapping], baseline: Baseline
) -> tuple[ControlResult, ...]:
    """Return what the tests mean for every control of the frameworks, in their order."""
    by_check = {test.check_id: test for test in tests}
    return tuple(
        _control(framework, control, by_check, applies=_applies(framework, baseline))
        for framework in frameworks
        for control in framework.controls
    )


def _applies(framework: FrameworkMapping, baseline: Baseline) -> bool | None:
    names = (framework.id, *(alias for alias, id_ in ALIASES.items() if id_ == framework.id))
    declared = {baseline.applies[name] for name in names if name in baseline.applies}
    # Declared both ways under two names: the reading that hides nothing.
    return None if not declared else any(declared)


def _control(
    framework: FrameworkMapping, control: MappedControl, by_check: Mapping[str, TestResult], *, applies: bool | None
) -> ControlResult:
    tests = [by_check[line.check] for line in control.lines if line.check in by_check]
    conclusion, reason = (
        (Conclusion.NOT_APPLICABLE, f"{framework.name} does not apply (declared)")
        if applies is False
        else _judge(control, tests)
    )
    if conclusion is Conclusion.SUPPORTED and framework.must_be_declared and applies is None:
        conclusion = Conclusion.INCONCLUSIVE
        setting = f"applies.{framework.id} to true or false under [baseline] in fluo-audit.toml"
        reason = f"applicability not declared: set {setting}"
    return ControlResult(
        framework=framework.id,
        id=control.id,
        was=control.was,
        title=control.title,
        conclusion=conclusion,
        reason=reason,
        tests=tuple(test.id for test in tests),
        manual=control.manual,
        seed_claim=control.seed_claim if control.correction else "",
        correction=control.correction,
    )


def _judge(control: MappedControl, tests: Sequence[TestResult]) -> tuple[Conclusion, str]:
    """Conclude from the tests of a control: an exception shows before an open test, and either before a pass."""
    if not control.lines:
        return Conclusion.MANUAL, "no check of this tool speaks to it: the evidence is obtained by hand"
    run = {test.check_id for test in tests}
    undecided = [
        *(f"{test.id} {test.check_id} not assessed: {test.seen}" for test in _with(Conclusion.INCONCLUSIVE, tests)),
        *(f"{line.check} not run" for line in control.lines if line.check not in run),
    ]
    exceptions = _with(Conclusion.EXCEPTION, tests)
    if exceptions:
        return Conclusion.EXCEPTION, "; ".join([*map(_saying, exceptions), *undecided])
    if undecided:
        return Conclusion.INCONCLUSIVE, "; ".join(undecided)
    passed = _with(Conclusion.SUPPORTED, tests)
    if not passed:
        return Conclusion.NOT_APPLICABLE, "; ".join(map(_saying, tests))
    return Conclusion.SUPPORTED, _support(control, passed)


def _support(control: MappedControl, passed: Sequence[TestResult]) -> str:
    strengths = {line.check: line.strength for line in control.lines}
    names = ", ".join(test.id for test in passed)
    if any(strengths[test.check_id] is Strength.SUPPORTS for test in passed):
        return f"supported by {names}"
    return f"supported in part by {names}; still to obtain: {control.manual}"


def _with(conclusion: Conclusion, tests: Iterable[TestResult]) -> list[TestResult]:
    return [test for test in tests if test.conclusion is conclusion]


def _saying(test: TestResult) -> str:
    return f"{test.id} {test.check_id}: {test.seen}"
