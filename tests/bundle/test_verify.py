import os
import shutil
import stat
import subprocess
import sys
import zipfile
from hashlib import sha256
from pathlib import Path

import pytest

from fluo_audit import storage
from fluo_audit.bundle import bag
from fluo_audit.bundle.verify import verify_bundle
from fluo_audit.bundle.write import write_bundle
from fluo_audit.bundle.zip import zip_bundle
from fluo_audit.errors import UsageError

PAYLOAD = {
    "README.txt": b"what is where\n",
    "report/report.json": b'{"verdict": "INCONCLUSIVE"}\n',
    "evidence/kms/0001.json": b"{}",
    "evidence/kms/0002.json": b"{} ",
}
FILES = [f"data/{name}" for name in PAYLOAD] + list(bag.TAG_FILES)
FOLDERS = ["", "data", "data/report", "data/evidence", "data/evidence/kms"]


@pytest.fixture
def bundle(tmp_path):
    return write_bundle(tmp_path / "bundle", PAYLOAD, {"Bagging-Date": "2026-03-31"}).path


def plain_zip(folder, target):
    """Zip all that lies in `folder` as any other tool would: folders have entries of their own."""
    with zipfile.ZipFile(target, "w") as archive:
        for path in [folder, *sorted(folder.rglob("*"))]:
            archive.write(path, path.relative_to(folder.parent))
    return target


def forms(folder):
    """Give the bundle as a folder and as a zip."""
    return [folder, plain_zip(folder, folder.with_name("forged.zip"))]


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


def test_an_untouched_bundle_passes_every_named_step_in_both_forms(bundle):
    for form in forms(bundle):
        found = verify_bundle(form)
        assert [(step.name, step.ok) for step in found.steps] == [
            ("container", True),
            ("declaration", True),
            ("tag files", True),
            ("payload", True),
            ("totals", True),
        ]
        assert (found.files, found.octets) == (len(PAYLOAD), sum(map(len, PAYLOAD.values())))
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
def test_a_file_that_was_changed_is_named(bundle, name, change):
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
def test_a_file_that_was_removed_is_named(bundle, name):
    (bundle / name).unlink()
    for form in forms(bundle):
        assert any(problem.startswith(f"{name}: missing") for problem in problems(form)), problems(form)


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_was_renamed_is_named_twice(bundle, name):
    (bundle / name).rename(bundle / f"{name}.old")
    for form in forms(bundle):
        assert f"{name}: missing" in problems(form)
        if name != bag.TAG_MANIFEST:  # without it nothing says which tag files belong
            assert f"{name}.old: added, not in the manifest" in problems(form)


@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.parametrize("name", ["added.txt", ".DS_Store", "sub/added.txt", "fetch.txt", "manifest-md5.txt"])
def test_a_file_that_was_added_anywhere_is_named(bundle, folder, name):
    storage.write_file(bundle / folder / name, b"")
    for form in forms(bundle):
        assert any(name in problem and problem.endswith("added, not in the manifest") for problem in problems(form))


@pytest.mark.parametrize("folder", FOLDERS)
def test_an_empty_folder_that_was_added_is_named(bundle, folder):
    (bundle / folder / "empty").mkdir()
    path = f"{folder}/empty/".lstrip("/")
    for form in forms(bundle):
        assert problems(form) == [f"{path}: added, not in the manifest"]


def test_two_files_with_swapped_contents_are_both_named(bundle):
    one, two = bundle / "data/evidence/kms/0001.json", bundle / "data/README.txt"
    content = one.read_bytes()
    one.write_bytes(two.read_bytes())
    two.write_bytes(content)
    for form in forms(bundle):
        assert problems(form) == ["data/README.txt: changed", "data/evidence/kms/0001.json: changed"]


def test_a_file_name_that_would_steer_the_terminal_is_quoted(bundle):
    (bundle / "data/\x1b[2Jok\u202e").touch()
    for form in forms(bundle):
        assert all(problem.isprintable() and problem.isascii() for problem in problems(form))
        assert not verify_bundle(form).ok


def test_a_link_in_place_of_a_file_is_named_though_its_target_has_the_right_bytes(bundle):
    name = bundle / "data/README.txt"
    name.rename(bundle.parent / "outside.txt")
    name.symlink_to(bundle.parent / "outside.txt")
    assert problems(bundle)[0] == "data/README.txt: a symbolic link"


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
def test_another_declaration_is_named_even_with_new_manifests(bundle, declaration):
    (bundle / bag.DECLARATION).write_text(declaration, encoding="utf-8")
    rehash(bundle)
    for form in forms(bundle):
        assert problems(form) == ["bagit.txt: does not declare BagIt 1.0 in UTF-8"]


