"""The runner judges only what was read, and every check in the list keeps the form that readers rely on."""

from __future__ import annotations

import pkgutil
import re
from itertools import groupby

import pytest

from fluo_audit.evaluate import checks
from fluo_audit.evaluate.checks.all import ALL
from fluo_audit.evaluate.registry import (
    REQUIRED_SECTIONS,
    Check,
    check,
    run_check,
    run_checks,
    sections,
    weighing_check,
)
from fluo_audit.model.evidence import Coverage, Have, Missing
from fluo_audit.model.finding import Observation, Result, Severity, Verdict, failed, not_applicable, passed
from fluo_audit.model.sources import ALIASES, CALLER, KEY, TAGS
from fluo_audit.model.sources import ALL as ALL_SOURCES

GROUPS = ["KEY", "ROT", "POL", "GRT", "LOG", "EVT", "ALM", "CST"]
EACH = pytest.mark.parametrize("each", ALL, ids=[each.id for each in ALL])
EACH_SOURCE = pytest.mark.parametrize(
    ("each", "source"),
    [(each, source) for each in ALL for source in each.reads],
    ids=[f"{each.id} without {source.name}" for each in ALL for source in each.reads],
)
DENIED = Missing("kms:Something", "AccessDeniedException", "no", "allow kms:Something", ("E99",))


def have(value: object, *gaps: str, proof: tuple[str, ...] = ("E01",)) -> Have:
    return Have(value, proof, Coverage("all", "all", 1, gaps))


@pytest.fixture
def read(key):
    """Every source as a value no check could judge, but for the key: a check that is called on it breaks."""
    return {
        source.name: have(key() if source == KEY else object(), proof=(f"E-{source.name}",)) for source in ALL_SOURCES
    }


def a_check(verdict: Verdict, *, reads=(CALLER, TAGS), one_is_enough=(), unless=None) -> Check:
    return check(
        "a-check",
        "A check",
        group="KEY",
        severity=Severity.LOW,
        reads=reads,
        one_is_enough=one_is_enough,
        unless=unless,
    )(lambda *_: verdict)


# What every check in the list keeps to.


@EACH_SOURCE
def test_a_fact_that_could_not_be_read_is_never_judged(each, source, read, criteria):
    finding = run_check(each, {**read, source.name: DENIED}, criteria())

    assert finding.result is Result.NOT_ASSESSED
    assert finding.seen == "kms:Something: AccessDeniedException"
    assert finding.missing == (DENIED,)
    assert not finding.observations
    assert "E99" in finding.evidence


@EACH_SOURCE
def test_a_fact_that_nobody_asked_for_is_never_judged(each, source, read, criteria):
    del read[source.name]
    finding = run_check(each, read, criteria())

    assert (finding.result, finding.seen) == (Result.NOT_ASSESSED, f"{source.name}: not collected")


@pytest.mark.parametrize(
    ("each", "source"),
    [
        pytest.param(each, source, id=f"{each.id} with part of {source.name}")
        for each in ALL
        for source in each.reads
        if source not in each.one_is_enough
    ],
)
def test_a_fact_that_was_read_in_part_is_not_judged(each, source, read, criteria):
    whole = read[source.name]
    read[source.name] = have(whole.value, "pages 3 to 9 were not read")
    finding = run_check(each, read, criteria())

    assert finding.result is Result.NOT_ASSESSED
    assert finding.gaps == (f"{source.title}: pages 3 to 9 were not read",)


def test_every_check_gives_one_finding_in_order_whatever_was_collected(criteria):
    findings = run_checks(ALL, {}, criteria())

    assert [finding.check_id for finding in findings] == [each.id for each in ALL]
    assert {finding.result for finding in findings} == {Result.NOT_ASSESSED}


@EACH
@pytest.mark.parametrize("fact", [DENIED, have(object(), "a gap")], ids=["missing", "partial"])
def test_facts_of_which_none_was_read_in_full_are_never_judged(each, fact, criteria):
    """Also those that a check weighs."""
    finding = run_check(each, dict.fromkeys((source.name for source in each.weighs), fact), criteria())

    assert finding.result is Result.NOT_ASSESSED


@EACH
def test_the_docstring_says_what_a_reader_needs(each):
    empty = [name for name in REQUIRED_SECTIONS if not each.section(name)]

    assert not empty
    assert bool(each.unless) <= bool(each.section("Not applicable when"))
    assert each.title
    assert not each.title.endswith(".")


@EACH
def test_the_id_names_the_file_and_the_function(each):
    name = each.id.replace("-", "_")

    assert re.fullmatch(r"[a-z]+(-[a-z]+)+", each.id)
    assert each.function.__module__ == f"{checks.__name__}.{name}"
    assert each.function.__name__ == name


def test_ids_are_unique():
    ids = [each.id for each in ALL]

    assert len(ids) == len(set(ids))


def test_every_file_of_a_check_is_in_the_list():
    files = {module.name for module in pkgutil.iter_modules(checks.__path__)} - {"all"}

    assert files == {each.id.replace("-", "_") for each in ALL}


def test_groups_stand_together_in_the_order_of_the_report():
    groups = [group for group, _ in groupby(each.group for each in ALL)]

    assert groups == [group for group in GROUPS if group in groups]


@EACH
def test_what_a_check_relies_on_is_among_what_it_reads(each):
    assert each.sources
    assert all(source in ALL_SOURCES for source in each.sources)
    assert all(source in each.reads for source in each.one_is_enough)
    assert each.unless is None or KEY in each.reads


# What the runner does.


