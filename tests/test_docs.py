"""The documentation says what the code does: generated pages are current, and named commands and files exist."""

from __future__ import annotations

import dataclasses
import re
import runpy
import shutil
import tomllib
from pathlib import Path
from types import SimpleNamespace

import click
import pytest

from fluo_audit import provisioning
from fluo_audit.provision.spec import Spec
from fluo_audit.settings import load_settings, settings_of
from scripts.command_tree import unknown_words
from scripts.examples import example
from scripts.seed_coverage import CoverageError, seed_coverage_page

ROOT = Path(__file__).parent.parent
MODULE = "provision/terraform/aws-kms/README.md"
EXAMPLE_SETTINGS = ROOT / "provision" / "fluo-audit.example.toml"
RECORDS = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs" / "adr").glob("*.md"))
WRITTEN = (
    "README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "docs/provisioning.md", MODULE, *RECORDS,
)  # fmt: skip

docs = SimpleNamespace(**runpy.run_path(str(ROOT / "scripts" / "docs.py")))
COMMANDS: dict[str, click.Command] = dict(docs.commands())


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Return a folder with the generated pages as they are committed."""
    for name in (*docs.PAGES, *docs.FILLED):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def test_generated_pages_are_current():
    assert docs.differences(ROOT) == ""


@pytest.mark.parametrize("name", [*docs.PAGES, *docs.FILLED])
def test_a_page_that_differs_is_shown_and_then_put_right(copy: Path, name: str, capsys: pytest.CaptureFixture[str]):
    page = copy / name
    current = page.read_text(encoding="utf-8")
    page.write_text(with_stale_line(current), encoding="utf-8")

    assert docs.main(["--check"], copy) == 1
    assert f"+++ {name} (generated)" in capsys.readouterr().out
    assert docs.main([], copy) == 0
    assert page.read_text(encoding="utf-8") == current


def with_stale_line(text: str) -> str:
    """Return the text with a line that is not generated, where everything should be."""
    end = re.compile(r"^ *<!-- end -->$", re.MULTILINE)
    return end.sub(r"stale\n\g<0>", text) if end.search(text) else f"{text}stale\n"


def test_what_is_written_by_hand_around_a_block_stays():
    text = "before\n<!-- generated: exit-codes -->\nold\n<!-- end -->\nafter\n"

    filled = docs.with_blocks(text)

    assert filled.startswith("before\n<!-- generated: exit-codes -->\n\n| code |")
    assert filled.endswith("\n<!-- end -->\nafter\n")
    assert "old" not in filled


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_every_option_says_what_it_does(name: str):
    command = COMMANDS[name]
    silent = [each.name for each in command.params if isinstance(each, click.Option) and not (each.help or each.hidden)]

    assert command.help
    assert silent == []


@pytest.mark.parametrize("name", WRITTEN)
def test_commands_and_options_in_hand_written_pages_exist(name: str):
    text = (ROOT / name).read_text(encoding="utf-8").replace("\\\n", " ")  # as a shell joins lines
    lines = re.findall(r"(?:^|[`(|]|-- )\s*(fluo-audit(?: [^`\n#)]+)?)", text, re.MULTILINE)

    assert {line: unknown for line in lines if (unknown := unknown_words(line))} == {}


@pytest.mark.parametrize(
    ("line", "unknown"),
    [
        ("fluo-audit", []),
        ("fluo-audit -q --environment production provision plan --out drift.json", []),
        ("fluo-audit find --terraform-output - > found.txt", []),
        ("fluo-audit access can fluo-backend Decrypt --context purpose=health_check", []),
        ("fluo-audit output --help | less --quit", []),
        ("fluo-audit provision destroy", ["destroy"]),
        ("fluo-audit find --take-ownership", ["--take-ownership"]),
        ("fluo-audit --profile plan", []),
        ("fluo-audit --profile=audit plan", ["plan"]),
    ],
)
def test_what_is_no_command_or_option_is_told_from_arguments_and_values(line: str, unknown: list[str]):
    assert unknown_words(line) == unknown


@pytest.mark.parametrize("name", WRITTEN)
def test_links_between_pages_lead_somewhere(name: str):
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", (ROOT / name).read_text(encoding="utf-8"))

    assert [each for each in targets if not (ROOT / name).parent.joinpath(each).exists()] == []


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_make_targets_in_pages_exist(name: str):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))

    assert (
        set(re.findall(r"(?:^|`)make ([a-z-]+)", (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE)) - targets
        == set()
    )


# --- examples ----------------------------------------------------------------------------------------------------


def test_an_example_shows_command_output_and_exit_code_whatever_this_machine_is_set_to(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FLUO_AUDIT_ENVIRONMENT", "other")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")

    shown = example("output kms_key_alias --raw").splitlines()

    assert shown == [
        "```console",
        "$ fluo-audit --demo output kms_key_alias --raw",
        "alias/fluo-production",
        "$ echo $?",
        "0",
        "```",
    ]


# --- settings ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", docs.FILLED)
def test_settings_in_pages_are_taken_and_describe_a_state(name: str):
    blocks = re.findall(r"^```toml\n(.*?)^```$", (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)

    assert blocks
    for block in blocks:
        provisioning.spec_for(settings_of(tomllib.loads(block), name), {})


def test_the_example_settings_are_taken_as_they_are_and_plan_for_the_declared_role():
    settings = load_settings(EXAMPLE_SETTINGS)

    assert provisioning.spec_for(settings, {}).fluo_role_arns == settings.baseline.backend_roles


def test_every_setting_that_is_commented_out_can_be_switched_on():
    text = EXAMPLE_SETTINGS.read_text(encoding="utf-8")
    document = tomllib.loads(re.sub(r"^# (?=[a-z_-]+ = )", "", text, flags=re.MULTILINE))

    settings = settings_of(document, EXAMPLE_SETTINGS.name)

    assert (settings.terraform_output, settings.tfstate, settings.properties) != ("", "", "")
    assert set(settings.provision) == {each.name for each in dataclasses.fields(Spec)} - {"environment"}
    assert provisioning.spec_for(settings, {}).document().items() >= document["provision"].items()


# --- the map of the seed document --------------------------------------------------------------------------------

COVERAGE = """
headings = ["Outputs", "Outputs > Key"]

