"""The write door sends what is on its list, once, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fluo_audit.aws.live import LiveTransport
from fluo_audit.aws.writes import WRITES, WriteDoor, WriteError
from fluo_audit.errors import RefusedError
from fluo_audit.sandbox.account import SimulatedAccount

HARMFUL = (
    "ScheduleKeyDeletion", "DisableKey", "DisableKeyRotation", "DeleteAlias", "UpdateAlias",
    "DeleteImportedKeyMaterial", "UpdatePrimaryRegion", "DeleteCustomKeyStore", "RevokeGrant", "CreateGrant",
)  # fmt: skip


@pytest.fixture
def blank() -> Iterator[SimulatedAccount]:
    with SimulatedAccount(empty=True) as account:
        yield account


@pytest.fixture
def door(blank: SimulatedAccount) -> WriteDoor:
    return WriteDoor(LiveTransport(blank.session, blank.clock), "us-east-1")


@pytest.mark.parametrize("operation", HARMFUL)
def test_no_call_that_harms_a_key_leaves_the_machine(blank, door, operation):
    with pytest.raises(RefusedError, match="nothing was sent"):
        door.write("kms", operation, "", {"KeyId": "1234abcd-12ab-34cd-56ef-1234567890ab"})

    assert blank.calls == ()


def test_the_only_deletion_is_that_of_an_old_policy_version():
    assert {write for write in WRITES if "Delete" in write or "Remove" in write or "Disable" in write} == {
        "iam:DeletePolicyVersion"
    }


@pytest.mark.parametrize("parameter", ["BypassPolicyLockoutSafetyCheck"])
@pytest.mark.parametrize("operation", ["CreateKey", "PutKeyPolicy", "ReplicateKey"])
def test_the_lock_out_check_of_kms_is_never_skipped(blank, door, operation, parameter):
    with pytest.raises(RefusedError, match="nothing was sent"):
        door.write("kms", operation, "", {parameter: True})

    assert blank.calls == ()


def test_a_confirmed_write_gives_the_answer(door):
    answer = door.write("kms", "CreateKey", "", {"Description": "x"})

    assert answer["KeyMetadata"]["Description"] == "x"


def test_a_refused_write_says_why(blank, door):
    blank.deny("kms:CreateKey")

    with pytest.raises(WriteError) as refused:
        door.write("kms", "CreateKey", "", {})

    assert (refused.value.code, refused.value.lost) == ("AccessDeniedException", False)


def test_a_throttled_write_is_repeated_because_nothing_was_done(blank, door):
    blank.fail("kms:CreateKey", "throttle", times=2)

    door.write("kms", "CreateKey", "", {})

    assert blank.calls.count("kms:CreateKey") == 3


def lose(account):
    account.lose_answer("kms:CreateKey", times=3)


def break_down(account):
    account.fail("kms:CreateKey", "5xx", times=3)


@pytest.mark.parametrize("trouble", [lose, break_down])
def test_a_write_that_may_have_been_done_is_not_sent_twice(blank, door, trouble):
    trouble(blank)

    with pytest.raises(WriteError) as failed:
        door.write("kms", "CreateKey", "", {})

    assert failed.value.lost
    assert blank.calls.count("kms:CreateKey") == 1
