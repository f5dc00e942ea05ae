"""Open a boto3 session from the user's usual AWS configuration."""

from __future__ import annotations

import os

import boto3
import botocore.session
from botocore.exceptions import BotoCoreError, ProfileNotFound

from fluo_audit.errors import CredentialsError, UsageError


def open_session(profile: str, region: str) -> boto3.Session:
    """Return a session for the profile and Region; empty text leaves the choice to the AWS configuration.

    boto3 reads AWS_DEFAULT_REGION only, the AWS CLI also AWS_REGION: whoever set that one means it here too.
    """
    try:
        return boto3.Session(profile_name=profile or None, region_name=region or os.environ.get("AWS_REGION") or None)
    except ProfileNotFound as error:
        raise CredentialsError(str(error), "choose another --profile, or set AWS_ACCESS_KEY_ID") from error
    except BotoCoreError as error:
        raise UsageError(f"the AWS configuration cannot be read: {error}", "correct the file it names") from error


def sealed_session() -> boto3.Session:
    """Return a session that no environment variable and no file of the user's reaches, for answers from disk.

    Its keys are no keys: nothing may be sent with it.
    """
    defaults = botocore.session.Session.SESSION_VARIABLES
    sealed = {name: (None, None, default, convert) for name, (_, _, default, convert) in defaults.items()}
    sealed |= dict.fromkeys(("config_file", "credentials_file"), (None, None, os.devnull, None))
    sealed["ignore_configured_endpoint_urls"] = (None, None, True, None)
    return boto3.Session("sealed", "sealed", botocore_session=botocore.session.Session(session_vars=sealed))


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
