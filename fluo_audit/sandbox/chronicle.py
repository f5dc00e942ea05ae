"""Write the story down as events: set-up, rotations, policy change, refusals, and the backend's daily traffic."""

from __future__ import annotations

from bisect import bisect
from datetime import timedelta
from functools import lru_cache
from operator import attrgetter
from random import Random
from typing import TYPE_CHECKING, Any

from fluo_audit.sandbox import identities, story
from fluo_audit.sandbox.identities import Roles
from fluo_audit.sandbox.ledger import ACCOUNT, Event, Identity, Resource
from fluo_audit.sandbox.resources import KEY_POLICY, policy_text
from fluo_audit.sandbox.story import Calendar

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from fluo_audit.sandbox.story import KeyStory

KMS = "kms.amazonaws.com"
JAVA = "aws-sdk-java/2.31.20 md/io#async md/http#NettyNio ua/2.1 os/Linux#6.1 lang/java#21.0.5 exec-env/EC2"
TERRAFORM = "APN/1.0 HashiCorp/1.0 Terraform/1.11.4 terraform-provider-aws/5.99.0"
CONSOLE = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"
OFFICE = "203.0.113.24"  # documentation range, RFC 5737
VPC_ENDPOINT = "vpce-0a61c4fc2f24b9a61"
TLS = {
    "tlsVersion": "TLSv1.3",
    "cipherSuite": "TLS_AES_128_GCM_SHA256",
    "clientProvidedHostHeader": "kms.us-east-1.amazonaws.com",
}
TENANTS = ("acme", "borealis", "cobalt", "delta-health", "everest")

_NETWORK = {"vpcEndpointId": VPC_ENDPOINT, "tlsDetails": TLS}

# Requests a day, before the weekly and daily shape: about 1,000, 500 and 100 a month.
_DAILY = {"GenerateDataKey": 32.9, "Encrypt": 16.4, "Decrypt": 3.3}
_WEEKDAY, _WEEKEND = 1.25, 0.375
_SATURDAY = 5
_HOURS = (1, 1, 1, 1, 1, 2, 4, 8, 14, 18, 18, 16, 14, 16, 18, 18, 16, 12, 8, 5, 4, 3, 2, 1)
_CONTEXTS = tuple({"purpose": purpose, "tenantId": tenant} for purpose in story.PURPOSES for tenant in TENANTS)
_CONTEXT_WEIGHTS = (7,) * len(TENANTS) + (3,) * len(TENANTS)  # seven in ten calls are for redaction
_TYPED = (0.70, 0.85, 0.95)  # up to here the alias, the id, the ARN; the rest is the ARN of the alias
_WITHOUT_TYPE = 0.25
_KEY_SPEC, _ALGORITHM = ("keySpec", "AES_256"), ("encryptionAlgorithm", "SYMMETRIC_DEFAULT")
_ADDRESSES = ("10.0.11.20", "10.0.12.27", "10.0.13.34")
_INSTANCES, _INSTANCE_LIFE_DAYS = len(_ADDRESSES), 30
_UUID_MASK = ~((0xF << 76) | (0x3 << 62))
_UUID_4 = (0x4 << 76) | (0x2 << 62)
DELIVERY = timedelta(minutes=10)  # the youngest traffic lies this far back


@lru_cache(maxsize=2)
def past_of(
    now: datetime, seed: int, key: KeyStory, staging: KeyStory, roles: tuple[tuple[str, str], ...]
) -> tuple[Event, ...]:
    """Return every event of an account, oldest first. Kept, because accounts of one clock and seed share their past."""
    chronicle = Chronicle(Calendar(now), seed, Roles(dict(roles)), key, staging)
    return tuple(sorted(chronicle.events(), key=attrgetter("time")))


