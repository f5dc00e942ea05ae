"""The functions of moto's KMS that are replaced from outside while the simulated account is asked.

Nothing less would do: they sit below every operation. The rest of what moto gets wrong is corrected in the account's
own operations. `tests/sandbox/test_seams.py` holds moto to them.
"""

from __future__ import annotations

import re
from copy import copy
from typing import Any

import moto.kms.models
import moto.kms.responses
from moto.core.utils import unix_time
from moto.kms.exceptions import NotFoundException, ValidationException
from moto.kms.models import KmsBackend, kms_backends
from moto.kms.responses import KmsResponse
from moto.kms.utils import generate_private_key
from moto.moto_api._internal import mock_random

_KEY_ID = re.compile(r"mrk-[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def key_id(multi_region: bool = False) -> str:  # noqa: FBT001, FBT002 - moto's signature
    """Return the id of a new key: a UUID, or mrk- and 32 digits. moto keeps the hyphens, which makes it too long."""
    unique = mock_random.uuid4()
    return f"mrk-{unique.hex}" if multi_region else str(unique)


def private_key(key_spec: str) -> Any:
    """Return what moto makes for an asymmetric key, and nothing for a symmetric one, where it takes longest."""
    return None if key_spec == "SYMMETRIC_DEFAULT" else generate_private_key(key_spec)


def judge_nothing(key: Any, action: str) -> None:
    """Let a request pass: moto reads any Deny of kms:DescribeKey as one for everybody."""


def require_key(response: Any, name: str) -> None:
    """Refuse a key id or ARN that is malformed, of another Region, or of no key."""
    if name.startswith("arn:"):
        region = name.split(":")[3]
        if region != response.region:
            raise NotFoundException(f"Invalid arn {region}")
    elif not _KEY_ID.fullmatch(name):
        raise NotFoundException(f"Invalid keyId '{name}'")
    backend = response.kms_backend
    if backend.get_key_id(name) not in backend.keys:
        arn = name if name.startswith("arn:") else f"arn:aws:kms:{response.region}:{backend.account_id}:key/{name}"
        raise NotFoundException(f"Key '{arn}' does not exist")


def replicate(backend: Any, name: str, region: str) -> Any:
    """Put a replica of a multi-Region key into another Region: same id, material, spec and usage, nothing else alike.

    The description of the family is one object for all its keys, so a further replica shows in each.
    """
    regional = kms_backends[backend.account_id]
    if region not in regional.regions:
        raise ValidationException(f"{region} is not a Region")
    primary = backend.keys[backend.get_key_id(name)]
    replica = copy(primary)
    replica.region = region
    replica.arn = primary.arn.replace(f":{primary.region}:", f":{region}:", 1)
    replica.creation_date = unix_time()
    replica.policy, replica.description = replica.generate_default_policy(), ""
    replica.key_state, replica.enabled, replica.deletion_date = "Enabled", True, None
    replica.aliases, replica.grants, replica.rotations = {}, {}, []
    family = primary.multi_region_configuration
    replica.multi_region_configuration = family | {"MultiRegionKeyType": "REPLICA"}
    family["ReplicaKeys"].append({"Arn": replica.arn, "Region": region})
    regional[region].keys[replica.id] = replica
    return replica


SEAMS = (
    (moto.kms.models, "generate_key_id", key_id),
    (moto.kms.models, "generate_private_key", private_key),
    (moto.kms.responses, "validate_policy", judge_nothing),
    (KmsResponse, "_validate_cmk_id", require_key),
    (KmsBackend, "replicate_key", replicate),
)
"""Where, which name, and what stands there instead."""
