"""What is built is what is tracked: templates and provisioning files ship, Terraform's secrets do not."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from email.parser import Parser
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).parent.parent
SHIPPED = {"reports/templates": "fluo_audit/_data/templates", "provision": "fluo_audit/_data/provision"}
SECRETS = (
    "provision/terraform.tfstate",
    "provision/terraform.tfstate.backup",
    "provision/production.auto.tfvars",
    "provision/.terraform/providers/lock.json",
)


def git(*arguments: str) -> list[str]:
    command = ["git", "-c", "safe.directory=*", *arguments]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build wheel and sdist from a copy without .gitignore, in which Terraform has run."""
    copy = tmp_path_factory.mktemp("copy")
    for name in git("ls-files", "-co", "--exclude-standard"):
        if name != ".gitignore" and (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, copy / name)
    for name in SECRETS:
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / name).write_text("secret", encoding="utf-8")
    subprocess.run([sys.executable, "-m", "hatchling", "build"], cwd=copy, check=True, capture_output=True)
    return copy / "dist"


@pytest.fixture(scope="module")
def wheel(built: Path) -> zipfile.ZipFile:
    return zipfile.ZipFile(next(built.glob("*.whl")))


@pytest.fixture(scope="module")
def sdist_names(built: Path) -> set[str]:
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        return {name.partition("/")[2] for name in archive.getnames()}


@pytest.mark.parametrize(("folder", "in_wheel"), SHIPPED.items())
def test_the_wheel_holds_exactly_the_project_files_of_a_data_folder(wheel: zipfile.ZipFile, folder: str, in_wheel: str):
    expected = {name.removeprefix(folder) for name in git("ls-files", "-co", "--exclude-standard", folder)}

    actual = {name.removeprefix(in_wheel) for name in wheel.namelist() if name.startswith(f"{in_wheel}/")}

    assert expected
    assert expected == actual


def test_terraform_state_never_ships(wheel: zipfile.ZipFile, sdist_names: set[str]):
    """State holds secrets. It stays out even where no .gitignore says so."""
    suspicious = re.compile(r"tfstate|tfvars|\.terraform/")

    assert [name for name in (*wheel.namelist(), *sdist_names) if suspicious.search(name)] == []


def test_the_wheel_holds_every_file_of_the_package(wheel: zipfile.ZipFile):
    expected = set(git("ls-files", "-co", "--exclude-standard", "fluo_audit"))

    actual = {name for name in wheel.namelist() if name.startswith("fluo_audit/") and "/_data/" not in name}

    assert expected == actual
    assert "fluo_audit/py.typed" in actual


def test_the_wheel_holds_nothing_but_the_package(wheel: zipfile.ZipFile):
    top = {PurePosixPath(name).parts[0] for name in wheel.namelist()}

    assert {name for name in top if not name.endswith(".dist-info")} == {"fluo_audit"}


def test_the_source_distribution_can_be_built_and_tested(sdist_names: set[str]):
    needed = {"pyproject.toml", "Makefile", "LICENSE", "README.md", "requirements-dev.lock", "scripts/setup.sh"}

    assert needed - sdist_names == set()
    assert "tests/test_packaging.py" in sdist_names


def test_the_metadata_names_licence_and_command(wheel: zipfile.ZipFile):
    info = next(PurePosixPath(name).parts[0] for name in wheel.namelist() if ".dist-info/" in name)
    metadata = Parser().parsestr(wheel.read(f"{info}/METADATA").decode())

    assert metadata["License-Expression"] == "Apache-2.0 AND OFL-1.1"
    assert set(metadata.get_all("License-File", [])) == {"LICENSE", "reports/templates/static/fonts/OFL.txt"}
    assert "fluo-audit = fluo_audit.cli.main:run" in wheel.read(f"{info}/entry_points.txt").decode()


def pins(name: str) -> set[str]:
    return set(re.findall(r"^([a-z0-9-]+==[^ \\]+)", (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE))


def test_development_uses_the_versions_that_users_get():
    assert pins("requirements.lock") - pins("requirements-dev.lock") == set()


def test_every_declared_dependency_is_locked():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    declared = [*project["project"]["dependencies"], *project["project"]["optional-dependencies"]["sandbox"]]

    names = {re.split(r"[^A-Za-z0-9-]", each)[0].lower() for each in declared}

    assert names - {pin.partition("==")[0] for pin in pins("requirements.lock")} == set()


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock", "requirements-terraform.lock"])
def test_a_lock_names_no_place_and_hashes_everything(name: str):
    text = (ROOT / name).read_text(encoding="utf-8")

    assert re.findall(r"https?:|file:|--(?:extra-)?index|--find-links", text) == []
    assert [block for block in re.split(r"\n(?=[a-z])", text)[1:] if "--hash=sha256:" not in block] == []
