"""What Terraform's files call the key, in every shape they have, and nothing else of what they hold."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluo_audit.errors import UsageError
from fluo_audit.provision.files.terraform_output import DEEPEST, read_terraform
from fluo_audit.provision.outputs import environment_variables, properties_text

ID, OTHER_ID = "0a0a0a0a-0a0a-0a0a-0a0a-0a0a0a0a0a0a", "0b0b0b0b-0b0b-0b0b-0b0b-0b0b0b0b0b0b"
MRK = "mrk-1234abcd12ab34cd56ef1234567890ab"
SECRET = "hunter2"
PURPOSE = "fluo-backend-encryption"


def arn(key: str = ID, region: str = "us-east-1") -> str:
    return f"arn:aws:kms:{region}:111122223333:key/{key}"


def names(document: Any, environment: str = "") -> list[tuple[str, str]]:
    text = document if isinstance(document, str) else json.dumps(document)
    return [(name.place, name.value) for name in read_terraform(text, "f.json", environment)]


def silent(document: Any, environment: str = "") -> str:
    (name,) = read_terraform(json.dumps(document), "f.json", environment)
    assert name.value == ""
    return name.reason


def outputs(**values: Any) -> dict[str, Any]:
    """Return what `terraform output -json` prints."""
    return {name: {"sensitive": False, "type": "string", "value": value} for name, value in values.items()}


def state(*resources: dict[str, Any], **values: Any) -> dict[str, Any]:
    """Return a state file of version 4."""
    return {
        "version": 4,
        "terraform_version": "1.11.4",
        "serial": 3,
        "lineage": "bef678ff-5f09-dffd-2cc6-f5c658140399",
        "outputs": {name: {"value": value, "type": "string"} for name, value in values.items()},
        "resources": [
            {
                "mode": "managed",
                "type": "aws_db_instance",
                "name": "db",
                "instances": [{"attributes": {"password": SECRET}}],
            },
            *resources,
        ],
        "check_results": None,
    }


def resource(
    kind: str, *instances: dict[str, Any], module: str = "", name: str = "fluo_master_key", **other: Any
) -> dict[str, Any]:
    where = {"module": module} if module else {}
    return {**where, "mode": "managed", "type": kind, "name": name, "instances": list(instances), **other}


def key(value: str = "", index: Any = None, **attributes: Any) -> dict[str, Any]:
    index_key = {} if index is None else {"index_key": index}
    return {**index_key, "schema_version": 0, "attributes": {"arn": value or arn(), "policy": SECRET, **attributes}}


def shown(root: dict[str, Any], **values: Any) -> dict[str, Any]:
    """Return what `terraform show -json` prints of a state."""
    listed = {name: {"sensitive": True, "value": value, "type": "string"} for name, value in values.items()}
    return {"format_version": "1.0", "terraform_version": "1.11.4", "values": {"outputs": listed, "root_module": root}}


def tags(environment: str) -> dict[str, str]:
    return {"Name": f"fluo-kms-{environment}", "Environment": environment, "ManagedBy": "terraform", "Purpose": PURPOSE}


# --- outputs -------------------------------------------------------------------------------------------------------------

CONFIG = properties_text(arn(), "us-east-1", 90)
WRITTEN: dict[str, tuple[Any, list[str]]] = {
    "the seed's root outputs": (outputs(kms_key_arn=arn(), fluo_config=CONFIG, password=SECRET), ["kms_key_arn"]),
    "only the properties text": (outputs(fluo_config=CONFIG), ["fluo_config, aws.kms.master-key-id"]),
    "the module's name of it": (outputs(fluo_backend_config=CONFIG), ["fluo_backend_config, aws.kms.master-key-id"]),
    "environment variables": (
        outputs(fluo_backend_env_vars=environment_variables(arn(), "us-east-1", 90)),
        ["fluo_backend_env_vars, AWS_KMS_MASTER_KEY_ID"],
    ),
    "environment variables as text": (
        outputs(fluo_backend_env_vars=json.dumps({"AWS_KMS_MASTER_KEY_ID": arn()})),
        ["fluo_backend_env_vars, AWS_KMS_MASTER_KEY_ID"],
    ),
    "the whole module as one output": (outputs(fluo={"kms_key_arn": arn(), "kms_key_id": ID}), ["fluo.kms_key_arn"]),
    "one output alone": ({"kms_key_arn": arn(), "iam_role_name": None}, ["kms_key_arn"]),
    "modules by for_each": (outputs(fluo={"eu": {"kms_key_arn": arn()}}), ["fluo.eu.kms_key_arn"]),
    "modules by count": (outputs(fluo=[{"kms_key_arn": arn()}]), ["fluo[0].kms_key_arn"]),
    "a state": (state(kms_key_arn=arn()), ["kms_key_arn"]),
    "a state that is shown": (shown({}, fluo={"kms_key_arn": arn()}), ["fluo.kms_key_arn"]),
}


@pytest.mark.parametrize(("document", "places"), WRITTEN.values(), ids=WRITTEN)
def test_the_key_is_named_by_outputs_of_any_shape(document: Any, places: list[str]):
    assert names(document) == [(place, arn()) for place in places]


@pytest.mark.parametrize(
    ("document", "named"),
    [
        (outputs(kms_key_id=ID, kms_key_alias="alias/fluo-production", aws_region="eu-west-1"), ("kms_key_id", ID)),
        (
            outputs(kms_key_alias="alias/fluo-production", aws_region="eu-west-1"),
            ("kms_key_alias", "alias/fluo-production"),
        ),
    ],
)
def test_the_most_exact_name_there_is_counts_with_the_region_beside_it(document: Any, named: tuple[str, str]):
    (name,) = read_terraform(json.dumps(document), "f.json")

    assert ((name.place, name.value), name.home) == (named, "eu-west-1")


def test_one_output_printed_alone_is_a_name():
    """`terraform output -json kms_key_arn`"""
    assert names(json.dumps(arn())) == [("the value", arn())]


def test_outputs_that_contradict_each_other_are_both_named():
    config = properties_text(arn(OTHER_ID), "us-east-1", 90)

    assert names(outputs(kms_key_arn=arn(), fluo_config=config)) == [
        ("kms_key_arn", arn()),
        ("fluo_config, aws.kms.master-key-id", arn(OTHER_ID)),
    ]


def test_the_environment_chooses_among_modules():
    both = {
        name: {"kms_key_arn": arn(id_), "kms_key_alias": f"alias/fluo-{name}"}
        for name, id_ in (("production", ID), ("staging", OTHER_ID))
    }

    assert names(outputs(fluo=both), "staging") == [("fluo.staging.kms_key_arn", arn(OTHER_ID))]
    assert [value for _, value in names(outputs(fluo=both))] == [arn(ID), arn(OTHER_ID)]


@pytest.mark.parametrize("replicas", [[arn(MRK, "us-west-2")], {"us-west-2": arn(MRK, "us-west-2")}])
def test_replicas_follow_the_key(replicas: Any):
    document = outputs(kms_key_arn=arn(MRK), replica_key_arns=replicas)

    assert names(document) == [("kms_key_arn", arn(MRK)), ("replica_key_arns", arn(MRK, "us-west-2"))]


# --- resources -----------------------------------------------------------------------------------------------------------


def test_the_only_key_of_a_state_needs_no_mark():
    assert names(state(resource("aws_kms_key", key()))) == [("aws_kms_key.fluo_master_key", arn())]


@pytest.mark.parametrize(
    ("instance", "address"),
    [
        (key(), "module.fluo_kms.aws_kms_key.fluo_master_key"),
        (key(index=0), "module.fluo_kms.aws_kms_key.fluo_master_key[0]"),
        (key(index="production"), 'module.fluo_kms.aws_kms_key.fluo_master_key["production"]'),
    ],
)
def test_a_key_is_found_in_any_module_and_instance(instance: dict[str, Any], address: str):
    assert names(state(resource("aws_kms_key", instance, module="module.fluo_kms"))) == [(address, arn())]


def test_among_several_keys_tags_or_the_alias_tell_which_is_fluos():
    other = resource("aws_kms_key", key(arn(OTHER_ID)), name="rds")
    tagged = resource("aws_kms_key", key(tags=tags("production")))
    alias = resource(
        "aws_kms_alias", {"attributes": {"name": "alias/fluo-production", "target_key_arn": arn()}}, name="fluo"
    )
    trail = resource(
        "aws_kms_alias", {"attributes": {"name": "alias/fluo-cloudtrail-x", "target_key_arn": arn(OTHER_ID)}}, name="t"
    )

    assert names(state(other, tagged)) == [("aws_kms_key.fluo_master_key", arn())]
    assert names(state(other, resource("aws_kms_key", key()), alias, trail)) == [("aws_kms_alias.fluo", arn())]
    assert "names no key of FLUO" in silent(state(other, resource("aws_kms_key", key())))


def test_the_environment_chooses_among_keys_and_others_are_not_taken_for_it():
    both = state(
        resource("aws_kms_key", key(index="production", tags_all=tags("production"))),
        resource("aws_kms_key", key(arn(OTHER_ID), index="staging", tags_all=tags("staging"))),
    )

    assert names(both, "staging") == [('aws_kms_key.fluo_master_key["staging"]', arn(OTHER_ID))]
    assert len(names(both)) == 2
    assert "in qa" in silent(both, "qa")
    assert "in qa" in silent(state(resource("aws_kms_key", key(tags=tags("staging")))), "qa")


def test_replicas_of_the_key_follow_it_and_others_do_not():
    """The root of the seed makes the replica beside the module, without FLUO's tags."""
    replica = resource("aws_kms_replica_key", key(arn(MRK, "us-west-2"), primary_key_arn=arn(MRK)), name="fluo_west")
    other = resource("aws_kms_replica_key", key(arn("mrk-" + "0" * 32, "us-west-2")), name="other")
    expected = [arn(MRK), arn(MRK, "us-west-2")]

    of_resources = state(other, replica, resource("aws_kms_key", key(arn(MRK), tags=tags("production"))))
    assert [value for _, value in names(of_resources)] == expected
    assert [value for _, value in names(state(replica, other, kms_key_arn=arn(MRK)))] == expected


