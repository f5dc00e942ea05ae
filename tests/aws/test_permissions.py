"""The closed list of what may be sent: every entry is a real operation, and none changes or decrypts anything."""

from __future__ import annotations

from collections.abc import Iterator

import botocore.session
import pytest
from botocore.model import ListShape, MapShape, Shape, StructureShape

from fluo_audit.aws.permissions import FIND_READS, OBJECT_READS, PROVISION_READS, READS, iam_action
from fluo_audit.policy import KMS_ACTIONS
from fluo_audit.policy.actions import Access

MODELS = botocore.session.get_session()
EVERY_READ = sorted(READS | FIND_READS | PROVISION_READS | OBJECT_READS)
VERBS = ("Describe", "Get", "Head", "List", "Lookup")


def shapes(shape: Shape | None, seen: frozenset[str] = frozenset()) -> Iterator[Shape]:
    if shape is None or shape.name in seen:
        return
    yield shape
    inside: list[Shape] = []
    if isinstance(shape, StructureShape):
        inside = list(shape.members.values())
    elif isinstance(shape, ListShape):
        inside = [shape.member]
    elif isinstance(shape, MapShape):
        inside = [shape.value]
    for each in inside:
        yield from shapes(each, seen | {shape.name})


@pytest.mark.parametrize("api", EVERY_READ)
def test_an_entry_is_an_operation_of_aws_and_its_name_says_that_it_reads(api: str):
    service, operation = api.split(":")

    assert operation in MODELS.get_service_model(service).operation_names
    assert operation.startswith(VERBS)


def test_no_kms_entry_uses_or_administers_the_key():
    access = {f"kms:{action.name}": action.access for action in KMS_ACTIONS}
    listed = {api for api in EVERY_READ if api.startswith("kms:")}

    assert {access[api] for api in listed} == {Access.READ}


@pytest.mark.parametrize("api", sorted(READS | FIND_READS))
def test_no_answer_holds_what_aws_marks_as_sensitive(api: str):
    """Plaintext keys and secrets are marked so in the service models: kms:GenerateDataKey shows that the mark is there."""

    def sensitive(service: str, operation: str) -> set[str]:
        output = MODELS.get_service_model(service).operation_model(operation).output_shape
        return {shape.name for shape in shapes(output) if shape.metadata.get("sensitive")}

    assert sensitive(*api.split(":")) == set()
    assert sensitive("kms", "GenerateDataKey") == {"PlaintextType"}


def test_the_action_to_grant_is_the_operation_itself_but_for_a_few():
    assert iam_action("kms:DescribeKey") == "kms:DescribeKey"
    assert iam_action("resourcegroupstaggingapi:GetResources") == "tag:GetResources"
    assert {iam_action(api) for api in OBJECT_READS} == {"s3:ListBucket", "s3:GetObject"}
