import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluo_audit.errors import IntegrityError, OutputError, UsageError
from fluo_audit.storage import (
    MARKER,
    ManifestCheck,
    check_manifest,
    is_portable,
    is_unfinished,
    manifest_lines,
    new_directory,
    new_file,
    read_manifest,
    read_tree,
    safe_name,
    shown,
    write_file,
)

CLEAN = ManifestCheck(changed=(), missing=(), added=(), unsafe=())


def sha256(content):
    return hashlib.sha256(content).hexdigest()


# --- results that appear whole -------------------------------------------------------------------------------


def test_a_directory_appears_only_when_its_block_ends(tmp_path):
    target = tmp_path / "deep" / "result"
    with new_directory(target) as folder:
        write_file(folder / "sub" / "a.txt", b"a")
        assert not target.exists()
        assert is_unfinished(folder)
    assert (target / "sub" / "a.txt").read_bytes() == b"a"
    assert not is_unfinished(target)
    assert list(target.parent.iterdir()) == [target]


def test_a_file_appears_only_when_its_block_ends(tmp_path):
    with new_file(tmp_path / "result.zip") as path:
        path.write_bytes(b"zip")
        assert not (tmp_path / "result.zip").exists()
    assert (tmp_path / "result.zip").read_bytes() == b"zip"
    assert list(tmp_path.iterdir()) == [tmp_path / "result.zip"]


@pytest.mark.parametrize("error", [RuntimeError(), KeyboardInterrupt(), SystemExit(1)])
@pytest.mark.parametrize("create", [new_directory, new_file])
def test_a_block_that_fails_leaves_nothing(tmp_path, create, error):
    def fail():
        with create(tmp_path / "result") as entry:
            write_file(entry / "a" if create is new_directory else entry, b"a")
            raise error

    with pytest.raises(type(error)):
        fail()
    assert not list(tmp_path.iterdir())


def make_link(path):
    path.symlink_to("nowhere")


@pytest.mark.parametrize("make", [Path.mkdir, Path.touch, make_link])
@pytest.mark.parametrize("create", [new_directory, new_file])
def test_an_existing_target_is_refused_with_a_way_out(tmp_path, create, make):
    make(tmp_path / "result")
    with pytest.raises(UsageError) as caught, create(tmp_path / "result"):
        pytest.fail("the block ran")
    assert caught.value.message == f"{tmp_path}/result: exists already"
    assert caught.value.hint == "choose another folder with -d, or remove it first"
    assert [path.name for path in tmp_path.iterdir()] == ["result"]


def test_a_target_that_appears_meanwhile_is_not_overwritten(tmp_path):
    def race():
        with new_directory(tmp_path / "result") as folder:
            write_file(folder / "ours", b"")
            write_file(tmp_path / "result" / "theirs", b"")

    with pytest.raises(UsageError, match="exists already"):
        race()
    assert [path.name for path in (tmp_path / "result").iterdir()] == ["theirs"]
    assert [path.name for path in tmp_path.iterdir()] == ["result"]


@pytest.mark.parametrize("left", [[], [MARKER], [MARKER, "result/half.txt"]])
def test_what_a_killed_run_left_is_removed(tmp_path, left):
    (tmp_path / "result.partial").mkdir()
    for name in left:
        write_file(tmp_path / "result.partial" / name, b"")
    with new_directory(tmp_path / "result") as folder:
        write_file(folder / "new.txt", b"")
    assert [path.name for path in (tmp_path / "result").iterdir()] == ["new.txt"]
    assert list(tmp_path.iterdir()) == [tmp_path / "result"]


@pytest.mark.parametrize("theirs", [["mine.txt"], ["result/mine.txt"], [MARKER, "result/half.txt", "mine.txt"]])
def test_a_partial_folder_that_is_not_ours_is_refused_and_left_alone(tmp_path, theirs):
    for name in theirs:
        write_file(tmp_path / "result.partial" / name, b"")
    before = read_tree(tmp_path)
    with pytest.raises(UsageError, match="not what a killed run leaves"), new_directory(tmp_path / "result"):
        pytest.fail("the block ran")
    assert read_tree(tmp_path) == before


def test_a_partial_path_that_is_a_link_to_a_folder_is_refused_and_the_folder_left_alone(tmp_path):
    write_file(tmp_path / "elsewhere" / MARKER, b"")
    (tmp_path / "result.partial").symlink_to("elsewhere")
    with pytest.raises(UsageError, match="not what a killed run leaves"), new_directory(tmp_path / "result"):
        pytest.fail("the block ran")
    assert (tmp_path / "elsewhere" / MARKER).exists()


def test_a_run_that_is_still_writing_is_not_taken_for_a_killed_one(tmp_path):
    with new_directory(tmp_path / "result") as folder:
        write_file(folder / "a.txt", b"a")
        with pytest.raises(UsageError, match="another run is writing"), new_directory(tmp_path / "result"):
            pytest.fail("the block ran")
    assert (tmp_path / "result" / "a.txt").read_bytes() == b"a"