def test_a_wrong_total_is_named_even_with_new_manifests(bundle):
    (bundle / "data/README.txt").write_bytes(b"shorter")
    rehash(bundle)
    for form in forms(bundle):
        assert problems(form) == ["bag-info.txt: Payload-Oxum is not the 40.4 (bytes.files) found"]


@pytest.mark.parametrize("name", [bag.DECLARATION, bag.INFO, bag.GUIDE])
def test_a_tag_file_that_every_bundle_has_is_missed_even_with_new_manifests(bundle, name):
    (bundle / name).unlink()
    rehash(bundle)
    for form in forms(bundle):
        assert f"{name}: missing" in problems(form)


@pytest.mark.parametrize("path", ["../bundle/data/README.txt", "/etc/hostname", "data/../data/README.txt"])
def test_a_manifest_that_lists_a_path_outside_is_refused(bundle, path):
    manifest = bundle / bag.MANIFEST
    manifest.write_text(manifest.read_text().replace("data/README.txt", path))
    for form in forms(bundle):
        assert f"'{path}': unsafe path in the manifest" in problems(form)


def test_a_manifest_that_is_not_text_is_named(bundle):
    (bundle / bag.MANIFEST).write_bytes(b"\xff\n")
    for form in forms(bundle):
        assert "manifest-sha256.txt: not UTF-8" in problems(form)


def test_an_absurdly_large_tag_file_is_not_taken_into_memory(bundle):
    with (bundle / bag.INFO).open("wb") as stream:
        stream.truncate(storage.MAX_KEPT + 1)
    assert f"bag-info.txt: too large, {storage.MAX_KEPT + 1} bytes" in problems(bundle)


def test_an_unreadable_file_inside_is_a_problem_and_not_a_crash(tmp_path):
    """Run as another user where the tests run as root, whom nothing is hidden from."""
    script = (
        "import os, sys, pathlib; from fluo_audit.bundle.verify import verify_bundle\n"
        "os.chdir(sys.argv[1])\n"
        "if os.geteuid() == 0: os.seteuid(65534)\n"
        "[print(p) for s in verify_bundle(pathlib.Path('.')).steps for p in s.problems]"
    )
    bundle = write_bundle(tmp_path / "bundle", PAYLOAD, {}).path
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


# --- zips ----------------------------------------------------------------------------------------------------


def test_the_same_bundle_gives_the_same_zip_whatever_its_file_dates_and_modes(bundle, tmp_path):
    zip_bundle(bundle, tmp_path / "one.zip")
    for path in bundle.rglob("*"):
        os.utime(path, (1e9, 1e9))
        path.chmod(0o700)
    zip_bundle(bundle, tmp_path / "two.zip")
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    assert verify_bundle(tmp_path / "one.zip") == verify_bundle(bundle)


def test_a_zip_unpacks_to_the_bundle(bundle, tmp_path):
    zip_bundle(bundle, tmp_path / "bundle.zip")
    shutil.unpack_archive(tmp_path / "bundle.zip", tmp_path / "unpacked")
    assert storage.read_tree(tmp_path / "unpacked/bundle") == storage.read_tree(bundle)
    with zipfile.ZipFile(tmp_path / "bundle.zip") as archive:
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert archive.namelist() == sorted(archive.namelist())


def test_a_bundle_that_does_not_verify_is_not_zipped(bundle, tmp_path):
    (bundle / "data/extra").touch()
    with pytest.raises(Exception, match="does not verify"):
        zip_bundle(bundle, tmp_path / "bundle.zip")
    assert not (tmp_path / "bundle.zip").exists()


def test_a_bundle_folder_with_an_odd_name_still_gives_a_zip_that_verifies(bundle, tmp_path):
    odd = bundle.rename(tmp_path / "my bundle: März (2)")
    zip_bundle(odd, tmp_path / "bundle.zip")
    assert verify_bundle(tmp_path / "bundle.zip").ok


def forge(bundle, *entries, **keywords):
    """Zip the bundle, and then `entries`: (name or ZipInfo, content)."""
    target = plain_zip(bundle, bundle.with_name("forged.zip"))
    with zipfile.ZipFile(target, "a", **keywords) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return target


