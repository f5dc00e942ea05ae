"""What was made moments ago is not there yet for the next call, though reads see it: AWS is eventually consistent.

https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency
https://docs.aws.amazon.com/kms/latest/developerguide/accessing-kms.html#programming-eventual-consistency
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fluo_audit.sandbox.wire import AwsError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta

    from fluo_audit.sandbox.clock import SimulatedClock
    from fluo_audit.sandbox.gateway import Request

_NOT_FOUND = 404


@dataclass(frozen=True, slots=True)
class _Named:
    """A resource that a call names in a parameter: how to ask since when it exists, and the error while it does not."""

    parameter: str
    lookup: str
    asked: str
    member: str
    dated: str
    error: AwsError

    def created(self, request: Request) -> datetime:
        """Return when the resource was made. Raises AwsError when there is none."""
        found = request.ask(self.lookup, **{self.asked: request.parameters[self.parameter]})
        made: datetime = found[self.member][self.dated]
        return made

    def missing(self, request: Request) -> AwsError:
        """Return the error that says the resource does not exist."""
        name = request.parameters[self.parameter]
        return AwsError(self.error.code, self.error.message.format(name), self.error.status)


_NO_ROLE = AwsError("NoSuchEntity", "The role with name {} cannot be found.", _NOT_FOUND)
_NO_POLICY = AwsError("NoSuchEntity", "Policy {} does not exist or is not attachable.", _NOT_FOUND)
_NO_PROFILE = AwsError("NoSuchEntity", "Instance Profile {} cannot be found.", _NOT_FOUND)
_NO_KEY = AwsError("NotFoundException", "Key '{}' does not exist")
_ROLE = _Named("RoleName", "GetRole", "RoleName", "Role", "CreateDate", _NO_ROLE)
_POLICY = _Named("PolicyArn", "GetPolicy", "PolicyArn", "Policy", "CreateDate", _NO_POLICY)
_PROFILE = _Named(
    "InstanceProfileName", "GetInstanceProfile", "InstanceProfileName", "InstanceProfile", "CreateDate", _NO_PROFILE
)
_KEY, _TARGET = (
    _Named(parameter, "DescribeKey", "KeyId", "KeyMetadata", "CreationDate", _NO_KEY)
    for parameter in ("KeyId", "TargetKeyId")
)
_NAMED: Mapping[str, tuple[_Named, ...]] = {
    "iam:AttachRolePolicy": (_ROLE, _POLICY),
    "iam:PutRolePolicy": (_ROLE,),
    "iam:AddRoleToInstanceProfile": (_PROFILE, _ROLE),
    "kms:CreateAlias": (_TARGET,),
    **dict.fromkeys(("kms:EnableKeyRotation", "kms:PutKeyPolicy", "kms:TagResource"), (_KEY,)),
}
_BUCKET_SETTINGS = ("PutBucket", "PutPublicAccessBlock")


class Settling:
    """Refuses calls that name what is too new: roles, policies and instance profiles, keys, and buckets."""

    def __init__(self, clock: SimulatedClock, settling: timedelta, iam_propagation: timedelta) -> None:
        self._clock = clock
        self._waits = {"iam": min(settling, iam_propagation / 5), "kms": settling / 2, "s3": settling}

    def require(self, request: Request) -> None:
        """Raise AwsError, not found, when the call names a resource that was made moments ago."""
        service = request.call.service
        if service == "s3" and request.call.operation.startswith(_BUCKET_SETTINGS):
            self._require_bucket(request)
        for named in _NAMED.get(request.call.action, ()):
            try:
                created = named.created(request)
            except AwsError:
                return  # there is none at all: the operation itself says so
            if self._is_new(service, created):
                raise named.missing(request)

    def _require_bucket(self, request: Request) -> None:
        name = request.parameters["Bucket"]
        for bucket in request.ask("ListBuckets")["Buckets"]:
            if bucket["Name"] == name and self._is_new("s3", bucket["CreationDate"]):
                raise AwsError("NoSuchBucket", "The specified bucket does not exist", _NOT_FOUND)

    def _is_new(self, service: str, created: datetime) -> bool:
        return self._clock.now() < created + self._waits[service]
