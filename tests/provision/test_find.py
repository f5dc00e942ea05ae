"""The one key that a name means; or why not, and what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from fluo_audit.aws.door import Door, Reader
from fluo_audit.aws.live import LiveTransport, OfflineTransport
from fluo_audit.errors import CredentialsError, FluoAuditError, KeyNotFoundError, UsageError
from fluo_audit.provision.find import FoundKey, find_key, from_arn, region_of
from fluo_audit.sandbox.account import SimulatedAccount

REGION = "us-east-1"
ABSENT = "0a0a0a0a-0a0a-0a0a-0a0a-0a0a0a0a0a0a"


@pytest.fixture
def account() -> Iterator[SimulatedAccount]:
    with SimulatedAccount() as account:
        yield account


@pytest.fixture
def read(account: SimulatedAccount) -> Reader:
    return Door(LiveTransport(account.session, account.clock), REGION).reader("find")


def arn_of(account: SimulatedAccount, alias: str) -> str:
    return str(account.session.client("kms").describe_key(KeyId=alias)["KeyMetadata"]["Arn"])


def alias_arn(arn: str, alias: str) -> str:
    return f"{arn.rpartition(':')[0]}:{alias}"


NAMES: dict[str, tuple[Callable[[str], str], str]] = {
    "key id": (lambda arn: arn.rpartition("/")[2], "its key id"),
    "key ARN": (lambda arn: arn, "its ARN"),
    "alias": (lambda _: "alias/fluo-production", "alias/fluo-production"),
    "bare alias name": (lambda _: "fluo-production", "alias/fluo-production"),
    "alias ARN": (lambda arn: alias_arn(arn, "alias/fluo-production"), "alias/fluo-production"),
    "pattern of one key": (lambda _: "fluo-prod*", "alias/fluo-production"),
}


@pytest.mark.parametrize(("name", "found_by"), NAMES.values(), ids=NAMES)
def test_a_key_is_found_by_any_of_its_names(
    account: SimulatedAccount, read: Reader, name: Callable[[str], str], found_by: str
):
    arn = arn_of(account, "alias/fluo-production")

    assert find_key(read, REGION, name(arn)) == FoundKey(arn, found_by)


def test_a_key_is_found_by_its_environment(account: SimulatedAccount, read: Reader):
    found = find_key(read, REGION, "", "staging")

    assert found == FoundKey(arn_of(account, "alias/fluo-staging"), "alias/fluo-staging")
    assert (found.account, found.region) == (found.arn.split(":")[4], REGION)


def test_several_aliases_of_one_key_are_one_key(account: SimulatedAccount, read: Reader):
    arn = arn_of(account, "alias/fluo-production")
    account.session.client("kms").create_alias(AliasName="alias/fluo-production-old", TargetKeyId=arn)

    assert find_key(read, REGION, "fluo-production*") == FoundKey(arn, "alias/fluo-production")


@pytest.mark.parametrize("name", ["", "fluo-*", "alias/*"])
def test_several_keys_are_listed_and_none_is_chosen(account: SimulatedAccount, read: Reader, name: str):
    with pytest.raises(KeyNotFoundError, match="matches 2 keys") as error:
        find_key(read, REGION, name)
    for alias in ("alias/fluo-production", "alias/fluo-staging"):
        assert f"{alias} ({arn_of(account, alias).rpartition('/')[2]})" in error.value.message
    assert "--key" in error.value.hint


@pytest.mark.parametrize("name", ["nothing", "alias/nothing", "fluo-*-x", "alias/FLUO-production"])
def test_no_alias_is_an_error_that_names_it_and_the_region(read: Reader, name: str):
    with pytest.raises(KeyNotFoundError) as error:
        find_key(read, REGION, name)
    assert name.removeprefix("alias/") in error.value.message
    assert REGION in error.value.message


def test_an_environment_without_a_key_is_an_error(read: Reader):
    with pytest.raises(KeyNotFoundError, match="alias/fluo-qa"):
        find_key(read, REGION, "", "qa")


@pytest.mark.parametrize("name", [ABSENT, f"arn:aws:kms:us-east-1:111122223333:key/{ABSENT}"])
def test_an_absent_key_is_an_error_that_names_it(read: Reader, name: str):
    with pytest.raises(KeyNotFoundError, match=ABSENT) as error:
        find_key(read, REGION, name)
    assert REGION in error.value.hint


def test_a_key_is_not_found_in_another_region(account: SimulatedAccount):
    arn = arn_of(account, "alias/fluo-production")
    elsewhere = Door(LiveTransport(account.session, account.clock), "eu-west-1").reader("find")

    for name in (arn, arn.rpartition("/")[2], "alias/fluo-production"):
        with pytest.raises(KeyNotFoundError, match="eu-west-1"):
            find_key(elsewhere, "eu-west-1", name)


def test_an_alias_arn_of_another_account_is_not_the_alias_of_this_one(account: SimulatedAccount, read: Reader):
    """The same name in another account or Region is another key."""
    own = alias_arn(arn_of(account, "alias/fluo-production"), "alias/fluo-production")

    for foreign in (own.replace(own.split(":")[4], "999999999999"), own.replace(REGION, "eu-west-1")):
        with pytest.raises(KeyNotFoundError) as error:
            find_key(read, REGION, foreign)
        assert foreign in error.value.message


def test_key_and_environment_may_not_contradict_each_other(account: SimulatedAccount, read: Reader):
    with pytest.raises(UsageError, match="two ways"):
        find_key(read, REGION, "alias/fluo-production", "staging")
    same = find_key(read, REGION, "alias/fluo-staging", "staging")
    assert same.arn == arn_of(account, "alias/fluo-staging")


# --- credentials and permissions -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["alias/fluo-production", ABSENT])
@pytest.mark.parametrize(
    "code",
    ["ExpiredTokenException", "UnrecognizedClientException", "InvalidSignatureException", "InvalidClientTokenId"],
)
def test_credentials_that_aws_does_not_accept_are_told_from_a_key_that_is_not_there(
    account: SimulatedAccount, read: Reader, name: str, code: str
):
    account.deny("kms:*", code, "words of AWS")

    with pytest.raises(CredentialsError, match="words of AWS") as error:
        find_key(read, REGION, name)
    assert "--profile" in error.value.hint


def test_without_credentials_the_error_says_so(account: SimulatedAccount):
    read = Door(OfflineTransport(account.clock), REGION).reader("find")

    with pytest.raises(CredentialsError, match="no AWS credentials"):
        find_key(read, REGION, "alias/fluo-production")


def test_a_full_arn_is_enough_when_describing_is_denied(account: SimulatedAccount, read: Reader):
    """The collectors state what was denied; the key is known all the same."""
    arn = arn_of(account, "alias/fluo-production")
    account.deny("kms:DescribeKey")

    assert find_key(read, REGION, arn) == FoundKey(arn, "its ARN")


@pytest.mark.parametrize(("name", "action"), [(ABSENT, "kms:DescribeKey"), ("fluo-production", "kms:ListAliases")])
def test_a_denied_look_up_is_not_a_missing_key(account: SimulatedAccount, read: Reader, name: str, action: str):
    account.deny(action)

    with pytest.raises(FluoAuditError) as error:
        find_key(read, REGION, name)
    assert not isinstance(error.value, KeyNotFoundError | CredentialsError)
    assert f"{action} answered AccessDenied" in error.value.message
    assert f"no key {name}" not in error.value.message
    assert error.value.hint == f"grant {action} to the collector"


def test_no_answer_is_not_a_missing_key(account: SimulatedAccount, read: Reader):
    account.fail("kms:ListAliases", "timeout")

    with pytest.raises(FluoAuditError, match="ConnectTimeout") as error:
        find_key(read, REGION, "fluo-production")
    assert not isinstance(error.value, KeyNotFoundError)


# --- names alone ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "region"),
    [
        (f"arn:aws:kms:eu-west-1:111122223333:key/{ABSENT}", "eu-west-1"),
        ("arn:aws-us-gov:kms:us-gov-west-1:111122223333:key/mrk-1234abcd12ab34cd56ef1234567890ab", "us-gov-west-1"),
        ("arn:aws-cn:kms:cn-north-1:111122223333:alias/fluo-production", "cn-north-1"),
        (ABSENT, ""),
        ("alias/fluo-production", ""),
        ("arn:aws:iam::111122223333:role/x", ""),
        ("", ""),
    ],
)
def test_an_arn_brings_its_region(name: str, region: str):
    assert region_of(name) == region


def test_only_a_whole_key_arn_names_a_key_without_asking():
    arn = f"arn:aws:kms:us-east-1:111122223333:key/{ABSENT}"

    assert from_arn(arn) == FoundKey(arn, "its ARN")
    for other in (ABSENT, f"{arn}/x", f"{arn}\n", arn.replace("key/", "alias/"), arn.replace("1111", "x")):
        assert from_arn(other) is None
