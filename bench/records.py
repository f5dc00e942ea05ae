"""CloudTrail records as templates: the parts that repeat are written once, the parts that vary are slots.

Written without the simulated account and without the reader of the product, so that either can be held against it.
Fields and their order: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
KMS examples: https://docs.aws.amazon.com/kms/latest/developerguide/logging-using-cloudtrail.html
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from random import Random
from typing import Any

ACCOUNT, PARTNER, REGION = "123456789012", "210987654321", "us-east-1"
KMS = "kms.amazonaws.com"
KEY_ID = "0b8f1c52-6d3e-4a97-8e21-5c7a94d1f360"
STORAGE_ID = "7d20e4b9-1f85-4c36-b0a2-93e6f8127ad4"  # another key of the account, busy with S3 objects
ALIAS = "alias/fluo-production"


def seeded(text: str) -> Random:
    """Return random numbers that are the same each time."""
    return Random(text)  # noqa: S311 - repeatable on purpose, no secret


def key_arn(key_id: str) -> str:
    return f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{key_id}"


KEY, STORAGE = key_arn(KEY_ID), key_arn(STORAGE_ID)
TYPED = (ALIAS, KEY_ID, KEY, f"arn:aws:kms:{REGION}:{ACCOUNT}:{ALIAS}")
TYPED_WEIGHTS = (70, 15, 10, 5)

# The slots of every template, in the order in which a record has them.
_SLOTS = ("identity", "time", "ip", "typed", "context", "unique", "material", "request", "event", "shared")
_JAVA = "aws-sdk-java/2.31.20 md/io#async md/http#NettyNio ua/2.1 os/Linux#6.1 lang/java#21.0.5 exec-env/EC2"
_BOTO = "Boto3/1.44.5 md/Botocore#1.44.5 ua/2.1 os/linux#6.1.112 md/arch#x86_64 lang/python#3.11.7 md/pyimpl#CPython"
_TERRAFORM = "APN/1.0 HashiCorp/1.0 Terraform/1.11.4 terraform-provider-aws/5.99.0"
_OFFICE = "203.0.113.24"  # documentation range, RFC 5737
_INSTANCES, _TENANTS, _SESSION_HOURS = 24, 2_000, 6
_ADDRESSES = tuple(f"10.0.{11 + number % 3}.{20 + number}" for number in range(_INSTANCES))


_ABSENT = object()


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of event: its share, what is counted about it, and its record with slots."""

    weight: float
    name: str
    error: str
    of_key: bool
    template: str


class _Slot(str):
    """A place in a template."""

    __slots__ = ()


def _slot(name: str) -> _Slot:
    return _Slot(f"<{name}>")


def _template(record: dict[str, Any]) -> str:
    """Return a record as text for the % operator, which takes the values of all slots; unused ones print nothing."""
    text = json.dumps(record, separators=(",", ":")).replace("%", "%%")
    at = 0
    for name in _SLOTS:
        quoted, bare = json.dumps(_slot(name)), _slot(name)
        # Identity and context are JSON; the others are texts, alone or inside one.
        found = quoted if name in {"identity", "context"} else bare
        place = text.find(found, at)
        if place < 0:
            text, at = f"{text[:at]}%.0s{text[at:]}", at + 4
        else:
            text, at = f"{text[:place]}%s{text[place + len(found) :]}", place + 2
    return text


def _role(role: str, session: str, access_key: str, created: str, **more: Any) -> dict[str, Any]:
    principal = "AROA" + f"{seeded(role).getrandbits(80):020X}"[:17]
    issuer = {
        "type": "Role",
        "principalId": principal,
        "arn": f"arn:aws:iam::{ACCOUNT}:role/{role}",
        "accountId": ACCOUNT,
        "userName": role,
    }
    context = {"sessionIssuer": issuer, "attributes": {"creationDate": created, "mfaAuthenticated": "false"}}
    return {
        "type": "AssumedRole",
        "principalId": f"{principal}:{session}",
        "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{session}",
        "accountId": ACCOUNT,
        "accessKeyId": access_key,
        "sessionContext": context | more.pop("context", {}),
        **more,
    }


def _fixed(role: str, session: str, **more: Any) -> dict[str, Any]:
    return _role(role, session, f"ASIA{seeded(role + session).getrandbits(64):016X}", "2026-08-20T06:12:44Z", **more)


_ADMIN, _READER, _DEVELOPER, _DEPLOYER = (
    _fixed("platform-admin", "terraform"),
    _fixed("fluo-audit-reader", "export"),
    _fixed("developer", "debug"),
    _fixed("deployer", "pipeline-4711"),
)
_S3 = _fixed("fluo-ingest", "upload", invokedBy="AWS Internal")
_ITSELF = {"accountId": ACCOUNT, "invokedBy": "AWS Internal"}
_STRANGER = {
    "type": "AWSAccount",
    "principalId": "AROAQ3EGVQ7EXAMPLE1:reports",
    "accountId": PARTNER,
}


