"""IAM: policies, roles, what is attached to them, and instance profiles."""

from __future__ import annotations

import json

from tf.schema import Attribute
from typing_extensions import override

from standin.resource import AwsResource, Gone, State, key_values, tag_map
from standin.schema import NUMBER, JsonText, computed, defaulted, optional, policy, required


class Policy(AwsResource):
    """A managed policy."""

    NAME = "iam_policy"
    ATTRIBUTES = (
        required("name", fixed=True),
        defaulted("path", "/", fixed=True),
        optional("description", fixed=True),
        policy(),
        computed("arn"),
    )

    def make(self, state: State) -> str:
        """Create the policy."""
        created = self.aws.client("iam").create_policy(
            PolicyName=state["name"],
            Path=state["path"],
            Description=state["description"] or "",
            PolicyDocument=state["policy"],
            Tags=key_values(state["tags"]),
        )
        return str(created["Policy"]["Arn"])

    def look(self, state: State) -> State:
        """Return the default version."""
        iam, arn = self.aws.client("iam"), state["id"]
        found = iam.get_policy(PolicyArn=arn)["Policy"]
        version = iam.get_policy_version(PolicyArn=arn, VersionId=found["DefaultVersionId"])["PolicyVersion"]
        tags = tag_map(iam.list_policy_tags(PolicyArn=arn)["Tags"])
        return {"arn": arn, "path": found["Path"], "policy": json.dumps(version["Document"]), "tags": tags}

    def change(self, before: State, after: State) -> None:
        """Give the policy a new version, or new tags."""
        iam, arn = self.aws.client("iam"), before["id"]
        if after["policy"] != before["policy"]:
            iam.create_policy_version(PolicyArn=arn, PolicyDocument=after["policy"], SetAsDefault=True)
        iam.tag_policy(PolicyArn=arn, Tags=key_values(after["tags"]))

    def remove(self, state: State) -> None:
        """Delete the policy with all its versions."""
        iam, arn = self.aws.client("iam"), state["id"]
        for version in iam.list_policy_versions(PolicyArn=arn)["Versions"]:
            if not version["IsDefaultVersion"]:
                iam.delete_policy_version(PolicyArn=arn, VersionId=version["VersionId"])
        iam.delete_policy(PolicyArn=arn)


class Role(AwsResource):
    """A role."""

    NAME = "iam_role"
    ATTRIBUTES = (
        required("name", fixed=True),
        defaulted("path", "/", fixed=True),
        optional("description"),
        defaulted("max_session_duration", 3600, NUMBER),
        Attribute("assume_role_policy", JsonText(), required=True),
        computed("arn"),
        computed("unique_id"),
    )

    def make(self, state: State) -> str:
        """Create the role."""
        created = self.aws.client("iam").create_role(
            RoleName=state["name"],
            Path=state["path"],
            Description=state["description"] or "",
            MaxSessionDuration=int(state["max_session_duration"]),
            AssumeRolePolicyDocument=state["assume_role_policy"],
            Tags=key_values(state["tags"]),
        )
        return str(created["Role"]["RoleName"])

    def look(self, state: State) -> State:
        """Return the role."""
        iam, name = self.aws.client("iam"), state["id"]
        role = iam.get_role(RoleName=name)["Role"]
        return {
            "arn": role["Arn"],
            "path": role["Path"],
            "unique_id": role["RoleId"],
            "max_session_duration": role["MaxSessionDuration"],
            "assume_role_policy": json.dumps(role["AssumeRolePolicyDocument"]),
            "tags": tag_map(iam.list_role_tags(RoleName=name)["Tags"]),
        }

    def change(self, before: State, after: State) -> None:
        """Set the trust policy, the length of sessions and the tags."""
        iam, name = self.aws.client("iam"), before["id"]
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=after["assume_role_policy"])
        iam.update_role(
            RoleName=name,
            Description=after["description"] or "",
            MaxSessionDuration=int(after["max_session_duration"]),
        )
        iam.tag_role(RoleName=name, Tags=key_values(after["tags"]))

    def remove(self, state: State) -> None:
        """Delete the role."""
        self.aws.client("iam").delete_role(RoleName=state["id"])


