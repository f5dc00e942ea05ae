"""fluo-audit report: the bundle, the summary and the exit code."""

from __future__ import annotations

import json
import signal
from dataclasses import replace

import jsonschema
import pytest

from fluo_audit.cli.report import exit_code
from fluo_audit.errors import ExitCode
from fluo_audit.model.evidence import Completeness
from fluo_audit.model.finding import Conclusion

REAL_KEY = "arn:aws:kms:us-east-1:123837392027:key/0e5d0ab6-097e-49d8-99ef-747ce3e5f8f4"


def test_the_demo_writes_a_bundle_that_verifies(run, tmp_path):
    ended = run("--demo", "report", "--last", "365d", "-d", tmp_path / "out")

    assert ended.code == ExitCode.EXCEPTIONS
    assert "rotation-on-time" in ended.out
    assert f"fluo-audit verify {tmp_path / 'out'}" in ended.out
    report = tmp_path / "out" / "data" / "report"
    assert {path.name for path in report.iterdir()} == {"evidence.json", "report.html", "report.pdf"}
    assert run("verify", tmp_path / "out").code == ExitCode.OK
    schema = json.loads((tmp_path / "out" / "data" / "schema" / "evidence.schema.json").read_text())
    jsonschema.validate(json.loads((report / "evidence.json").read_text()), schema)


def test_real_log_files_without_credentials(run, real_logs, tmp_path):
    arguments = ["--key", REAL_KEY, "--events-from", real_logs, "--from", "2023-07-10", "--to", "2023-07-11"]

    ended = run("report", *arguments, "--format", "json", "-d", tmp_path / "out")

    assert ended.code == ExitCode.INCOMPLETE
    evidence = json.loads((tmp_path / "out" / "data" / "report" / "evidence.json").read_text())
    events = next(s for s in evidence["sources"] if s["name"] == "events")
    assert events["records"] == 95
    assert not [c for c in evidence["controls"] if c["conclusion"] in {"supported", "exception"}]


def test_only_the_chosen_frameworks_are_judged(run, sample_bundle, tmp_path):
    run("report", sample_bundle, "--framework", "soc2,pci", "--format", "json", "-d", tmp_path / "out")

    evidence = json.loads((tmp_path / "out" / "data" / "report" / "evidence.json").read_text())
    assert {c["framework"] for c in evidence["controls"]} == {"soc2", "pci-dss"}


def test_declared_settings_hold_for_the_demo_too(run, tmp_path):
    (tmp_path / "own.toml").write_text('environment = "production"\n[baseline]\ndenied_calls_per_day = 100\n')

    ended = run("--demo", "--config", tmp_path / "own.toml", "report", "--format", "json", "-d", tmp_path / "out")

    assert "denied-calls-low" not in ended.out
    assert "set backend_roles under [baseline]" in ended.out


def test_an_existing_folder_is_refused_before_anything_is_asked(run, tmp_path):
    (tmp_path / "out").mkdir()

    ended = run("--demo", "report", "-d", tmp_path / "out")

    assert ended.code == ExitCode.USAGE
    assert "exists already" in ended.err
    assert "events" not in ended.err


@pytest.mark.parametrize("moment", ["caller", "key_policy", "cost", "judging"])
def test_ctrl_c_leaves_nothing_behind(start, tmp_path, moment: str):
    """The signal is sent when the command has said where it is, so no time passes in the test."""
    process = start("--demo", "report", "--last", "90d", "-d", tmp_path / "out")
    for line in process.stderr:
        if line.startswith(moment):
            process.send_signal(signal.SIGINT)
            break

    _, err = process.communicate()

    assert process.returncode == 130, err
    assert "No result was written" in err
    assert [path.name for path in tmp_path.iterdir() if path.name != "here"] == []


def test_nothing_escapes_into_a_pipe(start, tmp_path):
    process = start("--demo", "report", "--last", "7d", "--format", "json", "-d", tmp_path / "out")

    out, err = process.communicate()

    assert "\x1b" not in out + err
    assert "\r" not in out + err


def test_colour_where_it_is_asked_for(run, sample_bundle, tmp_path):
    ended = run("--color", "always", "report", sample_bundle, "--format", "json", "-d", tmp_path / "out")

    assert "\x1b[31m" in ended.out


@pytest.mark.parametrize(
    ("conclusion", "completeness", "code"),
    [
        (Conclusion.SUPPORTED, Completeness.COMPLETE, ExitCode.OK),
        (Conclusion.NOT_APPLICABLE, Completeness.COMPLETE, ExitCode.OK),
        (Conclusion.MANUAL, Completeness.COMPLETE, ExitCode.OK),
        (Conclusion.SUPPORTED, Completeness.PARTIAL, ExitCode.INCOMPLETE),
        (Conclusion.INCONCLUSIVE, Completeness.COMPLETE, ExitCode.INCOMPLETE),
        (Conclusion.EXCEPTION, Completeness.COMPLETE, ExitCode.EXCEPTIONS),
        (Conclusion.EXCEPTION, Completeness.PARTIAL, ExitCode.EXCEPTIONS),
    ],
)
def test_exceptions_win_over_gaps_and_gaps_over_success(sample_report, conclusion, completeness, code):
    report = replace(
        sample_report,
        completeness=completeness,
        tests=tuple(replace(t, conclusion=Conclusion.SUPPORTED) for t in sample_report.tests[:2]),
        controls=(replace(sample_report.controls[0], conclusion=conclusion),),
    )

    assert exit_code(report) is code
