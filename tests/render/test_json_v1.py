"""The JSON: an interface of its own, with every text as it was."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from decimal import Decimal

import jsonschema
import pytest

from fluo_audit.model.integrity import IntegrityCounts
from fluo_audit.render.json_v1 import SCHEMA, integrity_document, render_json, schema

HOSTILE = "鍵 <b>\u202e\x1b[2J =1+1 \ud800 😀"


def no_floats(text: str) -> float:
    raise AssertionError(f"a floating-point number: {text}")


def read(report):
    return json.loads(render_json(report), parse_float=no_floats)


@pytest.fixture(scope="module")
def validator():
    jsonschema.Draft202012Validator.check_schema(json.loads(schema()))
    return jsonschema.Draft202012Validator(json.loads(schema()))


def test_a_report_meets_the_schema(report, validator):
    validator.validate(read(report))


def test_a_report_with_nothing_collected_meets_the_schema(report, validator):
    parts = ("access", "principals", "usage", "errors", "changes", "rotation", "cost", "budget_usd", "integrity")
    data = read(replace(report, **dict.fromkeys((*parts, "clock_skew_seconds")), reconciliations=()))
    validator.validate(data)
    assert data["usage"] is None
    assert data["cost"] is None
    assert data["trail_integrity"] is None
    assert data["reconciliation"] == []


def test_the_schema_refuses_what_is_not_listed(report, validator):
    data = read(report)
    assert list(validator.iter_errors(data | {"surprise": 1}))
    assert list(validator.iter_errors({k: v for k, v in data.items() if k != "tests"}))
    data["tests"][0]["conclusion"] = "compliant"
    assert list(validator.iter_errors(data))


def test_every_object_of_the_schema_lists_its_fields_and_requires_them_all():
    def objects(node):
        if isinstance(node, dict):
            if "properties" in node and node.get("type") == "object":
                yield node
            for child in node.values():
                yield from objects(child)
        elif isinstance(node, list):
            for child in node:
                yield from objects(child)

    found = list(objects(json.loads(schema())))
    assert len(found) > 20
    for node in found:
        assert node["additionalProperties"] is False
        assert node["required"] == sorted(node["properties"])


def test_text_is_kept_as_it_was_and_the_file_is_plain_ascii(report, change_texts, validator):
    changed = change_texts(report, lambda s: s + HOSTILE)
    raw = render_json(changed)
    assert all(b == 0x0A or 0x20 <= b < 0x7F for b in raw)
    data = json.loads(raw)
    assert data["scope"]["alias"] == report.alias + HOSTILE
    assert data["tests"][8]["observations"][0]["fact"] == report.tests[8].observations[0].fact + HOSTILE
    assert data["evidence"][0]["error_message"] == HOSTILE
    validator.validate(data)


def test_money_is_exact_text_and_times_are_utc(report):
    first = replace(report.cost[0], total=Decimal("0.00000012"))
    data = read(replace(report, cost=(first,)))
    assert data["cost"][0]["total_usd"] == "0.00000012"
    assert data["budget_usd"] == "6.00"
    assert data["scope"]["as_of"] == "2026-11-23T06:00:45Z"
    assert data["scope"]["period"] == {
        "start": "2026-08-25T00:00:00Z",
        "end": "2026-11-23T00:00:00Z",
        "first_day": "2026-08-25",
        "last_day": "2026-11-22",
    }


def test_request_parameters_hold_no_floats_and_no_local_times(report):
    calls = {c["operation"]: c for c in read(report)["evidence"]}
    assert calls["GetMetricData"]["parameters"]["Threshold"] == "0.5"
    assert calls["LookupEvents"]["parameters"]["StartTime"] == "2026-08-25T00:00:00Z"


def test_a_day_that_was_not_collected_is_null(report):
    data = read(report)
    day = data["usage"]["days"].index("2026-10-04")
    assert [c["per_day"][day] for c in data["usage"]["counts"]] == [None] * 4


def test_it_carries_the_version_and_every_result(report):
    data = read(report)
    assert data["schema"] == SCHEMA
    assert sum(data["counts"].values()) == len(data["tests"]) == len(report.tests)
    assert [e["sha256"] for e in data["evidence"]] == [c.sha256 for c in report.evidence]


def test_the_reconciliation_keeps_none_apart_from_zero_and_lists_what_is_flagged(report):
    found = {row["name"]: row for row in read(report)["reconciliation"]}
    assert found["events-metrics"]["difference"] == 0
    assert found["events-last-usage"]["left"] is None
    assert found["events-last-usage"]["outcome"] == "not compared"
    assert [flag["ref"] for flag in found["events-history"]["flagged"]] == ["e-1"]
    assert found["events-cost"]["flagged"] == []


def test_the_integrity_of_the_trail_has_every_problem_and_all_counts(report):
    found = read(report)["trail_integrity"]
    assert found == json.loads(json.dumps(integrity_document(report.integrity)))
    assert (found["verdict"], found["period"]) == (
        "FAIL",
        {"start": "2026-08-25T00:00:00Z", "end": "2026-11-23T00:00:00Z"},
    )
    assert [p["key"] for p in found["problems"]] == [p.key for p in report.integrity.problems]
    for counts in (found["counts"], *(region["counts"] for region in found["regions"])):
        assert set(counts) == {field.name for field in fields(IntegrityCounts)}
    assert found["counts"]["logs_vouched"] == sum(region["counts"]["logs_vouched"] for region in found["regions"])
    assert found["regions"][2]["covered"][0]["end"] == "2026-09-10T00:00:00Z"
