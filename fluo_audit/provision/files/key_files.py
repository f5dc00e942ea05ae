"""Open the files that name the key, and leave behind all of them but the names."""

from __future__ import annotations

import codecs
import sys
from pathlib import Path
from typing import BinaryIO

from fluo_audit.errors import UsageError
from fluo_audit.provision.files.env_file import is_env_file, read_env_file
from fluo_audit.provision.files.properties import read_properties
from fluo_audit.provision.files.terraform_output import read_terraform
from fluo_audit.provision.key_name import KeyName

LIMIT, CONFIGURATION_LIMIT = 64 * 2**20, 2**20
"""Bytes of a file of Terraform's, and of the backend's configuration, which is parsed a hundred times more slowly."""
STDIN = "-"


def read_names(
    *,
    terraform_output: str = "",
    tfstate: str = "",
    properties: str = "",
    environment: str = "",
    stdin: BinaryIO | None = None,
) -> tuple[KeyName, ...]:
    """Return what the files call the key of the environment, at least one name a file; a name may be empty.

    Each argument but the last two is the path of a file; "-" as `terraform_output` reads `stdin`, by default the
    process's. Raises UsageError for a file that cannot be read or is not what it should be.
    """
    names: list[KeyName] = []
    for file in filter(None, (terraform_output, tfstate)):
        shown = "standard input" if file == STDIN else file
        names += read_terraform(text_of(file, stdin, LIMIT), shown, environment)
    if properties:
        text = text_of(properties, stdin, CONFIGURATION_LIMIT)
        read = read_env_file(text, properties) if is_env_file(properties, text) else None
        names.append((read or read_properties(text, properties, environment)).key_name())
    return tuple(names)


def text_of(file: str, stdin: BinaryIO | None, limit: int) -> str:
    """Return the text of a file of at most `limit` bytes, or of `stdin` for "-". Raises UsageError."""
    try:
        if file == STDIN:
            content = (stdin or sys.stdin.buffer).read(limit + 1)
        else:
            with Path(file).open("rb") as stream:  # a pipe too, such as the shell's <(terraform output -json)
                content = stream.read(limit + 1)
    except OSError as error:
        raise UsageError(
            f"{file}: cannot be read: {error.strerror or error}", "name a file that you may read"
        ) from None
    if len(content) > limit:
        raise UsageError(f"{file}: larger than {limit >> 20} MiB", "name another file")
    return _decoded(content)


def _decoded(content: bytes) -> str:
    """Return the text: UTF-8; Latin-1 where it is not that; UTF-16 as PowerShell's > writes it."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", "replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")
