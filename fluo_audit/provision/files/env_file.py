"""Read the backend's settings from a file of environment variables, as Docker and shells take them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from io import StringIO
from pathlib import PurePath

from dotenv.parser import parse_stream

from fluo_audit.errors import UsageError
from fluo_audit.provision.files.backend_settings import BackendSettings, stated

KEY, REGION, PROVIDER = VARIABLES = ("AWS_KMS_MASTER_KEY_ID", "AWS_KMS_REGION", "FLUO_KMS_PROVIDER")
ABOUT_KEY = re.compile(r"(AWS_KMS|FLUO_KMS|KMS)_\w+")
"""Names of variables that are meant for the backend's use of the key, rightly or not."""
_ASSIGNMENT = re.compile(rf"^[ \t]*(export[ \t]+)?({'|'.join(VARIABLES)})[ \t]*=", re.MULTILINE)


def is_env_file(file: str, text: str) -> bool:
    """Return whether a file holds environment variables rather than properties, going by its name, else its text."""
    name = PurePath(file).name
    if name.endswith(".properties"):
        return False
    return name.endswith(".env") or name.startswith(".env.") or bool(_ASSIGNMENT.search(text))


def read_env_file(text: str, file: str) -> BackendSettings:
    """Return the settings in a file of NAME=value lines, with or without `export` and quotes; the last one counts.

    Raises UsageError for a line about one of them that cannot be read. No variable of this machine is looked at.
    """
    values: dict[str, str | None] = {}
    for binding in parse_stream(StringIO(text)):
        written = binding.original.string
        if binding.error and any(name in written for name in VARIABLES):
            line = binding.original.line + written[: len(written) - len(written.lstrip())].count("\n")
            raise UsageError(f"{file}:{line}: not NAME=value", "correct the line: is a quote left open?")
        if binding.key in VARIABLES:
            values[binding.key] = binding.value
    return settings_of_variables(values, file)


def variables_about_key(text: str) -> dict[str, str]:
    """Return every variable about the key in such a file, known to the backend or not; others are dropped at once."""
    bindings = parse_stream(StringIO(text))
    return {each.key: each.value or "" for each in bindings if each.key and ABOUT_KEY.fullmatch(each.key)}


def settings_of_variables(values: Mapping[str, str | None], file: str) -> BackendSettings:
    """Return the settings among environment variables."""
    key, region, provider = (stated(values, name, ":-") for name in VARIABLES)
    return BackendSettings(file, key, region, provider)