def test_a_link_inside_the_partial_folder_is_removed_and_not_followed(tmp_path):
    write_file(tmp_path / "mine" / "a.txt", b"a")

    def fail():
        with new_directory(tmp_path / "result") as folder:
            (folder / "link").symlink_to(tmp_path / "mine")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert list(tmp_path.rglob("*")) == [tmp_path / "mine", tmp_path / "mine" / "a.txt"]


def test_a_target_without_a_name_of_its_own_is_refused(tmp_path):
    with pytest.raises(UsageError), new_directory(tmp_path / "new" / ".."):
        pytest.fail("the block ran")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_made_is_an_output_error_with_path_and_reason(tmp_path):
    write_file(tmp_path / "file", b"")
    expected = r"file/result\.partial: (Not a directory|File exists)"
    with pytest.raises(OutputError, match=expected) as caught, new_directory(tmp_path / "file" / "result"):
        pytest.fail("the block ran")
    assert "-d" in caught.value.hint


def test_no_permission_is_an_output_error_with_path_and_reason():
    """Run as another user where the tests run as root, whom no folder refuses."""
    script = """
        import os, sys
        from pathlib import Path
        from fluo_audit.errors import OutputError
        from fluo_audit.storage import new_directory

        if os.geteuid() == 0:
            os.seteuid(65534)
        try:
            with new_directory(Path(sys.argv[1])):
                pass
        except OutputError as error:
            print(error.message)
    """
    folder = Path(tempfile.mkdtemp())  # tmp_path is below a folder that another user may not enter
    folder.chmod(0o555)
    try:
        command = [sys.executable, "-c", textwrap.dedent(script), str(folder / "result")]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stdout == f"{folder}/result.partial: Permission denied\n"
        assert not list(folder.iterdir())
    finally:
        folder.chmod(0o755)
        shutil.rmtree(folder)


def test_an_error_of_another_file_is_not_called_an_output_error(tmp_path):
    def read_elsewhere():
        with new_directory(tmp_path / "result"):
            (tmp_path / "no-such-input").read_bytes()

    with pytest.raises(FileNotFoundError):
        read_elsewhere()
    assert not list(tmp_path.iterdir())


def test_an_error_of_a_file_inside_is_an_output_error(tmp_path):
    def write_badly():
        with new_directory(tmp_path / "result") as folder:
            (folder / "no-such-folder" / "a").write_bytes(b"")

    with pytest.raises(OutputError, match="No such file or directory"):
        write_badly()
    assert not list(tmp_path.iterdir())


def test_a_file_is_never_written_twice(tmp_path):
    write_file(tmp_path / "a", b"first")
    with pytest.raises(OutputError, match="/a: File exists"):
        write_file(tmp_path / "a", b"second")
    assert (tmp_path / "a").read_bytes() == b"first"


# --- names ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("alias/fluo-master key", "alias-fluo-master-key"),
        ("arn:aws:kms:eu-central-1:111122223333:key/a_b", "arn-aws-kms-eu-central-1-111122223333-key-a_b"),
        ("../../etc/passwd", "etc-passwd"),
        ("-rf", "rf"),
        (".ssh", "ssh"),
        ("Schlüssel", "Schlussel"),
        ("\x1b[2J\u202e", "2J"),
        ("鍵", "unnamed"),
        ("", "unnamed"),
        ("CON", "x-CON"),
        ("lpt1.json", "x-lpt1.json"),
        ("console", "console"),
        ("report.json", "report.json"),
        ("a" * 300, "a" * 64),
        ("a" * 63 + " b", "a" * 63),
        ("trailing. .", "trailing"),
    ],
)
def test_a_safe_name_reads_like_its_text(text, expected):
    assert safe_name(text) == expected


@given(st.one_of(st.text(), st.from_regex(r"(?i)(con|nul|com1|aux)[.\- _a]{0,80}", fullmatch=True)))
def test_any_text_gives_a_name_that_every_system_takes(text):
    name = safe_name(text)
    assert 0 < len(name) <= 64
    assert name.isascii()
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")
    assert name[0] not in "-."
    assert name[-1] not in "-. "
    assert name.split(".")[0].casefold() not in {"con", "prn", "aux", "nul", "com1"}
    assert safe_name(name) == name
    assert is_portable(f"{name}/{name}")


@pytest.mark.parametrize("path", ["a\x1b[31m", "a\u202eb", "a\nb", "\udcff"])
def test_a_hostile_path_is_quoted_in_messages(path):
    assert shown(path).isascii()
    assert shown(path).isprintable()


# --- manifests -----------------------------------------------------------------------------------------------


