"""The kinds of resources, by the name that plans show."""

from __future__ import annotations

from collections.abc import Mapping

from fluo_audit.provision.kinds.alarms import Alarm, LogGroup, MetricFilter
from fluo_audit.provision.kinds.iam import Attachment, InlinePolicy, InstanceProfile, ManagedPolicy, Role
from fluo_audit.provision.kinds.key import Alias, Key, Replica
from fluo_audit.provision.kinds.kind import Kind
from fluo_audit.provision.kinds.trail import Bucket, Trail

KINDS: Mapping[str, Kind] = {
    "KMS key": Key(),
    "replica key": Replica(),
    "alias": Alias(),
    "IAM policy": ManagedPolicy(),
    "role": Role(),
    "role policy": InlinePolicy(),
    "policy attachment": Attachment(),
    "instance profile": InstanceProfile(),
    "log group": LogGroup(),
    "metric filter": MetricFilter(),
    "alarm": Alarm(),
    "bucket": Bucket(),
    "trail": Trail(),
}
