"""The stand-in is no better than the real provider: it takes what that takes, and has what that has.

`real_provider.json` holds the names of arguments and attributes of hashicorp/aws 6.25.0 for the resources that the module
uses, taken from the published bindings cdktf-cdktf-provider-aws 21.22.1.
"""

from __future__ import annotations

import json
from pathlib import Path

REAL = json.loads((Path(__file__).parent / "real_provider.json").read_text(encoding="utf-8"))


def test_the_stand_in_invents_nothing(new_workspace):
    workspace = new_workspace()
    workspace.write({"fluo_kms": {"environment": "production"}})
    workspace.run("init")

    (schemas,) = json.loads(workspace.run("providers", "schema", "-json"))["provider_schemas"].values()

    found = schemas["resource_schemas"] | {f"data.{name}": one for name, one in schemas["data_source_schemas"].items()}
    assert set(found) == set(REAL)
    problems = [problem for name, schema in found.items() for problem in differences(name, schema["block"], REAL[name])]
    assert problems == []


def differences(where, block, real):
    """Return what a block has that the real one lacks, and what the real one needs that it does not ask for."""
    attributes, blocks = block.get("attributes", {}), block.get("block_types", {})
    arguments = {name for name, one in attributes.items() if one.get("required") or one.get("optional")} | set(blocks)
    known = {*real["required"], *real["optional"], "id"}
    problems = [f"{where}.{name} is no argument" for name in arguments - known]
    problems += [f"{where}.{name} is unknown" for name in set(attributes) - known - set(real.get("computed", ()))]
    asked = {name for name, one in attributes.items() if one.get("required")} | set(blocks)
    problems += [f"{where}.{name} is needed" for name in set(real["required"]) - asked]
    for name, nested in blocks.items():
        problems += differences(f"{where}.{name}", nested["block"], real["blocks"][name])
    return problems
