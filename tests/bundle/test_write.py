import errno
import shutil
import signal
import subprocess
import sys
import textwrap

import pytest

from fluo_audit import storage
from fluo_audit.bundle import bag
from fluo_audit.bundle.verify import verify_bundle
from fluo_audit.bundle.write import write_bundle
from fluo_audit.errors import OutputError, UsageError

PAYLOAD = {
    "README.txt": b"what is where\n",
    "report/report.json": b'{"verdict": "INCONCLUSIVE"}\n',
    "report/report.html": b"<!doctype html><title>Evidence</title>\n",
    "evidence/kms/DescribeKey/0001.json": b"{}",
    "evidence/kms/DescribeKey/0001.meta.json": b"{}",
    "errors.jsonl": b"",
}
INFO = {"Source-Organization": "Example GmbH", "Bagging-Date": "2026-03-31"}
STEPS = len(PAYLOAD) + len(bag.TAG_FILES)


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def nothing_verifies(folder):
    """Whether no folder at or below `folder` passes for a bundle."""
    return not any(verify_bundle(path).ok for path in [folder, *folder.rglob("*")] if path.is_dir())


def test_a_bundle_verifies_and_says_what_was_written(tmp_path):
    written = write_bundle(tmp_path / "out" / "bundle", PAYLOAD, INFO)
    found = verify_bundle(written.path)
    assert found.ok, found
    assert (found.files, found.octets) == (written.files, written.octets)
    assert written.files == len(PAYLOAD)
    assert written.octets == sum(map(len, PAYLOAD.values()))
    assert found.manifest_sha256 == written.manifest_sha256
    assert found.tag_manifest_sha256 == written.tag_manifest_sha256
    assert contents(written.path / "data") == PAYLOAD
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["bundle"]


def test_the_bag_follows_rfc_8493(tmp_path):
    write_bundle(tmp_path / "bundle", PAYLOAD, INFO)
    assert (tmp_path / "bundle/bagit.txt").read_bytes() == b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
    assert (tmp_path / "bundle/bag-info.txt").read_text().splitlines() == [
        "Source-Organization: Example GmbH",
        "Bagging-Date: 2026-03-31",
        f"Payload-Oxum: {sum(map(len, PAYLOAD.values()))}.{len(PAYLOAD)}",
    ]


def test_the_same_input_gives_the_same_bytes(tmp_path):
    write_bundle(tmp_path / "one", PAYLOAD, INFO)
    write_bundle(tmp_path / "two", dict(reversed(PAYLOAD.items())), INFO)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_an_existing_target_is_refused_before_any_payload_is_made_and_left_alone(tmp_path):
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle/mine.txt").write_text("mine")

    def untouched(path, content):
        raise AssertionError(path)

    with pytest.raises(UsageError, match="exists already") as caught:
        write_bundle(tmp_path / "bundle", PAYLOAD, INFO, write=untouched)
    assert "-d" in caught.value.hint
    assert contents(tmp_path) == {"bundle/mine.txt": b"mine"}


@pytest.mark.parametrize(
    "name",
    [
        "",
        "/etc/passwd",
        "../up",
        "a/../b",
        "./a",
        "a//b",
        "a/",
        "a\\b",
        "a\nb",
        "C:x",
        "é",
        "nul.txt",
        ".hidden",
        "a%41",
        "x" * 65,
    ],
)
def test_a_payload_path_that_another_system_reads_otherwise_is_refused(tmp_path, name):
    with pytest.raises(ValueError, match="not a portable path"):
        write_bundle(tmp_path / "bundle", {name: b""}, INFO)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("payload", [{"a": b"", "A": b""}, {"a": b"", "A/b": b""}, {}])
def test_payload_paths_that_collide_or_no_payload_are_refused(tmp_path, payload):
    with pytest.raises(ValueError, match="payload"):
        write_bundle(tmp_path / "bundle", payload, INFO)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "info",
    [
        {"Payload-Oxum": "1.1"},
        {"payload-oxum": "1.1"},
        {"A: b": "x"},
        {"": "x"},
        {"A": "x\nPayload-Oxum: 1.1"},
        {"A": "\x1b[2J"},
        {"A": ""},
    ],
)
def test_an_info_line_that_could_forge_another_is_refused(tmp_path, info):
    with pytest.raises(ValueError, match=r"bag-info\.txt"):
        write_bundle(tmp_path / "bundle", PAYLOAD, info)
    assert not list(tmp_path.iterdir())