def _resource(arn: str, kind: str | None = "AWS::KMS::Key") -> dict[str, str]:
    return {"accountId": ACCOUNT, **({"type": kind} if kind else {}), "ARN": arn}


def _tls(host: str) -> dict[str, Any]:
    return {
        "tlsDetails": {
            "tlsVersion": "TLSv1.3",
            "cipherSuite": "TLS_AES_128_GCM_SHA256",
            "clientProvidedHostHeader": host,
        }
    }


_KMS_HOST = f"kms.{REGION}.amazonaws.com"
_NETWORK = {"vpcEndpointId": "vpce-0a61c4fc2f24b9a61", **_tls(_KMS_HOST)}


def _kind(weight: float, name: str, *, of_key: bool = True, source: str = KMS, **fields: Any) -> Kind:
    """Return a kind of event; `fields` are those of the record that are not the usual ones of the backend."""
    error = fields.pop("error", "")
    record: dict[str, Any] = {
        "eventVersion": fields.pop("version", "1.11"),
        "userIdentity": fields.pop("identity", _slot("identity")),
        "eventTime": _slot("time"),
        "eventSource": source,
        "eventName": name,
        "awsRegion": REGION,
        "sourceIPAddress": fields.pop("ip", _slot("ip")),
        "userAgent": fields.pop("agent", _JAVA),
    }
    if error:
        record |= {"errorCode": error, "errorMessage": fields.pop("message")}
    record |= {"requestParameters": fields.pop("parameters", None), "responseElements": fields.pop("response", None)}
    if "additional" in fields:
        record["additionalEventData"] = fields.pop("additional")
    record |= {"requestID": _slot("request"), "eventID": _slot("event"), "readOnly": fields.pop("read_only", True)}
    resources = fields.pop("resources", [])
    if resources is not None:
        record["resources"] = resources
    record |= {
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": ACCOUNT,
        "eventCategory": "Management",
        **_NETWORK,
        **fields,
    }
    return Kind(weight, name, error, of_key, _template({k: v for k, v in record.items() if v is not _ABSENT}))


_OUTSIDE: dict[str, Any] = {"vpcEndpointId": _ABSENT}


def _use(weight: float, name: str, resource: dict[str, str], **fields: Any) -> Kind:
    """Return a cryptographic operation of the backend."""
    extra = {"keySpec": "AES_256"} if name.startswith("Gen") else {"encryptionAlgorithm": "SYMMETRIC_DEFAULT"}
    usual: dict[str, Any] = {
        "parameters": {"keyId": _slot("typed"), "encryptionContext": _slot("context"), **extra},
        "additional": {"keyMaterialId": _slot("material")},
        "resources": [resource],
    }
    return _kind(weight, name, **usual | fields)


def _of_object(weight: float, name: str) -> Kind:
    """Return what S3 asks of the storage key for one object: its encryption context is another each time."""
    context = {"aws:s3:arn": f"arn:aws:s3:::fluo-documents-{ACCOUNT}/tenants/{_slot('unique')}.bin"}
    return _kind(
        weight, name, of_key=False, identity=_S3, ip="AWS Internal", agent="AWS Internal",
        parameters={"encryptionContext": context, "keyId": STORAGE, "keySpec": "AES_256"},
        resources=[_resource(STORAGE)], **_OUTSIDE,
    )  # fmt: skip


def _re_encrypt(weight: float, source: str) -> Kind:
    asked = {
        "sourceEncryptionAlgorithm": "SYMMETRIC_DEFAULT",
        "sourceKeyId": source,
        "destinationKeyId": _slot("typed"),
        "sourceEncryptionContext": _slot("context"),
        "destinationEncryptionAlgorithm": "SYMMETRIC_DEFAULT",
        "destinationEncryptionContext": {"purpose": "compliance_evidence", "tenantId": "archive"},
    }
    return _kind(
        weight, "ReEncrypt", parameters=asked, resources=[_resource(source), _resource(KEY)],
        additional={"destinationKeyMaterialId": _slot("material")},
    )  # fmt: skip


def _denied(weight: float, name: str, **fields: Any) -> Kind:
    """Return a refusal. Whether one has `resources` is not documented: some have, some only the message."""
    message = (
        f"User: {_DEVELOPER['arn']} is not authorized to perform: kms:{name} on resource: {KEY} "
        f"because no identity-based policy allows the kms:{name} action"
    )
    return _kind(
        weight, name, identity=_DEVELOPER, ip="10.0.31.7", agent=_BOTO, error="AccessDenied", message=message, **fields
    )


