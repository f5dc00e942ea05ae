import stat
import zipfile

import pytest

from fluo_audit import storage
from fluo_audit.bundle.verify import verify_bundle


def problems(path):
    return [problem for step in verify_bundle(path).steps for problem in step.problems]


@pytest.fixture
def forge(plain_zip):
    """Zip a bundle, and then one more entry: a name or ZipInfo, and its content."""

    def make(bundle, entry, **keywords):
        target = plain_zip(bundle, bundle.with_name("forged.zip"))
        with zipfile.ZipFile(target, "a", **keywords) as archive:
            archive.writestr(*entry)
        return target

    return make


@pytest.mark.parametrize(
    "name", ["../evil.txt", "/evil.txt", "evil.txt", "C:/evil.txt", "other/evil.txt", "__MACOSX/._x"]
)
def test_an_entry_beside_the_top_folder_is_refused(bundle, forge, name):
    [problem] = problems(forge(bundle, (name, b"x")))
    assert problem.startswith("holds not one top folder but ")


@pytest.mark.parametrize(
    "name",
    ["bundle/../../evil.txt", "bundle//evil.txt", "bundle/data/..\\evil.txt", "bundle/C:evil", "bundle/data/../data/x"],
)
def test_an_entry_that_would_climb_out_is_refused(bundle, forge, name):
    [problem] = problems(forge(bundle, (name, b"x")))
    assert problem.endswith("unsafe path in the zip")


def test_an_entry_whose_name_holds_a_nul_is_refused(bundle, forge):
    """Unpackers differ on whether its name ends there."""
    path = forge(bundle, ("bundle/data/x@.exe", b"x"))
    path.write_bytes(path.read_bytes().replace(b"data/x@.exe", b"data/x\0.exe"))
    assert problems(path) == ["data/x: unsafe path in the zip"]


def test_an_entry_name_that_is_not_text_is_refused(bundle, forge):
    path = forge(bundle, ("bundle/data/\u00e9", b"x"))
    path.write_bytes(path.read_bytes().replace("\u00e9".encode(), b"\xff\xff"))
    assert problems(path) == ["not a readable zip"]


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", ["bundle/data/README.txt", "bundle/DATA/readme.TXT"])
def test_an_entry_that_another_would_overwrite_is_refused(bundle, forge, payload, name):
    assert "data/README.txt: in the zip more than once" in problems(forge(bundle, (name, payload["README.txt"])))


def test_a_link_in_a_zip_is_refused(bundle, forge):
    info = zipfile.ZipInfo("bundle/data/link")
    info.create_system = 3
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    assert problems(forge(bundle, (info, b"/etc/passwd"))) == ["data/link: a link or a device"]


def test_an_encrypted_entry_is_refused(bundle, plain_zip):
    path = plain_zip(bundle, bundle.with_name("encrypted.zip"))
    content = bytearray(path.read_bytes())
    content[content.rindex(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    assert any("encrypted" in problem for problem in problems(path))


def test_a_compression_that_few_tools_read_is_refused(bundle, forge):
    info = zipfile.ZipInfo("bundle/data/x")
    info.compress_type = zipfile.ZIP_LZMA
    assert problems(forge(bundle, (info, b"x"))) == ["data/x: encrypted, or compressed other than by deflate"]


def test_a_zip_larger_than_allowed_is_refused_before_it_is_read(bundle, plain_zip):
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


def test_an_entry_that_unpacks_to_more_than_it_announces_is_refused(bundle, forge):
    path = forge(bundle, ("bundle/data/x", bytes(1000)), compression=zipfile.ZIP_DEFLATED)
    content = bytearray(path.read_bytes())
    directory = content.rindex(b"PK\x01\x02")
    content[directory + 24 : directory + 28] = (10).to_bytes(4, "little")
    path.write_bytes(content)
    assert problems(path) == ["data/x: damaged in the zip"]