class FailingAt:
    """A writer that raises `error` in place of write number `step`, half of which it has written."""

    def __init__(self, step, error):
        self.step, self.error, self.written = step, error, 0

    def __call__(self, path, content):
        if self.written == self.step:
            storage.write_file(path, content[: len(content) // 2])
            raise self.error
        storage.write_file(path, content)
        self.written += 1


@pytest.mark.parametrize("step", range(STEPS))
@pytest.mark.parametrize(
    "error",
    [OutputError("disk"), OSError(errno.ENOSPC, "No space left on device"), RuntimeError("bug"), KeyboardInterrupt()],
    ids=lambda error: type(error).__name__,
)
def test_a_failure_at_any_write_leaves_nothing(tmp_path, step, error):
    expected = OutputError if isinstance(error, OSError) else type(error)
    with pytest.raises(expected):
        write_bundle(tmp_path / "bundle", PAYLOAD, INFO, write=FailingAt(step, error))
    assert not list(tmp_path.iterdir())


def test_the_steps_above_are_all_the_writes(tmp_path):
    write = FailingAt(STEPS, RuntimeError())
    write_bundle(tmp_path / "bundle", PAYLOAD, INFO, write=write)
    assert write.written == STEPS


def test_a_payload_that_cannot_be_made_leaves_nothing(tmp_path):
    class Broken(dict):
        def __getitem__(self, name):
            if name == "report/report.html":
                raise LookupError(name)
            return super().__getitem__(name)

    with pytest.raises(LookupError):
        write_bundle(tmp_path / "bundle", Broken(PAYLOAD), INFO)
    assert not list(tmp_path.iterdir())


# Announces each write on stdout, and goes on when it is told so on stdin.
STEPWISE = """
    import sys
    from pathlib import Path
    from fluo_audit import storage
    from fluo_audit.bundle.write import write_bundle

    def write(path, content):
        print(path.name, flush=True)
        sys.stdin.readline()
        storage.write_file(path, content)

    write_bundle(Path(sys.argv[1]), {name: b"x" * 100_000 for name in ("a", "b/c", "b/d")}, {}, write=write)
"""
WRITES = ["a", "c", "d", "bagit.txt", "bag-info.txt", "VERIFY.md", "manifest-sha256.txt", "tagmanifest-sha256.txt"]


def run(script, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script), *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("before", WRITES)
def test_a_run_killed_before_any_write_leaves_no_bundle_and_the_next_run_succeeds(tmp_path, sent, before):
    target = tmp_path / "bundle"
    with run(STEPWISE, target) as process:
        for name in iter(process.stdout.readline, f"{before}\n"):
            assert name, process.stderr.read()
            process.stdin.write("\n")
            process.stdin.flush()
        process.send_signal(sent)
        process.communicate()
    assert process.returncode != 0
    assert not target.exists()
    assert nothing_verifies(tmp_path)
    if sent == signal.SIGINT:
        assert not list(tmp_path.iterdir())
    assert verify_bundle(write_bundle(target, PAYLOAD, INFO).path).ok
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGINT])
def test_a_run_killed_at_full_speed_leaves_no_bundle(tmp_path, sent):
    """The payload has more files than could be written before the signal arrives."""
    script = """
        import sys
        from pathlib import Path
        from fluo_audit.bundle.write import write_bundle

        class Endless(dict):
            def __getitem__(self, name):
                print(name, flush=True)
                return name.encode() * 10_000

        write_bundle(Path(sys.argv[1]), Endless.fromkeys(f"{n:06}" for n in range(200_000)), {})
    """
    with run(script, tmp_path / "bundle") as process:
        for _ in range(50):
            assert process.stdout.readline(), process.stderr.read()
        process.send_signal(sent)
        process.communicate()
    assert process.returncode != 0
    assert not (tmp_path / "bundle").exists()
    assert nothing_verifies(tmp_path)


def test_a_complete_bag_that_was_not_yet_renamed_does_not_verify(tmp_path):
    """The last moment at which a kill can strike: all is written, nothing is in place."""
    write_bundle(tmp_path / "bundle", PAYLOAD, INFO)
    partial = tmp_path / "bundle.partial"
    partial.mkdir()
    (partial / storage.MARKER).touch()
    (tmp_path / "bundle").rename(partial / "bundle")
    assert "unfinished" in verify_bundle(partial / "bundle").steps[0].problems[0]
    assert nothing_verifies(tmp_path)