class RolePolicy(AwsResource):
    """A role's inline policy."""

    NAME = "iam_role_policy"
    TAGGED = False
    ATTRIBUTES = (required("name", fixed=True), required("role", fixed=True), policy())

    def make(self, state: State) -> str:
        """Write the policy into the role."""
        self._put(state)
        return f"{state['role']}:{state['name']}"

    def look(self, state: State) -> State:
        """Return the policy."""
        found = self.aws.client("iam").get_role_policy(RoleName=state["role"], PolicyName=state["name"])
        return {"policy": json.dumps(found["PolicyDocument"])}

    @override
    def change(self, before: State, after: State) -> None:
        """Replace the policy."""
        self._put(after)

    def _put(self, state: State) -> None:
        named = {"RoleName": state["role"], "PolicyName": state["name"]}
        self.aws.client("iam").put_role_policy(**named, PolicyDocument=state["policy"])

    def remove(self, state: State) -> None:
        """Delete the policy."""
        self.aws.client("iam").delete_role_policy(RoleName=state["role"], PolicyName=state["name"])


class Attachment(AwsResource):
    """A managed policy on a role."""

    NAME = "iam_role_policy_attachment"
    TAGGED = False
    ATTRIBUTES = (required("role", fixed=True), required("policy_arn", fixed=True))

    def make(self, state: State) -> str:
        """Attach the policy."""
        self.aws.client("iam").attach_role_policy(RoleName=state["role"], PolicyArn=state["policy_arn"])
        return f"{state['role']}-{state['policy_arn']}"

    def look(self, state: State) -> State:
        """Find the policy among those of the role."""
        listed = self.aws.client("iam").list_attached_role_policies(RoleName=state["role"])["AttachedPolicies"]
        if state["policy_arn"] not in [one["PolicyArn"] for one in listed]:
            raise Gone
        return {}

    @override
    def change(self, before: State, after: State) -> None:
        """Change nothing: another role or policy is another attachment."""

    def remove(self, state: State) -> None:
        """Detach the policy."""
        self.aws.client("iam").detach_role_policy(RoleName=state["role"], PolicyArn=state["policy_arn"])


class InstanceProfile(AwsResource):
    """An instance profile."""

    NAME = "iam_instance_profile"
    ATTRIBUTES = (required("name", fixed=True), defaulted("path", "/", fixed=True), optional("role"), computed("arn"))

    def make(self, state: State) -> str:
        """Create the profile and put the role into it."""
        iam, name = self.aws.client("iam"), state["name"]
        iam.create_instance_profile(InstanceProfileName=name, Path=state["path"], Tags=key_values(state["tags"]))
        if state["role"]:
            iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=state["role"])
        return str(name)

    def look(self, state: State) -> State:
        """Return the profile and its role."""
        profile = self.aws.client("iam").get_instance_profile(InstanceProfileName=state["id"])["InstanceProfile"]
        roles = [role["RoleName"] for role in profile["Roles"]]
        return {
            "arn": profile["Arn"],
            "path": profile["Path"],
            "role": roles[0] if roles else None,
            "tags": tag_map(profile.get("Tags", [])),
        }

    def change(self, before: State, after: State) -> None:
        """Put another role into the profile."""
        iam, name = self.aws.client("iam"), before["id"]
        if before["role"]:
            iam.remove_role_from_instance_profile(InstanceProfileName=name, RoleName=before["role"])
        if after["role"]:
            iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=after["role"])

    def remove(self, state: State) -> None:
        """Empty and delete the profile."""
        iam, name = self.aws.client("iam"), state["id"]
        if state["role"]:
            iam.remove_role_from_instance_profile(InstanceProfileName=name, RoleName=state["role"])
        iam.delete_instance_profile(InstanceProfileName=name)


RESOURCES = (Policy, Role, RolePolicy, Attachment, InstanceProfile)
