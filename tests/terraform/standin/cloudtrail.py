"""CloudTrail: trails."""

from __future__ import annotations

from standin.resource import AwsResource, Gone, State, key_values, tag_map
from standin.schema import FLAG, computed, defaulted, optional, required

# Attribute -> its name in answers, and its name in requests.
_SETTINGS = {
    "s3_bucket_name": ("S3BucketName", "S3BucketName"),
    "kms_key_id": ("KmsKeyId", "KmsKeyId"),
    "is_multi_region_trail": ("IsMultiRegionTrail", "IsMultiRegionTrail"),
    "include_global_service_events": ("IncludeGlobalServiceEvents", "IncludeGlobalServiceEvents"),
    "enable_log_file_validation": ("LogFileValidationEnabled", "EnableLogFileValidation"),
    "cloud_watch_logs_group_arn": ("CloudWatchLogsLogGroupArn", "CloudWatchLogsLogGroupArn"),
    "cloud_watch_logs_role_arn": ("CloudWatchLogsRoleArn", "CloudWatchLogsRoleArn"),
}


class Trail(AwsResource):
    """A trail."""

    NAME = "cloudtrail"
    ATTRIBUTES = (
        required("name", fixed=True),
        required("s3_bucket_name"),
        optional("kms_key_id"),
        defaulted("is_multi_region_trail", default=False, of=FLAG),
        defaulted("include_global_service_events", default=True, of=FLAG),
        defaulted("enable_log_file_validation", default=False, of=FLAG),
        defaulted("enable_logging", default=True, of=FLAG),
        optional("cloud_watch_logs_group_arn"),
        optional("cloud_watch_logs_role_arn"),
        computed("arn"),
        computed("home_region"),
    )

    def make(self, state: State) -> str:
        """Create the trail and start it."""
        cloudtrail = self.aws.client("cloudtrail")
        created = cloudtrail.create_trail(Name=state["name"], TagsList=key_values(state["tags"]), **_settings(state))
        self._log(state)
        return str(created["TrailARN"])

    def look(self, state: State) -> State:
        """Describe the trail."""
        cloudtrail, arn = self.aws.client("cloudtrail"), state["id"]
        listed = cloudtrail.describe_trails(trailNameList=[state["name"]], includeShadowTrails=False)["trailList"]
        if not listed:
            raise Gone
        trail = listed[0]
        tags = cloudtrail.list_tags(ResourceIdList=[arn])["ResourceTagList"][0]["TagsList"]
        return {
            "arn": trail["TrailARN"],
            "home_region": trail["HomeRegion"],
            "enable_logging": cloudtrail.get_trail_status(Name=arn)["IsLogging"],
            "tags": tag_map(tags),
            **{attribute: trail.get(answered) for attribute, (answered, _) in _SETTINGS.items()},
        }

    def change(self, before: State, after: State) -> None:
        """Change the settings, the logging and the tags."""
        cloudtrail = self.aws.client("cloudtrail")
        cloudtrail.update_trail(Name=before["id"], **_settings(after))
        self._log(after)
        cloudtrail.add_tags(ResourceId=before["id"], TagsList=key_values(after["tags"]))

    def _log(self, state: State) -> None:
        cloudtrail = self.aws.client("cloudtrail")
        (cloudtrail.start_logging if state["enable_logging"] else cloudtrail.stop_logging)(Name=state["name"])

    def remove(self, state: State) -> None:
        """Delete the trail."""
        self.aws.client("cloudtrail").delete_trail(Name=state["id"])


def _settings(state: State) -> State:
    return {asked: state[attribute] for attribute, (_, asked) in _SETTINGS.items() if state[attribute] is not None}


RESOURCES = (Trail,)
