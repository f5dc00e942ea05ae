"""LookupEvents and the trail, as a client of AWS sees them."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives.serialization import load_der_public_key

from fluo_audit.sandbox.account import SimulatedAccount
from fluo_audit.sandbox.shapes import problems

NO_RETRY = Config(retries={"total_max_attempts": 1})


def by(key, value):
    return [{"AttributeKey": key, "AttributeValue": value}]


def client(account):
    return account.session.client("cloudtrail", config=NO_RETRY)


def lookup(account, **parameters):
    """Return all pages, at the pace AWS allows."""
    cloudtrail, pages, token = client(account), [], {}
    while True:
        account.clock.sleep(0.5)
        page = cloudtrail.lookup_events(**parameters, **token)
        pages.append(page["Events"])
        if "NextToken" not in page:
            return pages
        token = {"NextToken": page["NextToken"]}


def events(account, **parameters):
    return [event for page in lookup(account, **parameters) for event in page]


def code(error):
    return error.value.response["Error"]["Code"]


def test_the_pages_of_a_key_hold_every_event_once_newest_first(shared_account):
    key = shared_account.truth.key_arn
    pages = lookup(shared_account, LookupAttributes=by("ResourceName", key), EndTime=shared_account.truth.now)
    assert [len(page) for page in pages[:-1]] == [50] * (len(pages) - 1)
    ids = [event["EventId"] for page in pages for event in page]
    assert ids == list(reversed(shared_account.truth.visible_event_ids))


def test_an_event_repeats_its_record(shared_account):
    event = events(shared_account, LookupAttributes=by("EventName", "PutKeyPolicy"))[0]
    record = json.loads(event["CloudTrailEvent"])
    assert record["eventID"] == event["EventId"]
    assert record["eventTime"] == event["EventTime"].astimezone(tz=None).astimezone(
        shared_account.clock.now().tzinfo
    ).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert event["Resources"] == [{"ResourceType": "AWS::KMS::Key", "ResourceName": record["resources"][0]["ARN"]}]
    assert event["Username"] == "terraform"
    assert event["ReadOnly"] == "false"


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("EventSource", "ec2.amazonaws.com", {"RunInstances"}),
        ("ReadOnly", "false", {"RunInstances", "PutKeyPolicy", "RotateKey"}),
        ("ResourceType", "AWS::IAM::Role", {"AssumeRole"}),
        ("Username", "terraform", {"PutKeyPolicy", "RunInstances"}),
        ("Username", "debug", {"Decrypt"}),
    ],
)
def test_each_attribute_selects(shared_account, key, value, expected):
    found = events(shared_account, LookupAttributes=by(key, value), EndTime=shared_account.truth.now)
    assert {event["EventName"] for event in found} == expected


def test_the_resource_name_must_match_exactly(shared_account):
    assert events(shared_account, LookupAttributes=by("ResourceName", shared_account.truth.key_id)) == []
    assert events(shared_account, LookupAttributes=by("ResourceName", shared_account.truth.key_arn.upper())) == []


def test_start_and_end_are_inclusive(shared_account):
    newest = events(shared_account, LookupAttributes=by("EventName", "PutKeyPolicy"))[0]
    at = newest["EventTime"]
    found = events(shared_account, LookupAttributes=by("EventName", "PutKeyPolicy"), StartTime=at, EndTime=at)
    assert [event["EventId"] for event in found] == [newest["EventId"]]


def test_nothing_older_than_ninety_days_is_shown(shared_account):
    truth = shared_account.truth
    created = events(
        shared_account, LookupAttributes=by("EventName", "CreateKey"), StartTime=truth.created - timedelta(days=1)
    )
    assert created == []


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"MaxResults": 51}, "InvalidMaxResultsException"),
        ({"MaxResults": 1000}, "InvalidMaxResultsException"),
        (
            {"LookupAttributes": by("EventName", "Encrypt") + by("EventName", "Decrypt")},
            "InvalidLookupAttributesException",
        ),
        ({"LookupAttributes": by("Colour", "red")}, "InvalidLookupAttributesException"),
        ({"NextToken": "invented"}, "InvalidNextTokenException"),
        ({"EventCategory": "data"}, "InvalidEventCategoryException"),
    ],
)
def test_refused_requests_have_the_error_codes_of_aws(shared_account, parameters, expected):
    shared_account.clock.sleep(1)
    with pytest.raises(ClientError) as error:
        client(shared_account).lookup_events(**parameters)
    assert code(error) == expected


def test_a_reversed_time_range_is_refused(shared_account):
    shared_account.clock.sleep(1)
    now = shared_account.truth.now
    with pytest.raises(ClientError) as error:
        client(shared_account).lookup_events(StartTime=now, EndTime=now - timedelta(days=1))
    assert code(error) == "InvalidTimeRangeException"


def test_a_token_belongs_to_its_request(shared_account):
    shared_account.clock.sleep(1)
    cloudtrail = client(shared_account)
    token = cloudtrail.lookup_events(LookupAttributes=by("EventName", "Encrypt"))["NextToken"]
    with pytest.raises(ClientError) as error:
        cloudtrail.lookup_events(LookupAttributes=by("EventName", "Decrypt"), NextToken=token)
    assert code(error) == "InvalidNextTokenException"


def test_the_third_call_in_a_second_is_throttled_until_the_simulated_clock_moves(account):
    cloudtrail = client(account)
    cloudtrail.lookup_events()
    cloudtrail.lookup_events()
    with pytest.raises(ClientError) as error:
        cloudtrail.lookup_events()
    assert code(error) == "ThrottlingException"
    account.clock.sleep(0.5)
    assert cloudtrail.lookup_events()["Events"]


def test_other_regions_have_their_own_rate_and_no_events(account):
    for _ in range(2):
        client(account).lookup_events()
    elsewhere = account.session_in("eu-west-1").client("cloudtrail", config=NO_RETRY)
    assert elsewhere.lookup_events()["Events"] == []


def test_own_calls_become_events_after_the_delay_with_the_request_id_of_the_answer(account):
    kms = account.session.client("kms")
    answer = kms.describe_key(KeyId=account.truth.key_arn)
    mine = by("Username", "export")
    assert events(account, LookupAttributes=mine) == []
    account.clock.sleep(300)
    records = [json.loads(event["CloudTrailEvent"]) for event in events(account, LookupAttributes=mine)]
    described = [record for record in records if record["eventName"] == "DescribeKey"]
    assert [record["requestID"] for record in described] == [answer["ResponseMetadata"]["RequestId"]]
    assert described[0]["requestParameters"] == {"keyId": account.truth.key_arn}


def test_events_made_between_two_pages_shift_no_page():
    with SimulatedAccount(delivery_delay=timedelta(0)) as account:
        cloudtrail = client(account)
        first = cloudtrail.lookup_events(EndTime=account.truth.now + timedelta(days=1))
        account.session.client("kms").list_keys()
        account.clock.sleep(1)
        second = cloudtrail.lookup_events(EndTime=account.truth.now + timedelta(days=1), NextToken=first["NextToken"])
        assert not {event["EventId"] for event in first["Events"]} & {event["EventId"] for event in second["Events"]}


def test_the_trail_logs_all_regions_with_validation_and_its_own_key(shared_account):
    trail = client(shared_account).describe_trails()["trailList"][0]
    assert trail["Name"] == "main-trail"
    assert trail["IsMultiRegionTrail"]
    assert trail["LogFileValidationEnabled"]
    assert trail["KmsKeyId"].startswith("arn:aws:kms:")
    assert trail["KmsKeyId"] != shared_account.truth.key_arn


def test_elsewhere_the_trail_is_a_shadow_trail(shared_account):
    elsewhere = shared_account.session_in("eu-west-1").client("cloudtrail")
    assert [trail["HomeRegion"] for trail in elsewhere.describe_trails()["trailList"]] == ["us-east-1"]
    assert elsewhere.describe_trails(includeShadowTrails=False)["trailList"] == []


def test_describe_trails_honours_the_names(shared_account):
    assert client(shared_account).describe_trails(trailNameList=["other-trail"])["trailList"] == []


def test_the_last_delivery_lies_minutes_back_on_the_simulated_clock(shared_account):
    status = client(shared_account).get_trail_status(Name="main-trail")
    age = shared_account.clock.now() - status["LatestDeliveryTime"]
    assert status["IsLogging"]
    assert timedelta(0) < age < timedelta(minutes=10)
    assert "LatestDeliveryError" not in status


def test_a_stopped_trail_has_no_fresh_delivery(account):
    client(account).stop_logging(Name="main-trail")
    status = client(account).get_trail_status(Name="main-trail")
    assert not status["IsLogging"]
    assert status["StopLoggingTime"] == account.clock.now()
    assert "LatestDeliveryTime" not in status


def test_a_trail_has_the_default_selector_until_it_gets_another(account):
    cloudtrail = client(account)
    selectors = cloudtrail.get_event_selectors(TrailName="main-trail")["EventSelectors"]
    assert selectors == [
        {
            "ReadWriteType": "All",
            "IncludeManagementEvents": True,
            "DataResources": [],
            "ExcludeManagementEventSources": [],
        }
    ]
    narrow = {"ReadWriteType": "WriteOnly", "ExcludeManagementEventSources": ["kms.amazonaws.com"]}
    cloudtrail.put_event_selectors(TrailName="main-trail", EventSelectors=[narrow])
    changed = cloudtrail.get_event_selectors(TrailName="main-trail")["EventSelectors"]
    assert changed[0]["ExcludeManagementEventSources"] == ["kms.amazonaws.com"]


def public_keys(account, region="us-east-1", **parameters):
    cloudtrail = account.session_in(region).client("cloudtrail", config=NO_RETRY)
    return cloudtrail.list_public_keys(**parameters)["PublicKeyList"]


def test_the_public_key_is_the_present_one_unless_a_time_is_told(shared_account):
    (listed,) = public_keys(shared_account)
    assert load_der_public_key(listed["Value"]).key_size == 2048
    assert listed["Fingerprint"] == hashlib.md5(listed["Value"], usedforsecurity=False).hexdigest()
    assert listed["ValidityStartTime"] < shared_account.clock.now() < listed["ValidityEndTime"]


def test_the_public_keys_of_a_time_are_those_that_signed_in_it(shared_account):
    now, days = shared_account.truth.now, timedelta(days=1)
    old, new = public_keys(shared_account, StartTime=now - 90 * days, EndTime=now)
    assert old["ValidityEndTime"] == new["ValidityStartTime"]
    assert public_keys(shared_account, StartTime=now - 90 * days, EndTime=now - 70 * days) == [old]
    assert public_keys(shared_account, StartTime=now - 50 * days) == [new]
    assert public_keys(shared_account, StartTime=now - 999 * days, EndTime=now - 998 * days) == []


def test_every_region_has_keys_of_its_own(shared_account):
    now = shared_account.truth.now
    here, there = (
        {key["Fingerprint"] for key in public_keys(shared_account, region, StartTime=now - timedelta(days=90))}
        for region in ("us-east-1", "eu-west-1")
    )
    assert (len(here), len(there), here & there) == (2, 1, set())


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"NextToken": "foreign"}, "InvalidTokenException"),
        ({"StartTime": 2000000000, "EndTime": 1000000000}, "InvalidTimeRangeException"),
    ],
)
def test_refused_requests_for_public_keys(shared_account, parameters, expected):
    with pytest.raises(ClientError) as error:
        client(shared_account).list_public_keys(**parameters)
    assert code(error) == expected


def test_the_raw_answer_of_lookup_events_holds_only_declared_members(shared_account):
    shared_account.clock.sleep(1)
    answer = client(shared_account).lookup_events()
    assert problems("cloudtrail", "LookupEvents", answer) == []
