"""The shipped mapping invents no number and no check, and corrects what the module documentation gets wrong."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from fluo_audit.frameworks.load import NEW, OPERATIONAL_CHECKS, FrameworkMapping, MappedControl, load_frameworks

KNOWN = tomllib.loads((Path(__file__).parent / "known_ids.toml").read_text("utf-8"))
FRAMEWORKS = {each.id: each for each in load_frameworks()}
CONTROLS = [(framework, control) for framework in FRAMEWORKS.values() for control in framework.controls]
LINES = [(framework, control, line) for framework, control in CONTROLS for line in control.lines]


def find(framework_id: str, number: str) -> MappedControl:
    found = [each for each in FRAMEWORKS[framework_id].controls if number in {each.id, each.was}]
    assert len(found) == 1, f"{framework_id} {number}"
    return found[0]


@pytest.mark.parametrize("framework", FRAMEWORKS.values(), ids=FRAMEWORKS)
def test_no_control_number_is_invented(framework: FrameworkMapping):
    assert {each.id for each in framework.controls} <= set(KNOWN[framework.id]["ids"])


@pytest.mark.parametrize("framework", FRAMEWORKS.values(), ids=FRAMEWORKS)
def test_no_number_of_the_edition_before_is_invented(framework: FrameworkMapping):
    numbers = {number for each in framework.controls for number in each.was.split(", ")} - {"", NEW}

    assert numbers <= set(KNOWN.get(f"{framework.id}-before", {"ids": []})["ids"])


def test_no_number_of_the_edition_before_is_given_to_two_requirements():
    numbers = [number for each in FRAMEWORKS["pci-dss"].controls for number in each.was.split(", ") if number != NEW]

    assert sorted(numbers) == sorted(set(numbers))


def test_every_pci_requirement_says_what_it_was_before():
    assert [each.id for each in FRAMEWORKS["pci-dss"].controls if not each.was] == []


def test_every_mapped_check_exists():
    assert {line.check for *_, line in LINES} <= set(KNOWN["checks"]["ids"])


def test_every_check_speaks_to_a_soc_2_criterion_or_is_operational_with_a_reason():
    mapped = {line.check for framework, _, line in LINES if framework.id == "soc2"}

    assert set(KNOWN["checks"]["ids"]) - mapped == set(OPERATIONAL_CHECKS)
    assert all(OPERATIONAL_CHECKS.values())


def test_every_check_that_runs_is_one_the_mapping_knows():
    from fluo_audit.evaluate.checks.all import ALL

    assert {each.id for each in ALL} <= set(KNOWN["checks"]["ids"])


@pytest.mark.parametrize(
    ("framework_id", "numbers"),
    [
        ("soc2", "CC6.1 CC6.3 CC6.7 CC7.1 CC7.2 CC8.1"),
        (
            "hipaa",
            "164.308(a)(1)(ii)(D) 164.312(a)(1) 164.312(a)(2)(iv) 164.312(b) 164.312(c)(1) 164.316(b)(2)(i)",
        ),
        (
            "pci-dss",
            """3.6.1 3.6.1.1 3.6.1.2 3.6.1.3 3.6.1.4 3.7.1 3.7.2 3.7.4 3.7.5 3.7.6 3.7.7
            7.2.1 7.2.2 7.2.5 10.2.1 10.2.2 10.3.2 10.3.4 10.4.1.1 10.5.1""",
        ),
        ("nist-800-57", "5.3 5.3.5 5.3.6 8.2.3 8.3 8.3.4"),
    ],
)
def test_the_controls_auditors_ask_about_are_there(framework_id: str, numbers: str):
    assert set(numbers.split()) <= {each.id for each in FRAMEWORKS[framework_id].controls}


@pytest.mark.parametrize("claim", KNOWN["claim"], ids=lambda claim: claim["number"])
def test_each_claim_of_the_module_documentation_is_shown_and_corrected_where_it_is_wrong(claim: dict[str, str]):
    control = find(claim["framework"], claim["number"])

    assert control.seed_claim
    assert bool(control.correction) == claim["wrong"]
    assert claim.get("corrected_by", "") in control.correction


def test_no_other_control_claims_to_be_in_the_module_documentation():
    shown = {(framework.id, control.id) for framework, control in CONTROLS if control.seed_claim}

    assert shown == {(claim["framework"], find(claim["framework"], claim["number"]).id) for claim in KNOWN["claim"]}


def test_rotation_is_mapped_to_the_number_of_today_and_names_the_old_one():
    control = find("pci-dss", "3.7.4")

    assert control.was == "3.6.4"
    assert {"rotation-enabled", "rotation-period", "rotation-on-time", "rotation-history-reconciled"} == {
        line.check for line in control.lines
    }
    assert "3.6.4" not in {each.id for each in FRAMEWORKS["pci-dss"].controls}


@pytest.mark.parametrize(
    ("framework_id", "number"), [("soc2", "CC6.7"), ("hipaa", "164.316(b)(2)(i)"), ("pci-dss", "10.5.1")]
)
def test_what_no_check_reads_is_left_to_hand(framework_id: str, number: str):
    assert find(framework_id, number).lines == ()


def test_the_addressable_specification_is_called_so():
    assert "addressable" in find("hipaa", "164.312(a)(2)(iv)").title


def test_every_number_of_the_publication_that_could_not_be_read_is_marked():
    unverified = {(framework.id, control.id) for framework, control in CONTROLS if control.unverified}

    assert unverified == {("nist-800-57", each.id) for each in FRAMEWORKS["nist-800-57"].controls}


def test_nothing_is_called_compliant():
    texts = [text for *_, line in LINES for text in (line.because, line.source)]
    texts += [text for _, each in CONTROLS for text in (each.title, each.manual, each.correction)]
    texts += [each.note for each in FRAMEWORKS.values()]

    assert [text for text in texts if re.search(r"\bcompl(y|ies|iant)\b", text, re.IGNORECASE)] == []


def test_reasons_fit_into_a_table_cell():
    assert [line.because for *_, line in LINES if "\n" in line.because or len(line.because) > 140] == []
