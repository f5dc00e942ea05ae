"""CloudTrail: Event history and what the trail tells about itself."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from fluo_audit.sandbox import signing, wire
from fluo_audit.sandbox.ledger import ATTRIBUTES, span
from fluo_audit.sandbox.paging import BadMarkerError, page_of, read_marker, write_marker
from fluo_audit.sandbox.records import record_json
from fluo_audit.sandbox.wire import AwsError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fluo_audit.sandbox.clock import SimulatedClock
    from fluo_audit.sandbox.delivery import Delivery
    from fluo_audit.sandbox.gateway import Operation, Request
    from fluo_audit.sandbox.ledger import Event, Ledger
    from fluo_audit.sandbox.signing import SigningKeys
    from fluo_audit.sandbox.wire import HttpAnswer

PAGE = 50
HORIZON = timedelta(days=90)
RATE = 2.0  # LookupEvents a second, per account and Region; shared by everybody in the account
_DEFAULT_SELECTOR = {
    "ReadWriteType": "All",
    "IncludeManagementEvents": True,
    "DataResources": [],
    "ExcludeManagementEventSources": [],
}
_LOGGING = {"Start": "TimeLoggingStarted", "Stop": "TimeLoggingStopped"}
_LAST_DELIVERY = timedelta(minutes=4)
_KEYS_A_PAGE = 10


class TokenBucket:
    """Lets `rate` calls a second through, on the simulated clock."""

    def __init__(self, clock: SimulatedClock, rate: float) -> None:
        self._clock = clock
        self._rate = self._tokens = rate
        self._last = clock.monotonic()

    def take(self) -> bool:
        """Take one token, or return False when there is none."""
        present = self._clock.monotonic()
        self._tokens = min(self._rate, self._tokens + (present - self._last) * self._rate)
        self._last = present
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class CloudTrail:
    """LookupEvents over the ledger; trails as moto keeps them, told as AWS tells them."""

    def __init__(
        self, clock: SimulatedClock, ledger: Ledger, delay: timedelta, delivery: Delivery, keys: SigningKeys
    ) -> None:
        self._clock = clock
        self._ledger = ledger
        self._delay = delay
        self._delivery = delivery
        self._signing = keys
        self._buckets: dict[str, TokenBucket] = {}

    @property
    def operations(self) -> Mapping[str, Operation]:
        """Return the operations that stand before moto's."""
        return {
            "LookupEvents": self.lookup_events,
            "DescribeTrails": self.describe_trails,
            "GetTrail": self.get_trail,
            "GetTrailStatus": self.get_trail_status,
            "GetEventSelectors": self.get_event_selectors,
            "ListPublicKeys": self.list_public_keys,
        }

    def lookup_events(self, request: Request) -> HttpAnswer:
        """Return up to 50 events, newest first, of the last 90 days."""
        region = request.call.region
        if not self._buckets.setdefault(region, TokenBucket(self._clock, RATE)).take():
            raise AwsError("ThrottlingException", "Rate exceeded")
        parameters = dict(request.parameters)
        token, size = parameters.pop("NextToken", None), parameters.get("MaxResults", PAGE)
        events = self._candidates(parameters, size)
        low, high = self._window(parameters, events)
        try:
            high = read_marker(parameters, token) if token is not None else high
        except BadMarkerError:
            raise AwsError("InvalidNextTokenException", "Invalid Next Token") from None
        page: list[Event] = []
        while high > low and len(page) < size:
            high -= 1
            if events[high].region == region:
                page.append(events[high])
        answer: dict[str, Any] = {"Events": [_listed(event) for event in page]}
        if any(event.region == region for event in events[low:high]):
            answer["NextToken"] = write_marker(parameters, high)
        return wire.write_json(request.call, json.dumps(answer))

    def _candidates(self, parameters: Mapping[str, Any], size: int) -> Sequence[Event]:
        """Return the events with the attribute asked for, oldest first. Raises AwsError for a request AWS refuses."""
        if not 1 <= size <= PAGE:
            bound = "less than or equal to 50" if size > PAGE else "greater than or equal to 1"
            message = f"Value '{size}' at 'maxResults' failed to satisfy constraint: Member must have value {bound}"
            raise AwsError("InvalidMaxResultsException", f"1 validation error detected: {message}")
        if parameters.get("EventCategory", "insight") != "insight":
            raise AwsError("InvalidEventCategoryException", "The event category is not valid")
        if "EventCategory" in parameters:
            return ()  # the account has no Insights events
        attributes = parameters.get("LookupAttributes") or []
        if len(attributes) > 1:
            raise AwsError("InvalidLookupAttributesException", "You can only use one lookup attribute in a request")
        if not attributes:
            return self._ledger.all()
        key, value = attributes[0].get("AttributeKey"), attributes[0].get("AttributeValue")
        if key not in ATTRIBUTES or not value:
            raise AwsError("InvalidLookupAttributesException", f"Invalid lookup attribute: {key}")
        return self._ledger.having(key, value)

    def _window(self, parameters: Mapping[str, Any], events: Sequence[Event]) -> tuple[int, int]:
        """Return the positions of the events to be seen: asked for, at most 90 days old, and already delivered."""
        present = self._clock.now()
        start, end = parameters.get("StartTime", present - HORIZON), parameters.get("EndTime", present)
        if start > end:
            raise AwsError("InvalidTimeRangeException", "The start time must be before the end time")
        # What AWS does with a start before its 90 days is not documented; here it answers with what it has.
        return span(events, max(start, present - HORIZON), min(end, present - self._delay))

    def describe_trails(self, request: Request) -> dict[str, Any]:
        """Return the trails; a trail of another Region is a shadow trail here."""
        wanted = request.parameters.get("trailNameList") or []
        shadows = request.parameters.get("includeShadowTrails", True)
        trails = [_without_nothing(trail) for trail in request.moto()["trailList"]]
        return {
            "trailList": [
                trail
                for trail in trails
                if (not wanted or trail["Name"] in wanted or trail["TrailARN"] in wanted)
                and (shadows or trail["HomeRegion"] == request.call.region)
            ]
        }

    def get_trail(self, request: Request) -> dict[str, Any]:
        """Return one trail with its home Region, which moto leaves out."""
        trail = _without_nothing(request.moto()["Trail"])
        return {"Trail": trail | {"HomeRegion": trail["TrailARN"].split(":")[3]}}

    def get_trail_status(self, request: Request) -> dict[str, Any]:
        """Return whether the trail logs, and when it last delivered, on the simulated clock: not before it started."""
        known = request.moto()
        status: dict[str, Any] = {"IsLogging": known["IsLogging"]}
        for event in ("Start", "Stop"):
            # moto's own StartLoggingTime depends on the time zone of the machine, its text does not.
            if text := known.get(_LOGGING[event]):
                status |= {f"{event}LoggingTime": datetime.fromisoformat(text), _LOGGING[event]: text}
        if known["IsLogging"]:
            status |= self._deliveries(request, status["StartLoggingTime"])
        return status

    def _deliveries(self, request: Request, started: datetime) -> dict[str, Any]:
        """Return what the trail delivered last. A trail that was just started has delivered nothing."""
        present = self._clock.now().replace(microsecond=0)
        delivered = present - _LAST_DELIVERY
        if delivered < started:
            return {}
        told: dict[str, Any] = {
            "LatestDeliveryTime": delivered,
            "LatestDeliveryAttemptTime": _iso(delivered),
            "LatestDeliveryAttemptSucceeded": _iso(delivered),
        }
        name, trails = request.parameters["Name"], request.ask("DescribeTrails")["trailList"]
        trail = next(one for one in trails if name in {one["Name"], one["TrailARN"]})
        if trail.get("CloudWatchLogsLogGroupArn"):
            told["LatestCloudWatchLogsDeliveryTime"] = delivered
        digest = self._delivery.last_digest(trail["Name"])
        return told | ({"LatestDigestDeliveryTime": digest} if digest else {})

    def get_event_selectors(self, request: Request) -> dict[str, Any]:
        """Return the selectors; a trail nobody configured has one that takes all management events."""
        known = _without_nothing(request.moto())
        if not known.get("EventSelectors") and not known.get("AdvancedEventSelectors"):
            known["EventSelectors"] = [_DEFAULT_SELECTOR]
        return {name: value for name, value in known.items() if value}

    def list_public_keys(self, request: Request) -> dict[str, Any]:
        """Return the keys that sign the digest files of this Region in a time; the present one unless it is told."""
        parameters = dict(request.parameters)
        token, present = parameters.pop("NextToken", None), self._clock.now()
        start, end = parameters.get("StartTime", present), parameters.get("EndTime", present)
        if start > end:
            raise AwsError("InvalidTimeRangeException", "The start time must be before the end time")
        keys = [key for key in self._signing.of(request.call.region) if key.start <= end and start < key.end]
        try:
            page, following = page_of(keys, _KEYS_A_PAGE, token, parameters)
        except BadMarkerError:
            raise AwsError("InvalidTokenException", "The token is invalid") from None
        listed = [
            {
                "Value": signing.public_key_der(key.primes),
                "ValidityStartTime": key.start,
                "ValidityEndTime": key.end,
                "Fingerprint": signing.fingerprint(key.primes),
            }
            for key in page
        ]
        return {"PublicKeyList": listed} | ({"NextToken": following} if following else {})


def _listed(event: Event) -> dict[str, Any]:
    listed: dict[str, Any] = {
        "EventId": event.id,
        "EventName": event.name,
        "ReadOnly": "true" if event.read_only else "false",
        "EventTime": int(event.time.timestamp()),
        "EventSource": event.source,
        "Resources": [_without_nothing({"ResourceType": one.type, "ResourceName": one.arn}) for one in event.resources],
        "CloudTrailEvent": record_json(event),
    }
    if event.identity.username:
        listed["Username"] = event.identity.username
    if event.identity.access_key:
        listed["AccessKeyId"] = event.identity.access_key
    return listed


def _without_nothing(answer: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if value is not None}


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