@pytest.mark.parametrize("manifest", [bag.MANIFEST, bag.TAG_MANIFEST])
@pytest.mark.parametrize("tool", [["sha256sum"], ["shasum", "-a", "256"]], ids=["coreutils", "macOS"])
def test_the_tools_of_the_system_accept_the_manifests_and_see_a_change(tmp_path, tool, manifest):
    if not shutil.which(tool[0]):
        pytest.skip(f"{tool[0]} is not installed")
    write_bundle(tmp_path / "bundle", PAYLOAD, INFO)
    command = [*tool, "--check", manifest]
    subprocess.run(command, cwd=tmp_path / "bundle", check=True, capture_output=True)
    (tmp_path / "bundle/data/errors.jsonl").write_text("x")
    (tmp_path / "bundle/bag-info.txt").write_text("x")
    assert subprocess.run(command, cwd=tmp_path / "bundle", check=False, capture_output=True).returncode == 1


@pytest.mark.skipif(
    not all(map(shutil.which, ["bash", "sha256sum", "openssl", "diff"])),
    reason="needs bash, sha256sum, openssl and diff",
)
def test_the_guide_in_the_bundle_can_be_followed_to_the_letter(tmp_path):
    """Its commands print nothing wrong and the promised hash; with a file added, they name it."""
    written = write_bundle(tmp_path / "bundle", PAYLOAD, INFO)
    blocks = [block.partition("```")[0] for block in (written.path / "VERIFY.md").read_text().split("```")[1::2]]
    check, added, promised = (block.partition("\n")[2] for block in blocks if block.startswith(("sh\n", "bash\n")))

    def bash(script):
        done = subprocess.run(["bash", "-ec", script], cwd=written.path, check=False, capture_output=True, text=True)
        return done.stdout + done.stderr

    assert bash(check) == ""
    assert bash(added) == ""
    assert bash(promised).split()[-1] == written.tag_manifest_sha256
    (written.path / "data/report/forged.html").write_text("x")
    (written.path / "data/README.txt").write_text("changed")
    assert "data/README.txt: FAILED" in bash(check)
    assert "data/report/forged.html" in bash(added)


FULL_DISK = """
    import os, sys
    from pathlib import Path
    from fluo_audit.bundle.write import write_bundle
    from fluo_audit.errors import OutputError

    target = Path(sys.argv[1])
    try:
        write_bundle(target, {"small": b"x", "big": os.urandom(3_000_000)}, {})
    except OutputError as error:
        print(error.message, os.listdir(target.parent), sep="\\n")
"""


def test_a_file_size_limit_gives_an_output_error_and_leaves_nothing(tmp_path):
    limited = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n" + textwrap.dedent(
        FULL_DISK
    )
    with run(limited, tmp_path / "bundle") as process:
        out, err = process.communicate()
    assert out.splitlines() == [f"{tmp_path}/bundle.partial/bundle/data/big: File too large", "[]"], err


def private_mount(options, folder, command):
    """Run `command` with a small file system at `folder` that it alone sees, and that ends with it."""
    if not shutil.which("unshare"):
        pytest.skip("needs unshare, to mount a small file system")
    script = 'mount -t tmpfs -o "$0" tmpfs "$1" && shift && exec "$@"'
    prefix = ["unshare", "--map-root-user", "--mount", "sh", "-c", script, options, str(folder)]
    if subprocess.run([*prefix, "true"], check=False, capture_output=True).returncode:
        pytest.skip("this system does not let the test mount a small file system")
    return subprocess.run([*prefix, *command], check=True, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("options", "failed"),
    [
        ("size=1m", "bundle.partial/bundle/data/big"),
        ("nr_inodes=2", "bundle.partial"),
        ("nr_inodes=6", "bundle.partial/bundle/data/small"),
    ],
    ids=["bytes", "no room for the marker", "no room for the files"],
)
def test_a_full_disk_gives_an_output_error_and_leaves_nothing(tmp_path, options, failed):
    done = private_mount(
        options, tmp_path, [sys.executable, "-c", textwrap.dedent(FULL_DISK), str(tmp_path / "bundle")]
    )
    assert done.stdout.splitlines() == [f"{tmp_path}/{failed}: No space left on device", "[]"], done.stderr
