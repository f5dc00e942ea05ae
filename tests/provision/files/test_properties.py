"""application.properties: the key that Quarkus would use, and a block that leaves the rest of the file alone."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import javaproperties
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluo_audit.errors import OutputError, UsageError
from fluo_audit.provision.files.properties import (
    BEGIN,
    END,
    REPLACED,
    Written,
    read_properties,
    with_block,
    write_block,
)
from fluo_audit.provision.outputs import properties_text

KEY = "0a0a0a0a-0a0a-0a0a-0a0a-0a0a0a0a0a0a"
ARN = f"arn:aws:kms:us-east-1:111122223333:key/{KEY}"
BLOCK = f"fluo.kms.provider=aws\naws.kms.master-key-id={ARN}\naws.kms.region=us-east-1\n"
PAIRS = {"fluo.kms.provider": "aws", "aws.kms.master-key-id": ARN, "aws.kms.region": "us-east-1"}
IN_PLACE = f"{BEGIN}\n{BLOCK}{END}\n"


# --- reading -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        BLOCK,
        BLOCK.replace("\n", "\r\n"),
        BLOCK.replace("=", " : "),
        f"aws.kms.master-key-id={ARN[:20]}\\\n    {ARN[20:]}",
        f"aws.kms.master\\-key-id={ARN.replace(':', chr(92) + ':')}",
        f"aws.kms.master-key-id=alias/old\naws.kms.master-key-id={ARN}",
        f"aws.kms.master-key-id=${{KMS_KEY:{ARN}}}",
        f"#aws.kms.master-key-id=alias/old\n! x\naws.kms.master-key-id {ARN}",
        properties_text(ARN, "us-east-1", 90),
    ],
)
def test_the_key_is_read_however_it_is_written(text: str):
    name = read_properties(text, "application.properties").key_name()

    assert (name.value, name.source) == (ARN, "application.properties: aws.kms.master-key-id")


PROFILED = """
aws.kms.master-key-id=alias/plain
%prod.aws.kms.master-key-id=alias/prod
%dev.aws.kms.master-key-id=alias/dev
%dev.fluo.kms.provider=local
%{staging,test}.aws.kms.master-key-id=alias/staging
"""


@pytest.mark.parametrize(
    ("environment", "value", "place"),
    [
        ("", "alias/prod", "%prod.aws.kms.master-key-id"),
        ("production", "alias/prod", "%prod.aws.kms.master-key-id"),
        ("staging", "alias/staging", "%staging.aws.kms.master-key-id"),
        ("qa", "alias/prod", "%prod.aws.kms.master-key-id"),
    ],
)
def test_a_profile_wins_over_the_plain_line(environment: str, value: str, place: str):
    name = read_properties(PROFILED, "f", environment).key_name()

    assert (name.value, name.place) == (value, place)


def test_a_profile_without_a_line_of_its_own_takes_the_plain_one():
    text = "aws.kms.master-key-id=alias/plain\n%staging.quarkus.http.port=81\n%prod.aws.kms.master-key-id=alias/prod"

    assert read_properties(text, "f", "staging").key_name().value == "alias/plain"
    assert read_properties(PROFILED, "f", "dev").key_name().reason == "not aws: the backend uses no KMS key"


def test_a_profile_with_an_expression_hides_the_plain_line():
    name = read_properties("aws.kms.master-key-id=alias/a\n%prod.aws.kms.master-key-id=${K}", "f").key_name()

    assert (name.value, name.reason) == ("", "an expression without a default")


def test_a_broken_escape_is_an_error_with_its_line_and_without_what_it_says():
    with pytest.raises(UsageError) as error:
        read_properties("a=1\r\nb=2\\\n 3\rpassword=hunter2\\u12", "f")

    assert error.value.message == "f:4: \\u without four hexadecimal digits"


# --- the block -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "application.properties"


def backups(path: Path) -> list[str]:
    return sorted(each.name for each in path.parent.iterdir() if each != path)


def test_a_block_is_written_once(path: Path):
    path.write_text("quarkus.http.port=8080\n")

    first = write_block(path, BLOCK)
    written = path.read_bytes()
    second = write_block(path, BLOCK)

    assert written.decode() == f"quarkus.http.port=8080\n{IN_PLACE}"
    assert first == Written(changed=True, backup=path.with_name("application.properties.backup"))
    assert second == Written(changed=False, backup=None)
    assert path.read_bytes() == written
    assert backups(path) == ["application.properties.backup"]


def test_another_block_takes_the_place_of_the_first(path: Path):
    path.write_text(f"a=1\n{IN_PLACE}b=2\n")

    write_block(path, "aws.kms.region=eu-west-1")

    assert path.read_text() == f"a=1\n{BEGIN}\naws.kms.region=eu-west-1\n{END}\nb=2\n"


def test_a_missing_file_is_made(path: Path):
    assert write_block(path, BLOCK) == Written(changed=True, backup=None)
    assert path.read_text() == IN_PLACE


@pytest.mark.parametrize(
    "before",
    [
        b"no.newline=at the end",
        b"windows=1\r\nlines=2\r\n",
        b"old mac=1\rlines=2\r",
        "utf-8=\u00e4\u4e16\u754c\n".encode(),
        "latin-1=\u00e4\u00f6\u00fc\n".encode("latin-1"),
        b"\xef\xbb\xbfbom=1\n",
        b"\n\n  # only a comment \\",
        b"form\x0cfeed=\x0b\x1c\x85\n",
    ],
)
def test_every_other_byte_stays(path: Path, before: bytes):
    path.write_bytes(before)

    write_block(path, BLOCK)

    after = path.read_bytes()
    assert after.startswith(before)
    assert javaproperties.loads(after) == javaproperties.loads(before) | PAIRS


def test_the_block_has_the_line_ends_of_the_file(path: Path):
    path.write_bytes(b"a=1\r\nb=2\r\n")
    write_block(path, BLOCK)

    assert path.read_bytes().count(b"\r\n") == path.read_bytes().count(b"\n") == 7
    assert not write_block(path, BLOCK.replace("\n", "\r\n")).changed


@pytest.mark.parametrize("before", ["last=1\\", "last=1\\\n", "last=1\\\\\\\r\n", "\\\n", "a=1\n \\\n", "a=1\\\r"])
def test_a_line_that_goes_on_does_not_swallow_the_block(before: str):
    after, _ = with_block(before, BLOCK, "f")

    assert javaproperties.loads(after) == javaproperties.loads(before) | PAIRS


def test_lines_of_the_same_name_are_commented_out_and_named(path: Path):
    """Left alone they would hold or not, depending on their place: the migration from `local` always meets them."""
    path.write_text(
        "fluo.kms.provider = local\nkeep=1\naws.kms.region=\\\n  eu-west-1\n"
        f"{IN_PLACE}aws.kms.region : eu-west-2\n%dev.fluo.kms.provider=local\n"
    )

    written = write_block(path, BLOCK)

    assert path.read_text() == (
        f"{REPLACED}fluo.kms.provider = local\nkeep=1\n{REPLACED}aws.kms.region=\\\n{REPLACED}  eu-west-1\n"
        f"{IN_PLACE}{REPLACED}aws.kms.region : eu-west-2\n%dev.fluo.kms.provider=local\n"
    )
    assert written.replaced == ("fluo.kms.provider", "aws.kms.region")
    assert write_block(path, BLOCK) == Written(changed=False, backup=None)


@pytest.mark.parametrize("name", ["%prod.fluo.kms.provider", "%{test,prod}.fluo.kms.provider"])
def test_a_line_of_the_production_profile_that_would_win_is_refused(path: Path, name: str):
    """The block would be void, and nobody would see it."""
    path.write_text(f"a=1\n{name}=local\n")

    with pytest.raises(UsageError) as error:
        write_block(path, BLOCK)
    assert error.value.message == f"{path}:2: {name} would win over fluo.kms.provider in the block"
    assert path.read_text() == f"a=1\n{name}=local\n"
    assert backups(path) == []

    path.write_text(f"{name}=aws\n")
    assert write_block(path, BLOCK).changed


def test_a_line_somebody_put_inside_the_block_is_replaced_with_it(path: Path):
    path.write_text(IN_PLACE.replace(END, f"%prod.fluo.kms.provider=local\n{END}"))

    write_block(path, BLOCK)

    assert path.read_text() == IN_PLACE


@pytest.mark.parametrize(
    ("text", "places"),
    [
        (f"a=1\n{BEGIN}\n{BLOCK}", "line 2 begin"),
        (f"{BLOCK}{END}\n", "line 4 end"),
        (f"{IN_PLACE}{IN_PLACE}", "line 1 begin, line 5 end, line 6 begin, line 10 end"),
        (f"{END}\na=1\n{BEGIN}\n", "line 1 end, line 3 begin"),
        (f"{BEGIN}\na=1\\\n{END}\n", "line 1 begin"),
    ],
)
def test_marks_moved_by_hand_are_an_error_that_says_where(path: Path, text: str, places: str):
    path.write_text(text)

    with pytest.raises(UsageError) as error:
        write_block(path, BLOCK)
    assert error.value.message == f"{path}: the marks of fluo-audit's block do not pair up: {places}"
    assert path.read_text() == text


def test_what_only_looks_like_a_mark_is_a_value():
    before = f"note=\\\n{BEGIN}\n"

    after, _ = with_block(before, BLOCK, "f")

    assert after == before + IN_PLACE


@pytest.mark.parametrize("block", [f"a=1\n{END}\nb=2", f"{BEGIN}\na=1", "a=1\\"])
def test_a_block_that_would_not_stay_inside_its_marks_is_not_written(path: Path, block: str):
    with pytest.raises(ValueError, match="block"):
        write_block(path, block)
    assert not path.exists()


def test_another_encoding_is_refused(path: Path):
    path.write_bytes("a=1\n".encode("utf-16"))

    with pytest.raises(UsageError, match="NUL"):
        write_block(path, BLOCK)


def test_a_value_outside_ascii_is_escaped(path: Path):
    write_block(path, "name=Z\u00fcrich \u4e16")

    assert javaproperties.loads(path.read_bytes()) == {"name": "Z\u00fcrich \u4e16"}


def test_a_read_only_file_is_refused(path: Path):
    path.write_text("a=1\n")
    path.chmod(0o444)

    with pytest.raises(OutputError, match="read-only"):
        write_block(path, BLOCK)


# --- for every file ------------------------------------------------------------------------------------------------------

NAMES = st.sampled_from(
    ["a", "b.c", "key with space", "aws.kms.region", "fluo.kms.provider", "%dev.aws.kms.region", "#", "é"]
)
VALUES = st.text(st.characters(max_codepoint=0x2FF, exclude_categories=["Cs"]), max_size=8)
LINES = st.one_of(
    st.builds(javaproperties.join_key_value, NAMES, VALUES, st.sampled_from(["=", ":", " ", " = "])),
    st.builds(
        "{}=\\{}  {}".format, st.sampled_from(["a", "aws.kms.region"]), st.sampled_from(["\n", "\r\n", "\r"]), NAMES
    ),
    st.sampled_from(["", "   ", "# comment", "! comment \\", "\\", "a=\\\\", "a=\\\\\\"]),
    st.text(st.sampled_from("ab=: #!\\\t\f"), max_size=6),
)


@st.composite
def files(draw: st.DrawFn) -> str:
    ends = draw(st.lists(st.sampled_from(["\n", "\r\n", "\r"]), min_size=1, max_size=3))
    lines = draw(st.lists(LINES, max_size=8))
    text = "".join(line + draw(st.sampled_from(ends)) for line in lines)
    return text if draw(st.booleans()) else text.rstrip("\r\n")


@given(before=files(), values=st.dictionaries(NAMES.filter(lambda name: "%" not in name), VALUES, max_size=4))
def test_a_file_means_what_it_meant_plus_the_block(before: str, values: dict[str, str]):
    block = javaproperties.dumps(values, timestamp=False)

    after, _ = with_block(before, block, "f")

    assert javaproperties.loads(after) == javaproperties.loads(before) | values
    assert after.count(BEGIN) == after.count(END) == 1
    assert with_block(after, block, "f") == (after, ())
    assert javaproperties.loads(with_block(after, "z=1", "f")[0]) == {
        **{name: value for name, value in javaproperties.loads(before).items() if name not in values},
        "z": "1",
    }


@given(files())
def test_lines_that_are_not_in_the_block_keep_their_bytes(before: str):
    after, replaced = with_block(before, "another.name=1", "f")

    assert replaced == ()
    assert after.startswith(before)
    assert javaproperties.loads(after[len(before) :]) == {"another.name": "1"}


@given(st.text(st.sampled_from("aws.kms-region%{}prod,=:$\\u0041 #!\n\r"), max_size=60))
def test_any_text_is_read_or_refused(text: str):
    with suppress(UsageError):
        read_properties(text, "f", "staging").key_name()