@pytest.mark.parametrize(
    "name", ["../evil.txt", "/evil.txt", "evil.txt", "C:/evil.txt", "other/evil.txt", "__MACOSX/._x"]
)
def test_an_entry_beside_the_top_folder_is_refused(bundle, name):
    [problem] = problems(forge(bundle, (name, b"x")))
    assert problem.startswith("holds not one top folder but ")


@pytest.mark.parametrize(
    "name",
    ["bundle/../../evil.txt", "bundle//evil.txt", "bundle/data/..\\evil.txt", "bundle/C:evil", "bundle/data/../data/x"],
)
def test_an_entry_that_would_climb_out_is_refused(bundle, name):
    [problem] = problems(forge(bundle, (name, b"x")))
    assert problem.endswith("unsafe path in the zip")


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", ["bundle/data/README.txt", "bundle/DATA/readme.TXT"])
def test_an_entry_that_another_would_overwrite_is_refused(bundle, name):
    assert "data/README.txt: in the zip more than once" in problems(forge(bundle, (name, PAYLOAD["README.txt"])))


def test_a_link_in_a_zip_is_refused(bundle):
    info = zipfile.ZipInfo("bundle/data/link")
    info.create_system = 3
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    assert problems(forge(bundle, (info, b"/etc/passwd"))) == ["data/link: a link or a device"]


def test_an_encrypted_entry_is_refused(bundle):
    path = plain_zip(bundle, bundle.with_name("encrypted.zip"))
    content = bytearray(path.read_bytes())
    content[content.rindex(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    assert any("encrypted" in problem for problem in problems(path))


def test_a_compression_that_few_tools_read_is_refused(bundle):
    info = zipfile.ZipInfo("bundle/data/x")
    info.compress_type = zipfile.ZIP_LZMA
    assert problems(forge(bundle, (info, b"x"))) == ["data/x: encrypted, or compressed other than by deflate"]


def test_a_zip_larger_than_allowed_is_refused_before_it_is_read(bundle):
    path = plain_zip(bundle, bundle.with_name("large.zip"))
    total = sum(fact.size for fact in storage.read_tree(bundle).files.values())
    assert verify_bundle(path, max_bytes=total).ok
    refused = verify_bundle(path, max_bytes=total - 1)
    assert [problem.startswith("announces") for step in refused.steps for problem in step.problems] == [True]


def test_a_bomb_whose_entries_share_one_block_of_zeros_is_refused(bundle, tmp_path):
    """Every entry of the directory points to the same data (https://www.bamsoftware.com/hacks/zipbomb/)."""
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bundle/data/0", bytes(10_000_000))
        [info] = archive.infolist()
        archive.filelist += [info] * 1000
    [problem] = problems(path)
    assert problem == f"announces 1001 files of 10010000000 bytes in all, in a zip of {path.stat().st_size} bytes"


def test_an_entry_that_unpacks_to_more_than_it_announces_is_refused(bundle):
    path = forge(bundle, ("bundle/data/x", bytes(1000)), compression=zipfile.ZIP_DEFLATED)
    content = bytearray(path.read_bytes())
    directory = content.rindex(b"PK\x01\x02")
    content[directory + 24 : directory + 28] = (10).to_bytes(4, "little")
    path.write_bytes(content)
    assert problems(path) == ["data/x: damaged in the zip"]


def test_a_damaged_zip_never_crashes_and_never_shows_other_evidence(bundle, tmp_path):
    """Each byte changed in turn: what still verifies (a date, say) holds the very same files."""
    whole = verify_bundle(bundle)
    zip_bundle(bundle, tmp_path / "bundle.zip")
    content = (tmp_path / "bundle.zip").read_bytes()
    path = tmp_path / "damaged.zip"
    failed = 0
    for position in range(len(content)):
        damaged = bytearray(content)
        damaged[position] ^= 1 << position % 8
        path.write_bytes(damaged)
        found = verify_bundle(path)
        failed += not found.ok
        assert not found.ok or found == whole
    assert failed > len(content) / 2


def test_a_cut_zip_fails(bundle, tmp_path):
    zip_bundle(bundle, tmp_path / "bundle.zip")
    content = (tmp_path / "bundle.zip").read_bytes()
    for length in range(0, len(content), 7):
        (tmp_path / "cut.zip").write_bytes(content[:length])
        assert not verify_bundle(Path(tmp_path / "cut.zip")).ok