class Chronicle:
    """The events of the account from its first day to now, from one seed."""

    def __init__(self, calendar: Calendar, seed: int, roles: Roles, key: KeyStory, staging: KeyStory) -> None:
        self._calendar = calendar
        self._seed = seed
        self._roles = roles
        self._key = key
        self._staging = staging
        self._random = Random(f"{seed}/chronicle")  # noqa: S311 - repeatable on purpose, no secret
        self._sessions: dict[tuple[str, int, int], Identity] = {}

    def events(self) -> Iterator[Event]:
        """Yield every event, in no particular order."""
        yield from self._set_up(self._key, story.TAGS)
        yield from self._set_up(self._staging, story.STAGING_TAGS)
        yield from self._rotations()
        yield from self._changes()
        yield from self._refusals()
        yield self._without_purpose()
        yield from self._neighbours()
        for days in range(story.FIRST_REQUEST, -1, -1):
            yield from self._traffic(days)
        yield from self._trail()

    def _event(self, when: datetime, name: str, identity: Identity, source: str = KMS, **fields: Any) -> Event:
        fields.setdefault("request_id", _uuid(self._random))
        return Event(
            time=when,
            id=_uuid(self._random),
            source=source,
            name=name,
            region=story.REGION,
            identity=identity,
            **fields,
        )

    def _admin(self, when: datetime, name: str, key: KeyStory, parameters: Mapping[str, Any], **fields: Any) -> Event:
        session = self._roles.session(identities.ADMIN, "terraform", identities.session_key(self._random), when)
        usual: dict[str, Any] = {
            "user_agent": TERRAFORM,
            "resources": (_resource(key),),
            "read_only": False,
            "extra": {"tlsDetails": TLS},
        }
        return self._event(when, name, session, source_ip=OFFICE, parameters=parameters, **(usual | fields))

    def _set_up(self, key: KeyStory, tags: Mapping[str, str]) -> Iterator[Event]:
        at = key.created
        listed = [{"tagKey": name, "tagValue": value} for name, value in tags.items()]
        metadata = {
            "keyId": key.id,
            "arn": key.arn,
            "aWSAccountId": ACCOUNT,
            "keyState": "Enabled",
            "keyUsage": "ENCRYPT_DECRYPT",
        }
        created = {"policy": policy_text(KEY_POLICY), "keyUsage": "ENCRYPT_DECRYPT", "keySpec": "SYMMETRIC_DEFAULT"}
        yield self._admin(at, "CreateKey", key, created, response={"keyMetadata": metadata})
        rotation = {"keyId": key.id, "rotationPeriodInDays": story.PERIOD_DAYS}
        yield self._admin(at + timedelta(seconds=2), "EnableKeyRotation", key, rotation)
        yield self._admin(at + timedelta(seconds=3), "TagResource", key, {"keyId": key.id, "tags": listed})
        both = (Resource(key.alias_arn, "AWS::KMS::Alias"), _resource(key))
        yield self._admin(
            at + timedelta(seconds=4),
            "CreateAlias",
            key,
            {"aliasName": key.alias, "targetKeyId": key.id},
            resources=both,
        )

    def _rotations(self) -> Iterator[Event]:
        for number, rotation in enumerate(self._key.rotations, start=1):
            previous = story.material_id(self._key.id, number - 1)
            yield rotation_event(self._key.arn, rotation, previous, _uuid(self._random))

    def _changes(self) -> Iterator[Event]:
        key, calendar = self._key, self._calendar
        parameters = {"keyId": key.id}
        disabled = calendar.day(story.ROTATION_DISABLED) + timedelta(hours=14, minutes=2, seconds=51)
        yield self._admin(disabled, "DisableKeyRotation", key, parameters, user_agent=CONSOLE)
        # The time of day is that of the rotations: AWS counts the period from the moment rotation is enabled.
        enabled = calendar.morning(story.ROTATION_ENABLED)
        parameters_enabled = parameters | {"rotationPeriodInDays": story.PERIOD_DAYS}
        yield self._admin(enabled, "EnableKeyRotation", key, parameters_enabled, user_agent=CONSOLE)
        put = {
            "keyId": key.id,
            "policyName": "default",
            "policy": policy_text(KEY_POLICY),
            "bypassPolicyLockoutSafetyCheck": False,
        }
        changed = calendar.day(story.POLICY_CHANGED) + timedelta(hours=10, minutes=31, seconds=8)
        yield self._admin(changed, "PutKeyPolicy", key, put)

    def _refusals(self) -> Iterator[Event]:
        for days, count in story.DENIED_BATCH.items():
            at = self._calendar.day(days) + timedelta(hours=1, minutes=30)
            identity = self._instance_session(identities.BATCH, days, 0)
            for number in range(count):
                operation = "GenerateDataKey" if number % 4 == 3 else "Decrypt"  # noqa: PLR2004 - every fourth
                yield self._denied(at + timedelta(seconds=97 * number), operation, identity)
        for days in story.DENIED_ELSEWHERE:
            at = self._calendar.day(days) + timedelta(hours=11, minutes=self._random.randrange(60))
            identity = self._roles.session(identities.DEVELOPER, "debug", identities.session_key(self._random), at)
            yield self._denied(at, "Decrypt", identity)

    def _denied(self, when: datetime, operation: str, identity: Identity) -> Event:
        # Whether a denied record always carries `resources` is not documented; these do, and the message names the key.
        message = (
            f"User: {identity.arn} is not authorized to perform: kms:{operation} on resource: {self._key.arn} "
            f"because no identity-based policy allows the kms:{operation} action"
        )
        return self._event(
            when, operation, identity,
            read_only=True, source_ip="10.0.31.7", user_agent=JAVA, resources=(_resource(self._key),),
            error_code="AccessDenied", error_message=message, extra=_NETWORK,
        )  # fmt: skip

    def _without_purpose(self) -> Event:
        when = self._calendar.day(story.WITHOUT_PURPOSE) + timedelta(hours=10, minutes=20, seconds=33)
        context = {"tenantId": TENANTS[0], "keyType": "signing"}
        return self._use(
            self._random, when, "GenerateDataKey", days=story.WITHOUT_PURPOSE, key=self._key, context=context
        )

    def _traffic(self, days: int) -> Iterator[Event]:
        """Yield one day of the backend's calls. Each day has random numbers of its own: no day affects another."""
        random = Random(f"{self._seed}/day/{days}")  # noqa: S311 - repeatable on purpose, no secret
        midnight, latest = self._calendar.day(days), self._calendar.now - DELIVERY
        shape = (_WEEKDAY if midnight.weekday() < _SATURDAY else _WEEKEND) * random.uniform(0.85, 1.15)
        for operation, mean in _DAILY.items():
            count = round(mean * shape)
            hours = random.choices(range(24), _HOURS, k=count)
            contexts = random.choices(_CONTEXTS, _CONTEXT_WEIGHTS, k=count)
            for hour, context in zip(hours, contexts, strict=True):
                when = midnight + timedelta(hours=hour, seconds=int(random.random() * 3600))
                if when <= latest:
                    yield self._use(random, when, operation, days=days, key=self._key, context=context)
        if midnight.weekday() == 0 and days:
            when = midnight + timedelta(hours=7, minutes=random.randrange(60))
            identity = self._instance_session(identities.BACKEND, days, 0)
            yield self._event(
                when, "DescribeKey", identity, read_only=True, source_ip=_ADDRESSES[0], user_agent=JAVA,
                parameters={"keyId": self._key.alias}, resources=(_resource(self._key),), extra={"tlsDetails": TLS},
            )  # fmt: skip

    def _use(
        self, random: Random, when: datetime, operation: str, *, days: int, key: KeyStory, context: Mapping[str, str]
    ) -> Event:
        slot = int(random.random() * _INSTANCES)
        # `keyId` holds what the caller typed: mostly the alias, but also the id, the ARN or the ARN of the alias.
        typed = (key.alias, key.id, key.arn, key.alias_arn)[bisect(_TYPED, random.random())]
        named, value = _ALGORITHM if operation != "GenerateDataKey" else _KEY_SPEC
        # Some records of cryptographic operations leave the type of the resource out.
        kind = None if random.random() < _WITHOUT_TYPE else "AWS::KMS::Key"
        material = {"keyMaterialId": key.material_at(when)}
        return Event(
            time=when, id=_uuid(random), request_id=_uuid(random), source=KMS, name=operation, region=story.REGION,
            identity=self._instance_session(identities.BACKEND, days, slot), read_only=True,
            source_ip=_ADDRESSES[slot], user_agent=JAVA,
            parameters={"keyId": typed, "encryptionContext": context, named: value},
            resources=(Resource(key.arn, kind),), extra={"additionalEventData": material} | _NETWORK,
        )  # fmt: skip

    def _neighbours(self) -> Iterator[Event]:
        """Yield what else goes on in the account: the staging key, and other services."""
        for days in range(story.FIRST_REQUEST, 0, -3):
            when = self._calendar.day(days) + timedelta(hours=13, seconds=self._random.randrange(3600))
            context = {"purpose": story.PURPOSES[0], "tenantId": "test"}
            yield self._use(self._random, when, "Encrypt", days=days, key=self._staging, context=context)
            assumed = {"roleArn": identities.role_arn(identities.BACKEND), "roleSessionName": self._instance(days, 0)}
            yield self._event(
                when + timedelta(minutes=5), "AssumeRole", identities.service("ec2.amazonaws.com"), "sts.amazonaws.com",
                read_only=True, source_ip="ec2.amazonaws.com", user_agent="ec2.amazonaws.com", parameters=assumed,
                resources=(Resource(identities.role_arn(identities.BACKEND), "AWS::IAM::Role"),),
            )  # fmt: skip
        for days in range(story.FIRST_REQUEST, 0, -30):
            when = self._calendar.day(days) + timedelta(hours=8, minutes=40)
            yield self._admin(when, "RunInstances", self._key, {}, source="ec2.amazonaws.com", resources=())

    def _trail(self) -> Iterator[Event]:
        """Yield how the trail was set up: the validation of its log files came later."""
        created, validated = (self._calendar.morning(days) for days in (story.TRAIL_CREATED, story.VALIDATION_ENABLED))
        set_up = {"s3BucketName": story.BUCKET, "isMultiRegionTrail": True, "includeGlobalServiceEvents": True}
        for when, name, parameters in (
            (created, "CreateTrail", set_up),
            (created, "StartLogging", {}),
            (validated, "UpdateTrail", {"enableLogFileValidation": True}),
        ):
            yield self._admin(
                when, name, self._key, {"name": story.TRAIL, **parameters}, source="cloudtrail.amazonaws.com",
                resources=(Resource(story.TRAIL_ARN, "AWS::CloudTrail::Trail"),),
            )  # fmt: skip

    def _instance(self, days: int, slot: int) -> str:
        number = Random(f"{self._seed}/instance/{days // _INSTANCE_LIFE_DAYS}/{slot}").getrandbits(68)  # noqa: S311 - not a secret
        return f"i-{number:017x}"

    def _instance_session(self, role: str, days: int, slot: int) -> Identity:
        if (role, days, slot) not in self._sessions:
            created = self._calendar.day(days)
            key = identities.session_key(Random(f"{self._seed}/{role}/{days}/{slot}"))  # noqa: S311 - not a secret
            name = self._instance(days, slot)
            self._sessions[role, days, slot] = self._roles.session(role, name, key, created, on_ec2=True)
        return self._sessions[role, days, slot]


def rotation_event(key_arn: str, rotation: story.Rotation, previous: str, event_id: str) -> Event:
    """Return the event KMS writes when it replaces the key material `previous`. It has no request.

    https://docs.aws.amazon.com/kms/latest/developerguide/ct-rotatekey.html
    """
    details = {
        "rotationType": rotation.type,
        "keyId": key_arn.rpartition("/")[2],
        "keyOrigin": "AWS_KMS",
        "previousKeyMaterialId": previous,
        "currentKeyMaterialId": rotation.material_id,
    }
    return Event(
        time=rotation.date, id=event_id, source=KMS, name="RotateKey", region=key_arn.split(":")[3],
        identity=identities.KMS_ITSELF, read_only=False, resources=(Resource(key_arn, "AWS::KMS::Key"),),
        type="AwsServiceEvent", extra={"serviceEventDetails": details},
    )  # fmt: skip


def _resource(key: KeyStory) -> Resource:
    return Resource(key.arn, "AWS::KMS::Key")


def _uuid(random: Random) -> str:
    """Return a version 4 UUID: `str(uuid.UUID(...))`, which takes three times as long, 40,000 times."""
    digits = f"{random.getrandbits(128) & _UUID_MASK | _UUID_4:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
