import os
import shutil
import zipfile

import pytest

from fluo_audit import storage
from fluo_audit.bundle.verify import verify_bundle
from fluo_audit.bundle.zip import zip_bundle
from fluo_audit.errors import IntegrityError


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
    with pytest.raises(IntegrityError, match="does not verify"):
        zip_bundle(bundle, tmp_path / "bundle.zip")
    assert not (tmp_path / "bundle.zip").exists()


def test_a_bundle_folder_with_an_odd_name_still_gives_a_zip_that_verifies(bundle, tmp_path):
    odd = bundle.rename(tmp_path / "my bundle: März (2)")
    zip_bundle(odd, tmp_path / "bundle.zip")
    assert verify_bundle(tmp_path / "bundle.zip").ok


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
        assert not verify_bundle(tmp_path / "cut.zip").ok
