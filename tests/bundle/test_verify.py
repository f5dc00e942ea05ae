import os
import subprocess
import sys
from hashlib import sha256

import pytest

from fluo_audit import storage
from fluo_audit.bundle import bag
from fluo_audit.bundle.verify import verify_bundle
from fluo_audit.errors import UsageError

FILES = [
    "data/README.txt",
    "data/report/report.json",
    "data/evidence/kms/0001.json",
    "data/evidence/kms/0002.json",
    *bag.TAG_FILES,
]
FOLDERS = ["", "data", "data/report", "data/evidence", "data/evidence/kms"]


@pytest.fixture
def forms(plain_zip):
    """Give a bundle as a folder and as a zip."""
    return lambda folder: [folder, plain_zip(folder, folder.with_name("forged.zip"))]


def problems(path):
    return [problem for step in verify_bundle(path).steps for problem in step.problems]


def rehash(bundle):
    """Write both manifests anew, as somebody who hides a change would."""
    digests = {path: fact.sha256 for path, fact in storage.read_tree(bundle).files.items()}
    payload = {path: digest for path, digest in digests.items() if path.startswith("data/")}
    (bundle / bag.MANIFEST).write_text(storage.manifest_lines(payload))
    digests[bag.MANIFEST] = sha256((bundle / bag.MANIFEST).read_bytes()).hexdigest()
    tags = {path: digest for path, digest in digests.items() if path not in payload and path != bag.TAG_MANIFEST}
    (bundle / bag.TAG_MANIFEST).write_text(storage.manifest_lines(tags))


def test_an_untouched_bundle_passes_every_named_step_in_both_forms(bundle, payload, forms):
    for form in forms(bundle):
        found = verify_bundle(form)
        assert [(step.name, step.ok) for step in found.steps] == [
            ("container", True),
            ("declaration", True),
            ("tag files", True),
            ("payload", True),
            ("totals", True),
        ]
        assert (found.files, found.octets) == (len(payload), sum(map(len, payload.values())))
        assert found.manifest_sha256 == sha256((bundle / bag.MANIFEST).read_bytes()).hexdigest()
        assert found.tag_manifest_sha256 == sha256((bundle / bag.TAG_MANIFEST).read_bytes()).hexdigest()
    assert verify_bundle(forms(bundle)[1]) == verify_bundle(bundle)


def test_the_files_named_here_are_all_the_files_of_a_bundle(bundle):
    assert sorted(storage.read_tree(bundle).files) == sorted(FILES)


def flip_first(content):
    return bytes([content[0] ^ 1]) + content[1:]


def flip_last(content):
    return content[:-1] + bytes([content[-1] ^ 1])


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    "change",
    [flip_first, flip_last, lambda c: c[:-1], lambda c: c[:0], lambda c: c + b"\n"],
    ids=["first", "last", "cut", "empty", "longer"],
)
def test_a_file_that_was_changed_is_named(bundle, forms, name, change):
    (bundle / name).write_bytes(change((bundle / name).read_bytes()))
    for form in forms(bundle):
        assert any(name in problem for problem in problems(form)), problems(form)


@pytest.mark.parametrize("position", range(2 * 79))
def test_every_byte_of_the_tag_manifest_counts(bundle, position):
    """It has no line in a manifest of its own, so it must hold nothing that could change unnoticed."""
    path = bundle / bag.TAG_MANIFEST
    content = bytearray(path.read_bytes())
    content[position] ^= 0x20
    path.write_bytes(content)
    assert not verify_bundle(bundle).ok


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_was_removed_is_named(bundle, forms, name):
    (bundle / name).unlink()
    for form in forms(bundle):
        assert any(problem.startswith(f"{name}: missing") for problem in problems(form)), problems(form)


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_was_renamed_is_named_twice(bundle, forms, name):
    (bundle / name).rename(bundle / f"{name}.old")
    for form in forms(bundle):
        assert f"{name}: missing" in problems(form)
        if name != bag.TAG_MANIFEST:  # without it nothing says which tag files belong
            assert f"{name}.old: added, not in the manifest" in problems(form)


@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.parametrize("name", ["added.txt", ".DS_Store", "sub/added.txt", "fetch.txt", "manifest-md5.txt"])
def test_a_file_that_was_added_anywhere_is_named(bundle, forms, folder, name):
    storage.write_file(bundle / folder / name, b"")
    for form in forms(bundle):
        assert any(name in problem and problem.endswith("added, not in the manifest") for problem in problems(form))


@pytest.mark.parametrize("folder", FOLDERS)
def test_an_empty_folder_that_was_added_is_named(bundle, forms, folder):
    (bundle / folder / "empty").mkdir()
    path = f"{folder}/empty/".lstrip("/")
    for form in forms(bundle):
        assert problems(form) == [f"{path}: added, not in the manifest"]


