"""The module is what its README, its examples and fluo-audit's own spec say. Needs no Terraform, but for the last tests."""

from __future__ import annotations

import dataclasses
import runpy
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from fluo_audit.provision.spec import Spec

ROOT = Path(__file__).parent.parent.parent
MODULE = ROOT / "provision" / "terraform" / "aws-kms"
EXAMPLES = sorted(path.name for path in (MODULE / "examples").iterdir())

docs = runpy.run_path(str(ROOT / "scripts" / "terraform_docs.py"))
blocks = docs["blocks"]

OUTPUTS = {
    "kms_key_id", "kms_key_arn", "kms_key_alias", "kms_key_alias_arn", "aws_region", "iam_policy_arn", "iam_policy_name",
    "iam_role_name", "iam_role_arn", "instance_profile_name", "replica_key_arns", "fluo_backend_config",
    "fluo_backend_env_vars", "validation_commands", "estimated_monthly_cost_usd", "security_checklist",
}  # fmt: skip
"""What scripts rely on. Terraform alone needs the rest."""
TERRAFORM_ALONE = {"replica_settings", "estimated_monthly_cost_basis"}


def test_variables_are_the_fields_of_the_spec_with_the_same_defaults():
    fields = {each.name: value(getattr(Spec(), each.name)) for each in dataclasses.fields(Spec)}
    required = {each.name for each in blocks("variable") if each.is_required}

    variables = {each.name: each.default for each in blocks("variable") if not each.is_required}

    assert required == {"environment"}
    assert fields.pop("environment") == ""
    assert variables == fields


def value(default):
    if isinstance(default, tuple):
        return list(default)
    return dict(default) if isinstance(default, Mapping) else default


def test_outputs_are_those_that_scripts_rely_on():
    assert {each.name for each in blocks("output")} == OUTPUTS | TERRAFORM_ALONE


def test_what_is_secret_is_marked():
    secret = {each.name for each in blocks("variable") if each.arguments.get("sensitive") == "true"}

    assert secret == {field.name for field in dataclasses.fields(Spec) if not field.repr}


def test_the_tables_in_the_readme_are_current():
    readme = (MODULE / "README.md").read_text(encoding="utf-8")

    assert docs["with_tables"](readme) == readme
    assert f"| `{blocks('variable')[-1].name}` |" in readme
    assert f"| `{blocks('output')[-1].name}` |" in readme


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_passes_every_output_on(example: str):
    """Terraform's output commands see the root module alone."""
    passed = {each.name: each.arguments["value"] for each in blocks("output", MODULE / "examples" / example)}

    assert passed == {each.name: f"module.fluo_kms.{each.name}" for each in blocks("output")}


@pytest.mark.parametrize("folder", [".", "modules/replica", *(f"examples/{name}" for name in EXAMPLES)])
def test_each_folder_is_a_valid_module_of_its_own(new_workspace, tmp_path: Path, folder: str):
    shutil.copytree(MODULE, tmp_path / "module")
    workspace = new_workspace(folder=tmp_path / "module" / folder)

    workspace.run("init")
    workspace.run("validate")


def test_the_module_is_formatted(new_workspace):
    new_workspace(folder=MODULE).run("fmt", "-check", "-recursive", "-diff")