@pytest.mark.parametrize(
    "ignored",
    [
        resource("aws_kms_key", key(arn(OTHER_ID)), mode="data", name="other"),
        resource("aws_kms_key", {**key(arn(OTHER_ID)), "deposed": "00000001"}, name="other"),
        resource("aws_kms_key", {"attributes": {"arn": None}}, name="failed"),
        resource("aws_kms_external_key", key(arn(OTHER_ID)), name="other"),
    ],
)
def test_what_is_only_read_or_half_made_or_about_to_go_is_no_key_of_the_state(ignored: dict[str, Any]):
    assert names(state(ignored, resource("aws_kms_key", key()))) == [("aws_kms_key.fluo_master_key", arn())]


def test_a_state_that_is_shown_is_read_to_its_last_module():
    def module(address: str, *children: dict[str, Any], resources: tuple[dict[str, Any], ...] = ()) -> dict[str, Any]:
        return {"address": address, "resources": list(resources), "child_modules": list(children)}

    address = "module.platform.module.fluo[0].aws_kms_key.fluo_master_key"
    found = {
        "address": address,
        "mode": "managed",
        "type": "aws_kms_key",
        "name": "fluo_master_key",
        "values": {"arn": arn()},
    }
    gone = {**found, "deposed_key": "00000001", "values": {"arn": arn(OTHER_ID)}}
    root = {
        "child_modules": [module("module.platform", module("module.platform.module.fluo[0]", resources=(gone, found)))]
    }

    assert names(shown(root)) == [(address, arn())]