def test_a_verdict_becomes_a_finding_with_the_evidence_behind_it(criteria):
    exception = Observation("bad", "2026-01-01", "someone", "e1")
    facts = {"caller": have(1, proof=("E01", "E02")), "tags": have(2, proof=("E02", "E03"))}
    finding = run_check(a_check(failed("seen", exception, population="1 of 2")), facts, criteria())

    assert (finding.check_id, finding.result, finding.seen) == ("a-check", Result.FAIL, "seen")
    assert (finding.observations, finding.population) == ((exception,), "1 of 2")
    assert finding.evidence == ("E01", "E02", "E03")


def test_a_check_receives_the_values_in_the_order_it_reads_them_then_the_criteria(criteria):
    received = []

    def function(*given: object) -> Verdict:
        received.extend(given)
        return passed("good")

    made = check("a-check", "A check", group="KEY", severity=Severity.LOW, reads=(CALLER, TAGS, ALIASES))(function)
    expected = criteria()
    run_check(made, {"tags": have("tags"), "aliases": have("aliases"), "caller": have("caller")}, expected)

    assert received == ["caller", "tags", "aliases", expected]


def test_every_missing_fact_is_named_once(criteria):
    facts = {"caller": DENIED, "tags": DENIED}
    finding = run_check(a_check(passed("good")), facts, criteria())

    assert finding.seen == "kms:Something: AccessDeniedException"
    assert finding.missing == (DENIED, DENIED)


@pytest.mark.parametrize(
    ("verdict", "one_is_enough", "expected", "seen"),
    [
        (failed("bad"), (TAGS,), Result.FAIL, "bad"),
        (failed("bad"), (), Result.NOT_ASSESSED, "Tags of the key: a gap"),
        (failed("bad"), (CALLER,), Result.NOT_ASSESSED, "Tags of the key: a gap"),
        (passed("good"), (TAGS,), Result.NOT_ASSESSED, "in the part that was read: good; Tags of the key: a gap"),
        (
            not_applicable("none"),
            (TAGS,),
            Result.NOT_ASSESSED,
            "in the part that was read: none; Tags of the key: a gap",
        ),
    ],
    ids=[
        "one bad record is enough",
        "one bad record is not enough",
        "enough, but of another source",
        "a part supports nothing",
        "a part exempts from nothing",
    ],
)
def test_of_a_part_only_an_exception_may_stand(criteria, verdict, one_is_enough, expected, seen):
    facts = {"caller": have(1), "tags": have(2, "a gap")}
    finding = run_check(a_check(verdict, one_is_enough=one_is_enough), facts, criteria())

    assert (finding.result, finding.seen, finding.gaps) == (expected, seen, ("Tags of the key: a gap",))


def test_a_weighing_check_receives_the_facts_as_they_are(criteria):
    received = []

    def function(*given: object) -> Verdict:
        received.extend(given)
        return passed("good")

    made = weighing_check("a-check", "A check", group="KEY", severity=Severity.LOW, weighs=(CALLER, TAGS, ALIASES))
    facts = {"caller": have(1), "tags": DENIED, "key": have(3)}
    expected = criteria()
    finding = run_check(made(function), facts, expected)

    assert received == [{"caller": facts["caller"], "tags": DENIED}, expected]
    assert (finding.result, finding.evidence, finding.missing) == (Result.PASS, ("E01", "E99"), ())


def test_what_a_weighing_check_lacked_is_named_when_it_could_not_conclude(criteria):
    made = weighing_check("a-check", "A check", group="KEY", severity=Severity.LOW, weighs=(CALLER, TAGS))
    open_verdict = Verdict(Result.NOT_ASSESSED, "too little")
    finding = run_check(made(lambda *_: open_verdict), {"caller": have(1), "tags": DENIED}, criteria())

    assert (finding.result, finding.seen, finding.missing) == (Result.NOT_ASSESSED, "too little", (DENIED,))


def exempt_asymmetric(key) -> Verdict | None:
    return not_applicable("asymmetric") if key.spec == "RSA_2048" else None


@pytest.mark.parametrize(
    ("facts", "expected", "seen", "evidence"),
    [
        ({"key": "RSA_2048", "tags": DENIED}, Result.NOT_APPLICABLE, "asymmetric", ("E01",)),
        ({"key": "SYMMETRIC_DEFAULT", "tags": DENIED}, Result.NOT_ASSESSED, "kms:Something: AccessDeniedException", ("E01", "E99")),
        ({"key": "SYMMETRIC_DEFAULT", "tags": have(2)}, Result.PASS, "good", ("E01",)),
        ({"key": DENIED, "tags": have(2)}, Result.NOT_ASSESSED, "kms:Something: AccessDeniedException", ("E99", "E01")),
        ({"tags": have(2)}, Result.NOT_ASSESSED, "key: not collected", ("E01",)),
    ],
    ids=["exempt, whatever else KMS refuses", "not exempt, refused", "not exempt", "key refused", "key not asked for"],
)  # fmt: skip
def test_a_check_that_does_not_apply_to_a_key_needs_nothing_but_the_key(
    criteria, key, *, facts, expected, seen, evidence
):
    facts = {name: have(key(spec=fact)) if isinstance(fact, str) else fact for name, fact in facts.items()}
    finding = run_check(a_check(passed("good"), reads=(KEY, TAGS), unless=exempt_asymmetric), facts, criteria())

    assert (finding.result, finding.seen, finding.evidence) == (expected, seen, evidence)


def test_sections_of_a_docstring_are_read_on_one_line_each():
    found = sections(
        """Look at it.

        Why: because
            it matters: Fix: is no section in the middle of a line.
        Fix: turn
            it on.
        """
    )

    assert found == {
        "Why": "because it matters: Fix: is no section in the middle of a line.",
        "Fix": "turn it on.",
    }
    assert sections("") == {}