def _admin(weight: float, name: str, parameters: dict[str, Any], *resources: dict[str, str]) -> Kind:
    return _kind(
        weight, name, identity=_ADMIN, ip=_OFFICE, agent=_TERRAFORM, read_only=False,
        parameters={"keyId": KEY_ID, **parameters}, resources=[*resources, _resource(KEY)], **_OUTSIDE,
    )  # fmt: skip


def _read(weight: float, name: str, parameters: dict[str, Any], resources: list[dict[str, str]]) -> Kind:
    return _kind(
        weight, name, of_key=_resource(KEY) in resources, identity=_READER, ip=_OFFICE, agent=_BOTO,
        parameters=parameters, resources=resources, **_OUTSIDE,
    )  # fmt: skip


_POLICY = json.dumps({"Version": "2012-10-17", "Statement": [{"Sid": "Backend", "Effect": "Allow", "Action": "kms:*"}]})

KMS_KINDS = (
    _use(38, "GenerateDataKey", _resource(KEY)),
    _use(13, "GenerateDataKey", _resource(KEY, None)),
    _use(17, "Encrypt", _resource(KEY)),
    _use(9, "Decrypt", _resource(KEY)),
    _use(3, "Decrypt", _resource(KEY, None), version="1.08"),
    _use(1, "GenerateDataKeyWithoutPlaintext", _resource(KEY)),
    _use(
        0.1, "Decrypt", _resource(KEY), error="InvalidCiphertextException", message=_ABSENT, additional=_ABSENT
    ),
    # A call beyond the quota names the key as the caller typed it; here the ARN.
    _use(
        0.4, "GenerateDataKey", _resource(KEY), error="ThrottlingException", message="Rate exceeded",
        parameters={"keyId": KEY, "encryptionContext": _slot("context"), "keySpec": "AES_256"},
        resources=None, additional=_ABSENT,
    ),
    _re_encrypt(0.7, STORAGE),
    _re_encrypt(0.3, KEY),
    _of_object(5, "GenerateDataKey"),
    _of_object(3, "Decrypt"),
    _denied(
        0.4, "Decrypt", parameters={"keyId": ALIAS, "encryptionContext": _slot("context")}, resources=[_resource(KEY)]
    ),
    _denied(0.2, "GenerateDataKey", resources=None),
    _kind(
        0.5, "Decrypt", identity=_STRANGER, ip="198.51.100.77", agent=_BOTO, resources=[_resource(KEY)],
        parameters={"keyId": KEY, "encryptionContext": _slot("context"), "encryptionAlgorithm": "SYMMETRIC_DEFAULT"},
        sharedEventID=f"3f0c9a51-77d4-4e0b-9a6e-{_slot('shared')}", **_OUTSIDE,
    ),
    _read(2, "DescribeKey", {"keyId": _slot("typed")}, [_resource(KEY)]),
    _read(1.5, "DescribeKey", {"keyId": STORAGE_ID}, [_resource(STORAGE)]),
    _read(0.4, "GetKeyRotationStatus", {"keyId": KEY_ID}, [_resource(KEY)]),
    _read(0.4, "GetKeyPolicy", {"keyId": KEY_ID, "policyName": "default"}, [_resource(KEY)]),
    _read(0.6, "ListAliases", {"limit": 100}, []),
    _admin(0.02, "CreateGrant", {"granteePrincipal": _DEPLOYER["arn"], "operations": ["Decrypt", "RetireGrant"]}),
    _admin(0.003, "TagResource", {"tags": [{"tagKey": "Environment", "tagValue": "production"}]}),
    _admin(0.001, "PutKeyPolicy", {"policyName": "default", "policy": _POLICY}),
    _admin(0.001, "UpdateAlias", {"aliasName": ALIAS, "targetKeyId": KEY_ID}, _resource(TYPED[3], "AWS::KMS::Alias")),
)  # fmt: skip


def _other(weight: float, service: str, name: str, parameters: Any, **fields: Any) -> Kind:
    usual: dict[str, Any] = {"resources": None, "agent": _BOTO, **_OUTSIDE, **_tls(f"{service}.{REGION}.amazonaws.com")}
    return _kind(weight, name, of_key=False, source=f"{service}.amazonaws.com", parameters=parameters, **usual | fields)