def test_two_files_with_swapped_contents_are_both_named(bundle, forms):
    one, two = bundle / "data/evidence/kms/0001.json", bundle / "data/README.txt"
    content = one.read_bytes()
    one.write_bytes(two.read_bytes())
    two.write_bytes(content)
    for form in forms(bundle):
        assert problems(form) == ["data/README.txt: changed", "data/evidence/kms/0001.json: changed"]


def test_a_file_name_that_would_steer_the_terminal_is_quoted(bundle, forms):
    (bundle / "data/\x1b[2Jok\u202e").touch()
    for form in forms(bundle):
        assert all(problem.isprintable() and problem.isascii() for problem in problems(form))
        assert not verify_bundle(form).ok


@pytest.mark.parametrize("name", FILES)
def test_a_link_in_place_of_a_file_is_named_though_its_target_has_the_right_bytes(bundle, name):
    (bundle / name).rename(bundle.parent / "outside.txt")
    (bundle / name).symlink_to(bundle.parent / "outside.txt")
    assert f"{name}: a symbolic link" in problems(bundle)


def test_a_pipe_is_named_and_not_read(bundle):
    (bundle / "data/README.txt").unlink()
    os.mkfifo(bundle / "data/README.txt")
    assert problems(bundle)[0] == "data/README.txt: not a regular file"


@pytest.mark.parametrize(
    "declaration",
    [
        "BagIt-Version: 0.97\nTag-File-Character-Encoding: UTF-8\n",
        "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-16\n",
        "\ufeffBagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n",
    ],
)
def test_another_declaration_is_named_even_with_new_manifests(bundle, forms, declaration):
    (bundle / bag.DECLARATION).write_text(declaration, encoding="utf-8")
    rehash(bundle)
    for form in forms(bundle):
        assert problems(form) == ["bagit.txt: does not declare BagIt 1.0 in UTF-8"]


def test_a_wrong_total_is_named_even_with_new_manifests(bundle, forms):
    (bundle / "data/README.txt").write_bytes(b"shorter")
    rehash(bundle)
    for form in forms(bundle):
        assert problems(form) == ["bag-info.txt: Payload-Oxum is not the 40.4 (bytes.files) found"]


@pytest.mark.parametrize("name", [bag.DECLARATION, bag.INFO, bag.GUIDE])
def test_a_tag_file_that_every_bundle_has_is_missed_even_with_new_manifests(bundle, forms, name):
    (bundle / name).unlink()
    rehash(bundle)
    for form in forms(bundle):
        assert f"{name}: missing" in problems(form)


@pytest.mark.parametrize("path", ["../bundle/data/README.txt", "/etc/hostname", "data/../data/README.txt"])
def test_a_manifest_that_lists_a_path_outside_is_refused(bundle, forms, path):
    manifest = bundle / bag.MANIFEST
    manifest.write_text(manifest.read_text().replace("data/README.txt", path))
    for form in forms(bundle):
        assert f"'{path}': unsafe path in the manifest" in problems(form)


def test_a_manifest_that_is_not_text_is_named(bundle, forms):
    (bundle / bag.MANIFEST).write_bytes(b"\xff\n")
    for form in forms(bundle):
        assert "manifest-sha256.txt: not UTF-8" in problems(form)


def test_an_absurdly_large_tag_file_is_not_taken_into_memory(bundle):
    with (bundle / bag.INFO).open("wb") as stream:
        stream.truncate(storage.MAX_KEPT + 1)
    assert f"bag-info.txt: too large, {storage.MAX_KEPT + 1} bytes" in problems(bundle)


def test_an_unreadable_file_inside_is_a_problem_and_not_a_crash(bundle):
    """Run as another user where the tests run as root, whom nothing is hidden from."""
    script = (
        "import os, sys, pathlib; from fluo_audit.bundle.verify import verify_bundle\n"
        "os.chdir(sys.argv[1])\n"
        "if os.geteuid() == 0: os.seteuid(65534)\n"
        "[print(p) for s in verify_bundle(pathlib.Path('.')).steps for p in s.problems]"
    )
    (bundle / "data/README.txt").chmod(0)
    (bundle / "data/evidence").chmod(0)
    done = subprocess.run([sys.executable, "-c", script, str(bundle)], capture_output=True, text=True, check=True)
    (bundle / "data/evidence").chmod(0o755)
    assert "data/README.txt: Permission denied" in done.stdout.splitlines()
    assert "data/evidence: Permission denied" in done.stdout.splitlines()


def test_a_path_that_is_no_bundle_is_a_usage_error_that_names_it(tmp_path):
    (tmp_path / "report.pdf").touch()
    for name in ["nowhere", "nowhere.zip", "report.pdf"]:
        with pytest.raises(UsageError, match=name):
            verify_bundle(tmp_path / name)


def test_a_folder_without_a_bundle_fails(tmp_path):
    assert not verify_bundle(tmp_path).ok
