"""A framework file is read strictly: whatever is wrong in it is named with file and place."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields

import pytest

from fluo_audit.frameworks.load import FILES, FrameworkMapping, MappingError, Strength, load_frameworks, parse

GOOD = """
[framework]
id = "sample"
name = "Sample"
version = "2"
version_before = "1"
source = "https://example.com/"
numbers = "checked against nothing"
note = "A sample."
applicability = "declared"

[[control]]
id = "A.1"
was = "9.1"
title = "Keys change"
manual = "the policy"
seed_claim = "Keys are safe"
correction = "It is about change."
unverified = true

[[control.line]]
check = "rotation-period"
strength = "partially supports"
because = "it is set"
source = "own reading"

[[control]]
id = "A.2"
title = "People are trained"
manual = "the records"
"""


def test_a_good_file_becomes_frozen_values_with_every_field_in_its_place():
    framework = parse(GOOD, "sample.toml")

    assert (framework.name, framework.version, framework.version_before) == ("Sample", "2", "1")
    assert framework.must_be_declared
    first, second = framework.controls
    assert (first.id, first.was, first.title, first.manual) == ("A.1", "9.1", "Keys change", "the policy")
    assert (first.seed_claim, first.correction, first.unverified) == ("Keys are safe", "It is about change.", True)
    assert (first.lines[0].check, first.lines[0].strength) == ("rotation-period", Strength.PARTIALLY)
    assert (first.lines[0].because, first.lines[0].source) == ("it is set", "own reading")
    assert (second.lines, second.was, second.seed_claim, second.unverified) == ((), "", "", False)
    for value in (framework, first, first.lines[0]):
        with pytest.raises(FrozenInstanceError):
            setattr(value, fields(value)[0].name, "other")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('note = "A sample."', 'notes = "A sample."', "[framework]: unknown key notes"),
        ('name = "Sample"\n', "", "[framework]: name is missing"),
        ('id = "sample"', 'id = "other"', "[framework]: id 'other' is not the name of the file"),
        ('"declared"', '"maybe"', "[framework]: applicability 'maybe'"),
        ("[framework]", "[frame]", "unknown key frame"),
        ('id = "A.2"', 'id = "A.1"', "control id 'A.1' stands there twice"),
        ('id = "A.2"', 'id = ""', "control 2: id is not a text, is empty"),
        ('id = "A.2"', 'id = " A.2"', "control 2: id is not a text, is empty, or has blanks"),
        ('id = "A.2"', "id = 2", "control 2: id is not a text"),
        ('id = "A.2"\n', "", "control 2: id is missing"),
        ('manual = "the records"', "", "control 2: manual is missing"),
        ('manual = "the records"', 'manual = "x"\nweight = 3', "control 2: unknown key weight"),
        (
            'manual = "the records"',
            'manual = "x"\ncorrection = "no"',
            "control 2 (A.2): correction needs the seed_claim",
        ),
        ('manual = "the records"', 'manual = "x"\nwas = ""', "control 2: was is not a text, is empty"),
        ('manual = "the records"', 'manual = "x"\nline = "rotation-period"', "control 2 (A.2): line is not a list"),
        ("unverified = true", 'unverified = "yes"', "control 1 (A.1): unverified is neither true nor false"),
        ('version_before = "1"\n', "", "control 1 (A.1): was needs version_before"),
        ('"partially supports"', '"complies"', "control 1 (A.1), line 1: strength 'complies' is not 'supports' or"),
        ('because = "it is set"\n', "", "control 1 (A.1), line 1: because is missing"),
        ('source = "own reading"', 'source = ""', "control 1 (A.1), line 1: source is not a text, is empty"),
        ('source = "own reading"', 'sauce = "own reading"', "control 1 (A.1), line 1: unknown key sauce"),
        ('check = "rotation-period"', 'check = ""', "control 1 (A.1), line 1: check is not a text, is empty"),
    ],
)
def test_a_mistake_is_named_with_file_and_place(old: str, new: str, says: str):
    assert GOOD.count(old) == 1

    with pytest.raises(MappingError) as error:
        parse(GOOD.replace(old, new), "sample.toml")

    assert str(error.value).startswith("sample.toml")
    assert says in str(error.value)


def test_a_check_that_is_mapped_twice_to_one_control_is_refused():
    line = GOOD[GOOD.index("[[control.line]]") : GOOD.index('[[control]]\nid = "A.2"')]

    with pytest.raises(MappingError, match=r"control 1 \(A\.1\): check 'rotation-period' stands there twice"):
        parse(GOOD.replace(line, line + line), "sample.toml")


def test_a_framework_without_controls_is_refused():
    with pytest.raises(MappingError, match=r"sample\.toml: it has no \[\[control\]\]"):
        parse(GOOD[: GOOD.index("[[control]]")], "sample.toml")


def test_a_file_without_its_head_is_refused():
    with pytest.raises(MappingError, match=r"sample\.toml, \[framework\] is missing"):
        parse(GOOD[GOOD.index("[[control]]") :], "sample.toml")


def test_what_is_no_toml_is_refused_with_the_line():
    with pytest.raises(MappingError, match=r"sample\.toml: .*line 2"):
        parse("\n[framework\n", "sample.toml")


def test_the_shipped_frameworks_load_in_the_order_of_the_report():
    shipped = load_frameworks()

    assert [each.id for each in shipped] == list(FILES) == ["soc2", "hipaa", "pci-dss", "nist-800-57"]
    assert all(isinstance(each, FrameworkMapping) for each in shipped)


def test_only_pci_dss_must_be_declared():
    assert [each.id for each in load_frameworks() if each.must_be_declared] == ["pci-dss"]
