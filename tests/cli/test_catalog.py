"""fluo-audit catalog: every check and control, in both directions."""

from __future__ import annotations

import json

from fluo_audit.errors import ExitCode
from fluo_audit.evaluate.checks.all import ALL


def test_every_check_is_listed(run):
    ended = run("catalog", "checks")

    assert ended.code == ExitCode.OK
    assert all(check.id in ended.out for check in ALL)


def test_one_check_says_what_it_means_and_where_it_is_mapped(run):
    out = run("catalog", "checks", "rotation-on-time").out

    assert "Passes when" in out
    assert "3.7.4" in out


def test_a_number_of_the_edition_before_finds_todays(run):
    out = run("catalog", "frameworks", "3.6.4").out

    assert "3.7.4" in out
    assert "correction" in out


def test_json_names_its_schema(run):
    document = json.loads(run("catalog", "frameworks", "-o", "json").out)

    assert document["schema"] == "fluo-audit/catalog/v1"
    assert {row["id"] for row in document["frameworks"]} == {"soc2", "hipaa", "pci-dss", "nist-800-57"}