def test_a_manifest_is_sorted_and_comes_back():
    digests = {"b": sha256(b"b"), "a/z": sha256(b"z"), "a/B": sha256(b"B")}
    text = manifest_lines(digests)
    assert text == f"{sha256(b'B')}  a/B\n{sha256(b'z')}  a/z\n{sha256(b'b')}  b\n"
    assert read_manifest(text) == digests


def test_a_manifest_is_not_written_with_a_path_that_is_not_portable():
    with pytest.raises(ValueError, match="not a portable path"):
        manifest_lines({"a\n": sha256(b"")})


H = "0" * 64


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (f"{H}  a\n{H}  a\n", "line 2: a is listed twice"),
        (f"{H}  a", "line 1: cut off"),
        (f"{H}  a\n\n", "line 2: not"),
        (f"{H} a\n", "line 1: not"),
        (f"{H[1:]}  a\n", "line 1: not"),
        (f"{'A' * 64}  a\n", "line 1: not"),
        (f"{H}  \n", "line 1: not"),
        ("\ufeff" + f"{H}  a\n", "line 1: not"),
    ],
)
def test_a_manifest_that_is_not_as_we_write_it_is_named_by_line(text, problem):
    with pytest.raises(IntegrityError, match=problem):
        read_manifest(text)


@pytest.fixture
def tree(tmp_path):
    """A folder of three files, and its manifest."""
    files = {"a.txt": b"a", "sub/b.txt": b"b", "sub/c.txt": b"c"}
    for path, content in files.items():
        write_file(tmp_path / "tree" / path, content)
    return tmp_path / "tree", {path: sha256(content) for path, content in files.items()}


def test_a_tree_as_listed_has_no_differences(tree):
    assert check_manifest(*tree) == CLEAN


def test_the_manifest_itself_may_lie_beside_the_files(tree):
    root, listed = tree
    write_file(root / "manifest", b"")
    assert check_manifest(root, listed, besides=["manifest"]) == CLEAN


def test_each_kind_of_difference_is_told_apart(tree):
    root, listed = tree
    (root / "a.txt").write_bytes(b"A")
    (root / "sub/b.txt").unlink()
    write_file(root / "sub/.hidden", b"")
    (root / "empty").mkdir()
    (root / "sub/c.txt").unlink()
    (root / "sub/c.txt").symlink_to(root / "a.txt")
    os.mkfifo(root / "pipe")
    check = check_manifest(root, listed | {"../up": sha256(b"")})
    assert check == ManifestCheck(
        changed=("a.txt",),
        missing=("sub/b.txt",),
        added=("empty/", "sub/.hidden"),
        unsafe=(
            ("../up", "unsafe path in the manifest"),
            ("pipe", "not a regular file"),
            ("sub/c.txt", "a symbolic link"),
        ),
    )
    assert check.problems == (
        "a.txt: changed",
        "sub/b.txt: missing",
        "empty/: added, not in the manifest",
        "'sub/.hidden': added, not in the manifest",
        "'../up': unsafe path in the manifest",
        "pipe: not a regular file",
        "sub/c.txt: a symbolic link",
    )


def test_a_link_to_a_folder_is_reported_and_not_followed(tree):
    root, listed = tree
    (root / "sub").rename(root.parent / "moved")
    (root / "sub").symlink_to(root.parent / "moved")
    check = check_manifest(root, listed)
    assert check.unsafe == (("sub", "a symbolic link"),)
    assert check.missing == ("sub/b.txt", "sub/c.txt")


@pytest.mark.parametrize(
    "path", ["/etc/hostname", "../tree/a.txt", "sub/../a.txt", "./a.txt", "C:\\a.txt", "sub\\b.txt", "~/a"]
)
def test_a_listed_path_that_could_lead_outside_is_unsafe_and_not_read(tree, path):
    root, listed = tree
    check = check_manifest(root, listed | {path: sha256(b"a")})
    assert check == ManifestCheck((), (), (), ((path, "unsafe path in the manifest"),))


def test_a_file_name_that_is_not_text_is_reported_as_added(tree):
    root, listed = tree
    Path(os.fsdecode(os.fsencode(root) + b"/\xff\n")).touch()
    assert check_manifest(root, listed).problems == ("'\\udcff\\n': added, not in the manifest",)


def test_a_very_deep_folder_is_read(tmp_path):
    deep = tmp_path.joinpath(*["d"] * 1200)
    current = tmp_path
    for part in deep.relative_to(tmp_path).parts:
        current /= part
        current.mkdir()
    assert read_tree(tmp_path).empty == (f"{deep.relative_to(tmp_path).as_posix()}/",)
    while current != tmp_path:  # pytest's own clean-up would recurse too far
        current.rmdir()
        current = current.parent


def test_kept_bytes_are_those_that_were_hashed(tree):
    found = read_tree(tree[0], keep=["a.txt"])
    assert found.files["a.txt"].content == b"a"
    assert found.files["sub/b.txt"].content is None
    assert {path: fact.sha256 for path, fact in found.files.items()} == tree[1]