@pytest.mark.parametrize("empty", [{}, outputs(vpc_id="vpc-1"), state(), {"format_version": "1.0"}, shown({})])
def test_a_file_without_the_key_says_so(empty: Any):
    assert "no output such as kms_key_arn" in silent(empty)


# --- secrets and hostile files -------------------------------------------------------------------------------------------


def test_nothing_but_the_names_is_kept():
    document = state(
        resource("aws_kms_key", key(tags={**tags("production"), "token": SECRET})), kms_key_arn=arn(), db=SECRET
    )

    assert SECRET not in repr(read_terraform(json.dumps(document), "f.json"))


NOT_TERRAFORM: dict[str, tuple[str, str]] = {
    "not JSON": ("kms_key_arn = hunter2", "f.json: not JSON: line 1, column 1"),
    "cut off": ('{\n "kms_key_arn": "hunter2', "f.json: not JSON: line 2, column 17"),
    "empty": ("", "f.json: not JSON: line 1, column 1"),
    "a list": ('["hunter2"]', "f.json: the document is not an object"),
    "deep": ("[" * 10**5 + "]" * 10**5, "f.json: nested too deeply"),
    "deep objects": ('{"a":' * 10**5 + "1" + "}" * 10**5, "f.json: nested too deeply"),
    "one name twice": ('{"kms_key_arn": "hunter2", "kms_key_arn": "x"}', "f.json: an object in it has one name twice"),
    "a plan": ('{"format_version": "1.0", "planned_values": {}}', "f.json: a plan"),
    "another format": ('{"format_version": "2.0"}', "f.json: a format_version other than 1"),
    "an old state": ('{"version": 3, "lineage": "x", "modules": []}', "f.json: a state of another version than 4"),
    "an encrypted state": ('{"meta": {}, "encrypted_data": "hunter2"}', "f.json: an encrypted state"),
    "resources of another kind": ('{"version": 4, "resources": "hunter2"}', "f.json: resources is not a list"),
    "a resource of another kind": ('{"version": 4, "resources": ["hunter2"]}', "f.json: resources is not an object"),
    "instances of another kind": (
        '{"version": 4, "resources": [{"mode": "managed", "type": "aws_kms_key", "name": "k", "instances": {}}]}',
        "f.json: aws_kms_key.k is not a list",
    ),
    "no key name": ('{"kms_key_arn": "hunter2"}', "f.json: kms_key_arn is not the name of a KMS key"),
    "no key name alone": ('"hunter2"', "f.json: the value is not the name of a KMS key"),
    "two Regions": (json.dumps(outputs(kms_key_arn=arn(), aws_region="eu-west-1")), "f.json: kms_key_arn lies in another"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "message"), NOT_TERRAFORM.values(), ids=NOT_TERRAFORM)
