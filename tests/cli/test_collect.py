"""fluo-audit collect: a snapshot that can be judged later, elsewhere, without AWS."""

from __future__ import annotations

import shutil

from fluo_audit.aws.snapshot import load
from fluo_audit.errors import ExitCode


def test_a_complete_collection_ends_with_0_and_names_the_next_command(run, tmp_path):
    ended = run("--demo", "collect", "--last", "7d", "-d", tmp_path / "snapshot")

    assert ended.code == ExitCode.OK
    assert load(tmp_path / "snapshot").sha256 in ended.out
    assert f"fluo-audit report {tmp_path / 'snapshot'}" in ended.out
    assert "events" in ended.err


def test_a_gap_ends_with_3_and_is_named(run, tmp_path):
    ended = run("--demo", "collect", "--last", "120d", "-d", tmp_path / "snapshot")

    assert ended.code == ExitCode.INCOMPLETE
    assert "before the 90 days of Event history" in ended.out


def test_quiet_means_no_progress(run, tmp_path):
    assert run("-q", "--demo", "collect", "--last", "7d", "-d", tmp_path / "snapshot").err == ""


def test_an_existing_folder_is_refused_and_not_touched(run, tmp_path):
    (tmp_path / "snapshot").mkdir()
    (tmp_path / "snapshot" / "mine").write_text("mine")

    ended = run("--demo", "collect", "--last", "7d", "-d", tmp_path / "snapshot")

    assert ended.code == ExitCode.USAGE
    assert [path.name for path in (tmp_path / "snapshot").iterdir()] == ["mine"]


def test_a_snapshot_edited_by_hand_is_refused(run, sample_snapshot, tmp_path):
    sample_snapshot.save(tmp_path / "snapshot")
    policy = next((tmp_path / "snapshot" / "evidence" / "kms" / "GetKeyPolicy").iterdir())
    policy.write_bytes(policy.read_bytes().replace(b"kms:Decrypt", b"kms:Encrypt"))

    ended = run("report", tmp_path / "snapshot", "-d", tmp_path / "out")

    assert ended.code == ExitCode.INTEGRITY
    assert "GetKeyPolicy" in ended.err
    assert not (tmp_path / "out").exists()


def test_a_report_can_be_made_from_a_bundle(run, sample_bundle, tmp_path):
    shutil.copytree(sample_bundle, tmp_path / "bundle")

    ended = run("report", tmp_path / "bundle", "--format", "json", "-d", tmp_path / "again")

    assert ended.code == ExitCode.EXCEPTIONS
    first, again = (p / "data" / "report" / "evidence.json" for p in (sample_bundle, tmp_path / "again"))
    assert first.read_bytes() == again.read_bytes()