_ASSUMED = f"arn:aws:iam::{ACCOUNT}:role/fluo-backend"
_CREDENTIALS = {
    "credentials": {
        "accessKeyId": "ASIA2EXAMPLEEXAMPLE1",
        "sessionToken": "".join(f"{seeded('token').getrandbits(2048):0512x}"),
        "expiration": "Nov 22, 2026, 7:12:44 PM",
    },
    "assumedRoleUser": {"assumedRoleId": "AROA2EXAMPLEEXAMPLE12:i-0", "arn": _ASSUMED},
}

OTHER_KINDS = (
    _other(
        25, "sts", "AssumeRole", {"roleArn": _ASSUMED, "roleSessionName": f"i-{_slot('unique')}"},
        identity={"type": "AWSService", "invokedBy": "ec2.amazonaws.com"}, ip="ec2.amazonaws.com",
        agent="ec2.amazonaws.com", response=_CREDENTIALS, resources=[_resource(_ASSUMED, "AWS::IAM::Role")],
    ),
    _other(20, "ec2", "DescribeInstances", {"instancesSet": {}, "filterSet": {"items": [{"name": "vpc-id"}]}}),
    _other(10, "s3", "GetBucketAcl", {"bucketName": f"fluo-cloudtrail-{ACCOUNT}", "acl": ""}),
    _other(10, "logs", "CreateLogStream", {"logStreamName": _slot("unique")}, read_only=False),
    _other(8, "iam", "GetRole", {"roleName": "fluo-backend"}, identity=_DEPLOYER, ip=_OFFICE),
    _other(8, "dynamodb", "DescribeTable", {"tableName": "fluo-tenants"}),
    _other(8, "ssm", "GetParameters", {"names": ["/fluo/backend/config"], "withDecryption": True}),
    _other(8, "secretsmanager", "GetSecretValue", {"secretId": "fluo/database"}),
    _other(1, "ec2", "CreateVolume", {"size": "100", "kmsKeyId": KEY}, identity=_ADMIN, read_only=False),
    _other(1, "cloudtrail", "LookupEvents", {"maxResults": 50}, identity=_READER, ip=_OFFICE),
    _other(1, "cloudtrail", "GetTrailStatus", {"name": "main-trail"}, identity=_READER, ip=_OFFICE),
)  # fmt: skip

ROTATE = _kind(
    0, "RotateKey", identity=_ITSELF, ip="AWS Internal", agent="AWS Internal", read_only=False,
    resources=[_resource(KEY)], eventType="AwsServiceEvent", tlsDetails=_ABSENT, requestID=_ABSENT,
    serviceEventDetails={
        "rotationType": "AUTOMATIC", "keyId": KEY_ID, "keyOrigin": "AWS_KMS",
        "previousKeyMaterialId": f"{seeded('before').getrandbits(256):064x}",
        "currentKeyMaterialId": f"{seeded('after').getrandbits(256):064x}",
    }, **_OUTSIDE,
)  # fmt: skip

KINDS = (*KMS_KINDS, *OTHER_KINDS, ROTATE)
TEMPLATES = tuple(each.template for each in KINDS)
ROTATION = len(KINDS) - 1
KMS_RANGE, OTHER_RANGE = range(len(KMS_KINDS)), range(len(KMS_KINDS), ROTATION)
KMS_WEIGHTS = tuple(accumulate(each.weight for each in KMS_KINDS))
OTHER_WEIGHTS = tuple(accumulate(each.weight for each in OTHER_KINDS))
CONTEXTS = tuple(
    json.dumps({"purpose": purpose, "tenantId": f"tenant-{number:06d}"}, separators=(",", ":"))
    for number in range(_TENANTS)
    for purpose in ("pii_redaction", "compliance_evidence")
)
# A few tenants are busy, most are not.
CONTEXT_WEIGHTS = tuple(accumulate(share / (number + 20) for number in range(_TENANTS) for share in (7, 3)))


def sessions(day: int, at: datetime) -> list[tuple[str, str]]:
    """Return identity and address of the backend's instances; instances live for weeks, credentials for hours."""
    found = []
    part = at.hour // _SESSION_HOURS
    for number, address in enumerate(_ADDRESSES):
        instance = f"i-{seeded(f'{day // 14}/{number}').getrandbits(68):017x}"
        key = f"ASIA{seeded(f'{at:%j}/{part}/{number}').getrandbits(64):016X}"
        created = f"{at:%Y-%m-%d}T{part * _SESSION_HOURS:02d}:{number:02d}:17Z"
        identity = _role("fluo-backend", instance, key, created, context={"ec2RoleDelivery": "2.0"})
        found.append((json.dumps(identity, separators=(",", ":")), address))
    return found


def material(day: int) -> str:
    """Return the id of the key material of a day: it is replaced every 30 days."""
    return f"{seeded(f'material/{day // 30}').getrandbits(256):064x}"