def test_a_file_of_another_kind_is_an_error_with_its_place_and_without_its_content(text: str, message: str):
    with pytest.raises(UsageError) as error:
        read_terraform(text, "f.json")

    assert error.value.message.startswith(message)
    assert SECRET not in error.value.message + error.value.hint
    assert error.value.__cause__ is None


def test_outputs_are_not_searched_without_end():
    def inside(levels: int) -> dict[str, Any]:
        return {"m": inside(levels - 1)} if levels else {"kms_key_arn": arn()}

    assert names(outputs(fluo=inside(DEEPEST - 1)))[0][1] == arn()
    assert silent(outputs(fluo=inside(DEEPEST)))


def test_a_huge_number_is_no_matter():
    assert names(f'{{"n": {"9" * 10**5}, "f": 1e{"9" * 50}, "m": NaN, "kms_key_arn": "{arn()}"}}') == [
        ("kms_key_arn", arn())
    ]


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=3)
    | st.sampled_from([arn(), ID, "alias/fluo-x", CONFIG]),
    lambda inside: (
        st.lists(inside, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "kms_key_arn",
                    "fluo_config",
                    "fluo_backend_env_vars",
                    "replica_key_arns",
                    "value",
                    "type",
                    "sensitive",
                    "x",
                    "arn",
                    "mode",
                    "version",
                    "format_version",
                    "values",
                    "outputs",
                    "resources",
                    "instances",
                    "attributes",
                    "root_module",
                ]
            ),
            inside,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(VALUES)
def test_any_document_is_read_or_refused(document: Any):
    with suppress(UsageError):
        found = read_terraform(json.dumps(document), "f.json", "x")
        assert found
        assert all(name.value or name.reason for name in found)
