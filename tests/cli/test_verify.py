"""fluo-audit verify: 0 for a whole bundle, 4 for any other."""

from __future__ import annotations

import json
import shutil

import pytest

from fluo_audit.errors import ExitCode


@pytest.fixture
def bundle(sample_bundle, tmp_path):
    return shutil.copytree(sample_bundle, tmp_path / "bundle")


def test_a_whole_bundle(run, bundle):
    ended = run("verify", bundle)

    assert ended.code == ExitCode.OK
    assert "none changed, added or missing" in ended.out


def test_json_says_the_same(run, bundle):
    document = json.loads(run("verify", bundle, "-o", "json").out)

    assert document["ok"] is True
    assert document["schema"] == "fluo-audit/verify/v1"
    assert document["tag_manifest_sha256"] in run("verify", bundle).out


FILES = [
    "bagit.txt",
    "bag-info.txt",
    "manifest-sha256.txt",
    "tagmanifest-sha256.txt",
    "VERIFY.md",
    "data/report/report.html",
    "data/report/evidence.json",
    "data/populations/events.csv",
    "data/collection/calls.jsonl",
    "data/collection/manifest-sha256.txt",
    "data/schema/evidence.schema.json",
]


@pytest.mark.parametrize("name", FILES)
def test_a_changed_file(run, bundle, name: str):
    path = bundle / name
    path.write_bytes(path.read_bytes() + b" ")

    ended = run("verify", bundle)

    assert ended.code == ExitCode.INTEGRITY
    assert "!!" in ended.out


@pytest.mark.parametrize("name", FILES)
def test_a_removed_file(run, bundle, name: str):
    (bundle / name).unlink()

    assert run("verify", bundle).code == ExitCode.INTEGRITY


@pytest.mark.parametrize(
    "name", ["added", "data/added", "data/report/.hidden", "data/evidence/kms/DescribeKey/E99.json"]
)
def test_an_added_file(run, bundle, name: str):
    (bundle / name).write_text("new")

    ended = run("verify", bundle)

    assert ended.code == ExitCode.INTEGRITY
    assert name.rpartition("/")[2] in ended.out


def test_not_a_bundle(run, tmp_path):
    assert run("verify", tmp_path / "here").code in {ExitCode.USAGE, ExitCode.INTEGRITY}
