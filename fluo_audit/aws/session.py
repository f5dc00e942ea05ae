"""Open a boto3 session from the user's usual AWS configuration."""

from __future__ import annotations

import boto3
from botocore.exceptions import BotoCoreError, ProfileNotFound

from fluo_audit.errors import CredentialsError, UsageError


def open_session(profile: str, region: str) -> boto3.Session:
    """Return a session for the profile and Region; empty text leaves the choice to the AWS configuration."""
    try:
        return boto3.Session(profile_name=profile or None, region_name=region or None)
    except ProfileNotFound as error:
        raise CredentialsError(str(error), "choose another --profile, or set AWS_ACCESS_KEY_ID") from error


def region_of_session(session: boto3.Session) -> str:
    """Return the session's Region. Raises UsageError when nothing names one."""
    if not session.region_name:
        raise UsageError("no Region", "give --region, or set AWS_REGION")
    return str(session.region_name)


def has_credentials(session: boto3.Session) -> bool:
    """Return whether the AWS configuration gives credentials, valid or not."""
    try:
        return session.get_credentials() is not None
    except BotoCoreError as error:
        raise CredentialsError(f"AWS credentials could not be loaded: {error}", "check the profile") from error
