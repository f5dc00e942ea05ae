"""Data sources."""

from __future__ import annotations

from typing_extensions import override

from standin.resource import AwsData, State
from standin.schema import computed, required


class CallerIdentity(AwsData):
    """Who runs Terraform, and in which account."""

    NAME = "caller_identity"
    ATTRIBUTES = (computed("account_id"), computed("arn"), computed("user_id"))

    @override
    def find(self, config: State) -> State:
        """Ask STS."""
        who = self.aws.client("sts").get_caller_identity()
        return {"id": who["Account"], "account_id": who["Account"], "arn": who["Arn"], "user_id": who["UserId"]}


class Partition(AwsData):
    """The partition of the Region."""

    NAME = "partition"
    ATTRIBUTES = (computed("partition"), computed("dns_suffix"))

    @override
    def find(self, config: State) -> State:
        """Tell the partition by the Region's name."""
        region = self.aws.region
        partition = {"cn-": "aws-cn", "us-gov-": "aws-us-gov"}
        found = next((name for prefix, name in partition.items() if region.startswith(prefix)), "aws")
        suffix = "amazonaws.com.cn" if found == "aws-cn" else "amazonaws.com"
        return {"id": found, "partition": found, "dns_suffix": suffix}


class Region(AwsData):
    """The Region of the provider."""

    NAME = "region"
    ATTRIBUTES = (computed("name"), computed("description"))

    @override
    def find(self, config: State) -> State:
        """Return the Region that the provider was configured with."""
        return {"id": self.aws.region, "name": self.aws.region, "description": self.aws.region}


class RoleLookup(AwsData):
    """An existing role."""

    NAME = "iam_role"
    ATTRIBUTES = (required("name"), computed("arn"), computed("path"), computed("unique_id"))

    def find(self, config: State) -> State:
        """Ask IAM."""
        role = self.aws.client("iam").get_role(RoleName=config["name"])["Role"]
        return {"id": role["RoleName"], "arn": role["Arn"], "path": role["Path"], "unique_id": role["RoleId"]}


SOURCES = (CallerIdentity, Partition, Region, RoleLookup)
