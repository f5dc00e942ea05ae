"""The one key that a name means; or why not, and what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from fluo_audit.aws.door import Door, Reader
from fluo_audit.aws.live import LiveTransport, OfflineTransport
from fluo_audit.aws.permissions import FIND_READS
from fluo_audit.errors import CredentialsError, FluoAuditError, KeyNotFoundError, UsageError
from fluo_audit.provision.find import FoundKey, find_key, find_unasked, from_arn
from fluo_audit.provision.key_name import KeyName
from fluo_audit.sandbox.account import SimulatedAccount

REGION = "us-east-1"
ABSENT = "0a0a0a0a-0a0a-0a0a-0a0a-0a0a0a0a0a0a"


@pytest.fixture
def account() -> Iterator[SimulatedAccount]:
    with SimulatedAccount() as account:
        yield account


@pytest.fixture
def read(account: SimulatedAccount) -> Reader:
    return Door(LiveTransport(account.session, account.clock), REGION, FIND_READS).reader("find")


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


# --- tags ----------------------------------------------------------------------------------------------------------------


def without_aliases(account: SimulatedAccount) -> None:
    for alias in ("alias/fluo-production", "alias/fluo-staging"):
        account.session.client("kms").delete_alias(AliasName=alias)


@pytest.mark.parametrize(
    ("environment", "tags"),
    [
        ("", "Purpose=fluo-backend-encryption"),
        ("production", "Purpose=fluo-backend-encryption, Environment=production"),
    ],
)
def test_a_key_without_alias_is_found_by_the_tags_of_the_module(
    account: SimulatedAccount, read: Reader, environment: str, tags: str
):
    arn = arn_of(account, "alias/fluo-production")
    without_aliases(account)

    assert find_key(read, REGION, "", environment) == FoundKey(arn, f"tags {tags}")


def test_tags_of_another_environment_do_not_count_and_the_error_tells_what_was_tried(
    account: SimulatedAccount, read: Reader
):
    without_aliases(account)

    with pytest.raises(KeyNotFoundError) as error:
        find_key(read, REGION, "", "qa")
    assert error.value.message == (
        "no alias alias/fluo-qa in us-east-1, "
        "and no key there is tagged Purpose=fluo-backend-encryption, Environment=qa"
    )


def test_several_tagged_keys_are_listed_and_none_is_chosen(account: SimulatedAccount, read: Reader):
    arn = arn_of(account, "alias/fluo-production")
    without_aliases(account)
    kms = account.session.client("kms")
    second = kms.create_key(Tags=[{"TagKey": "Purpose", "TagValue": "fluo-backend-encryption"}])["KeyMetadata"]["Arn"]
    account.clock.sleep(60)  # the index of tags follows later

    with pytest.raises(KeyNotFoundError, match="2 keys there are tagged") as error:
        find_key(read, REGION)
    assert arn in error.value.message
    assert second in error.value.message


def test_an_alias_that_was_named_is_not_looked_for_by_tags(account: SimulatedAccount, read: Reader):
    without_aliases(account)

    with pytest.raises(KeyNotFoundError, match=r"no alias alias/fluo-production in us-east-1$"):
        find_key(read, REGION, "alias/fluo-production")


def test_denied_tags_say_what_to_grant(account: SimulatedAccount, read: Reader):
    without_aliases(account)
    account.deny("resourcegroupstaggingapi:GetResources")

    with pytest.raises(
        FluoAuditError, match="no alias alias/fluo-production in us-east-1, and the key tagged"
    ) as error:
        find_key(read, REGION, "", "production")
    assert not isinstance(error.value, KeyNotFoundError)
    assert error.value.hint == "grant tag:GetResources to the collector"


# --- several sources -----------------------------------------------------------------------------------------------------


def written(value: str, file: str = "application.properties", region: str = "", reason: str = "") -> KeyName:
    return KeyName(value, file, "place", region, reason)


def test_an_alias_an_arn_and_an_id_agree_when_they_are_one_key(account: SimulatedAccount, read: Reader):
    arn = arn_of(account, "alias/fluo-production")
    names = (
        written(arn),
        written(arn.rpartition("/")[2], "backend.env", REGION),
        written("alias/fluo-production", "outputs.json"),
        written(alias_arn(arn, "alias/fluo-production"), "outputs.json"),
    )

    found = find_key(read, REGION, "", "production", names)

    assert found == FoundKey(arn, "alias/fluo-production, application.properties, backend.env, outputs.json (agree)")
    assert [said.source for said in found.said] == [
        "--environment production",
        "application.properties: place",
        "backend.env: place",
        "outputs.json: place",
        "outputs.json: place",
    ]


def test_one_file_is_enough_and_nothing_else_is_asked(account: SimulatedAccount, read: Reader):
    arn = arn_of(account, "alias/fluo-production")
    account.deny("kms:ListAliases")

    assert find_key(read, REGION, written=(written(arn),)) == FoundKey(arn, "application.properties")


def test_sources_that_disagree_are_all_listed_with_the_keys_they_name(account: SimulatedAccount, read: Reader):
    production, staging = (arn_of(account, f"alias/fluo-{name}") for name in ("production", "staging"))

    with pytest.raises(KeyNotFoundError) as error:
        find_key(read, REGION, "alias/fluo-production", written=(written(staging), written(production, "outputs.json")))
    assert error.value.message == (
        f"the sources do not name one key: --key names {production}; "
        f"application.properties: place names {staging}; outputs.json: place names {production}"
    )


@pytest.mark.parametrize("absent", [ABSENT, f"arn:aws:kms:us-east-1:111122223333:key/{ABSENT}", "alias/fluo-nothing"])
def test_a_name_of_no_key_is_a_disagreement(account: SimulatedAccount, read: Reader, absent: str):
    """A configuration that names a key which is not there is what the audit is for."""
    arn = arn_of(account, "alias/fluo-production")

    with pytest.raises(KeyNotFoundError, match="do not name one key") as error:
        find_key(read, REGION, arn, written=(written(absent),))
    assert (
        f"application.properties: place: no {'alias' if 'alias/' in absent else 'key'} {absent}" in error.value.message
    )


@pytest.mark.parametrize("elsewhere", ["id", "arn"])
def test_a_key_in_another_region_than_asked_is_a_disagreement(account: SimulatedAccount, read: Reader, elsewhere: str):
    arn = arn_of(account, "alias/fluo-production")
    other = written(arn.replace(REGION, "eu-west-1"))
    if elsewhere == "id":
        other = written(arn.rpartition("/")[2], region="eu-west-1")

    for names in ((other,), (written(arn, "outputs.json"), other)):
        with pytest.raises(KeyNotFoundError, match="eu-west-1"):
            find_key(read, REGION, written=names)


def test_a_source_that_says_nothing_is_told_while_another_names_the_key(account: SimulatedAccount, read: Reader):
    arn = arn_of(account, "alias/fluo-production")
    silent = written("", reason="not there")

    found = find_key(read, REGION, "", "production", (silent,))

    assert found == FoundKey(arn, "alias/fluo-production")
    assert [(said.source, said.arn, said.reason) for said in found.said] == [
        ("--environment production", arn, ""),
        ("application.properties: place", "", "not there"),
    ]
    with pytest.raises(KeyNotFoundError, match=r"no source names the key: application.properties: place: not there"):
        find_key(read, REGION, written=(silent,))


def test_a_denied_read_is_a_stated_reason_while_another_source_names_the_key(account: SimulatedAccount, read: Reader):
    arn = arn_of(account, "alias/fluo-production")
    without_aliases(account)
    account.deny("resourcegroupstaggingapi:GetResources")

    found = find_key(read, REGION, "", "production", (written(arn),))

    assert found == FoundKey(arn, "application.properties")
    assert "resourcegroupstaggingapi:GetResources answered AccessDenied" in found.said[0].reason
    account.deny("kms:*")
    with pytest.raises(KeyNotFoundError, match="no source names the key") as error:
        find_key(read, REGION, "", "production", (written(arn.rpartition("/")[2]),))
    assert error.value.hint == "grant kms:ListAliases to the collector"


def test_credentials_that_are_not_accepted_end_it_whatever_else_is_named(account: SimulatedAccount, read: Reader):
    arn = arn_of(account, "alias/fluo-production")
    account.deny("kms:ListAliases", "ExpiredTokenException")

    with pytest.raises(CredentialsError):
        find_key(read, REGION, "", "production", (written(arn),))


# --- without credentials -------------------------------------------------------------------------------------------------

ABSENT_ARN = f"arn:aws:kms:us-east-1:111122223333:key/{ABSENT}"


def test_without_credentials_full_arns_are_enough():
    alone = find_unasked(REGION, ABSENT_ARN, "", ())
    both = find_unasked(REGION, ABSENT_ARN, "", (written(ABSENT_ARN),))
    file = find_unasked(REGION, "", "production", (written(ABSENT_ARN), written("alias/x", "outputs.json")))

    assert alone == FoundKey(ABSENT_ARN, "its ARN")
    assert both == FoundKey(ABSENT_ARN, "its ARN, application.properties (agree)")
    assert file == FoundKey(ABSENT_ARN, "application.properties")
    assert [said.reason for said in file.said if not said.arn] == ["not looked up: no AWS credentials"] * 2


def test_without_credentials_other_names_are_not_enough_and_a_disagreement_is_one():
    for name, names in (("alias/fluo-production", ()), ("", (written("alias/x"),)), ("", ())):
        with pytest.raises(CredentialsError, match="full ARN"):
            find_unasked(REGION, name, "production", names)
    with pytest.raises(KeyNotFoundError, match="do not name one key"):
        find_unasked(REGION, ABSENT_ARN, "", (written(ABSENT_ARN.replace("0a0a0a0a-", "0b0b0b0b-", 1)),))


# --- names alone ---------------------------------------------------------------------------------------------------------


def test_only_a_whole_key_arn_names_a_key_without_asking():
    arn = f"arn:aws:kms:us-east-1:111122223333:key/{ABSENT}"

    assert from_arn(arn) == FoundKey(arn, "its ARN")
    for other in (ABSENT, f"{arn}/x", f"{arn}\n", arn.replace("key/", "alias/"), arn.replace("1111", "x")):
        assert from_arn(other) is None