[[section]]
at = ["Outputs", "Key", "kms_key_arn"]
instead = "Printed."
commands = ["fluo-audit output kms_key_arn"]
tests = ["tests/test_key.py::test_arn"]
weaker = "only in one colour."
"""


@pytest.fixture
def coverage(tmp_path: Path):
    """Give a function that makes the page of a map, in a project with one test."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_key.py").write_text("import nowhere\n\ndef test_arn(): ...\n\ndef helper(): ...\n")

    def page(text: str) -> str:
        (tmp_path / "docs" / "seed-coverage.toml").write_text(text, encoding="utf-8")
        return seed_coverage_page(tmp_path)

    return page


def test_the_page_says_of_each_section_what_takes_its_place_and_which_tests_show_it(coverage):
    page = coverage(COVERAGE)

    assert "1 part of the seed, shown by 1 test." in page
    assert "- Outputs > Key > kms_key_arn: only in one colour." in page
    assert page.endswith(
        "## Outputs\n\n### Key\n\n#### kms_key_arn\n\nPrinted.\n\n- Command: `fluo-audit output kms_key_arn`\n"
        "- Shown by:\n  - `tests/test_key.py::test_arn`\n\nWeaker: only in one colour.\n"
    )


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("::test_arn", "::test_id", "Outputs > Key > kms_key_arn: no test tests/test_key.py::test_id"),
        ("::test_arn", "::helper", "no test tests/test_key.py::helper"),
        ("tests/test_key.py::", "tests/test_gone.py::", "no test tests/test_gone.py::test_arn"),
        ('tests = ["tests/test_key.py::test_arn"]', "tests = []", "Outputs > Key: no test"),
        ("output kms_key_arn", "print kms_key_arn", "fluo-audit print kms_key_arn: there is no print"),
        ("output kms_key_arn", "output --raww", "there is no --raww"),
        ('"Outputs > Key"]', '"Outputs > Key", "Security"]', "Security: no test"),
        ('["Outputs", "Key", "kms_key_arn"]', '["Inputs", "Key"]', "Inputs > Key: stands under no heading of the seed"),
    ],
)
def test_a_claim_that_does_not_hold_stops_the_page(coverage, old: str, new: str, said: str):
    with pytest.raises(CoverageError, match=re.escape(said)):
        coverage(COVERAGE.replace(old, new))


def test_all_that_does_not_hold_is_named_at_once(coverage):
    with pytest.raises(CoverageError) as error:
        coverage(COVERAGE.replace("::test_arn", "::test_id").replace("output kms_key_arn", "print"))

    assert len(str(error.value).splitlines()) == 2
