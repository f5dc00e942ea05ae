"""The Terraform module and what it gives the backend: variables, outputs, commands, settings."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from io import StringIO

from javaproperties import InvalidUEscapeError, KeyValue, parse

from fluo_audit.provision.defects.check import MODULE, Answer, check, defect, listed, number_of, ok, shortened, unclear
from fluo_audit.provision.files.env_file import ABOUT_KEY
from fluo_audit.provision.files.module_files import Module
from fluo_audit.provision.outputs import PROPERTIES, environment_variables

READ_OUTPUTS = (
    "kms_key_arn", "kms_key_id", "kms_key_alias", "aws_region", "fluo_backend_config", "fluo_backend_env_vars",
    "validation_commands",
)  # fmt: skip
"""What the documented commands read; beside them iam_role_name, where a role is made."""
NO_MODULE = "there is no Terraform module"
MINUTES_OF_AN_HOUR = 60


@check(
    "variables-have-effect",
    "Every variable of the module has an effect",
    needs=("module",),
    beside=("rotation_days", "wanted_rotation_days"),
    means="Setting the variable changes nothing, and nothing says so.",
    fix=f"fluo-audit provision apply --key-rotation-period-days DAYS, or {MODULE}, which uses all its variables",
)
def variables_have_effect(module: Module, rotation: int | None, wanted: int | None) -> Answer:
    """Look for variables that nothing reads, and for a rotation period that did not arrive."""
    if module.unused:
        return defect(f"declared, and used nowhere: {listed(module.unused)}")
    if "key_rotation_period_days" in module.declared and rotation is not None and wanted not in {None, rotation}:
        every = f"every {rotation} days" if rotation else "never"
        return defect(f"key_rotation_period_days is {wanted}, and the key rotates {every}")
    return ok(f"all of {number_of(len(module.declared), 'variable')} are used" if module.blocks else NO_MODULE)


@check(
    "properties-are-plain",
    "application.properties holds each setting once, and plain",
    needs=("properties",),
    means="Terraform's marks and quotes become part of the settings; of a setting that is there twice, one is lost.",
    fix="fluo-audit output fluo_backend_config --write FILE: one block, which is replaced the next time",
)
def properties_are_plain(properties: str) -> Answer:
    """Read the file as the backend does, and look for what `terraform output` without -raw prints.

    https://developer.hashicorp.com/terraform/cli/commands/output
    """
    try:
        found = [each for each in parse(StringIO(properties, newline="")) if isinstance(each, KeyValue)]
    except InvalidUEscapeError:
        return unclear("it holds \\u without four hexadecimal digits")
    marks = [each.key for each in found if re.fullmatch(r"<<-?\w+", each.key)]
    quoted = [each.key for each in found if each.key in PROPERTIES and re.fullmatch(r'".*"', each.value)]
    twice = [key for key, number in Counter(each.key for each in found).items() if number > 1 and key in PROPERTIES]
    wrong = {"marks of a text of Terraform's": marks, "in quotes": quoted, "set more than once": twice}
    said = "; ".join(f"{words}: {listed(names)}" for words, names in wrong.items() if names)
    return defect(said) if said else ok("no marks, no quotes, nothing twice")


@check(
    "outputs-passed-on",
    "The root module passes on every output that the documented commands read",
    needs=("outputs", "creates_role"),
    means="Terraform shows outputs of the root module alone: the commands that read the others end with an error.",
    fix=f"fluo-audit output NAME, or pass the outputs on as {MODULE}/examples do",
)
def outputs_passed_on(outputs: frozenset[str], creates_role: bool) -> Answer:  # noqa: FBT001, a field of SetUp
    """Compare the names."""
    wanted = (*READ_OUTPUTS, *(("iam_role_name",) if creates_role else ()))
    lacks = [name for name in wanted if name not in outputs]
    return defect(f"not passed on: {listed(lacks)}") if lacks else ok(f"all of {len(wanted)} are there")


@check(
    "validation-commands-run",
    "A shell runs the validation commands as they are printed",
    needs=("validation_commands",),
    means="The command ends at the broken line, without its options, and the rest of it is run as another command.",
    fix="fluo-audit output validation_commands --raw; fluo-audit validate does the same and more",
)
def validation_commands_run(validation_commands: str) -> Answer:
    """Join lines as a shell does: no command begins with an option, no line ends with backslashes that join nothing."""
    commands = list(_commands(validation_commands))
    for words in commands:
        if words[0].startswith("-") or any(_JOINS_NOTHING.fullmatch(word) for word in words):
            return defect(f"a line is not continued in: {shortened(' '.join(words))}")
    return ok(f"{number_of(len(commands), 'command')}, each whole" if commands else "there are none")


_SHELL = re.compile(
    r"""(?P<joined>\\\r?\n)|(?P<end>\n)|(?P<skip>\s|\#[^\n]*)"""
    r"""|(?P<word>(?:'[^']*+'|"(?:\\.|[^"\\])*+"|\\[^\n]|[^\s\\'"])+|.)""",
    re.DOTALL,
)
_JOINS_NOTHING = re.compile(r"(\\[\\\s])+")
"""Backslashes in twos, or before a blank."""


def _commands(text: str) -> Iterator[list[str]]:
    """Give the words of each command, quotes and all."""
    words: list[str] = []
    for match in _SHELL.finditer(f"{text}\n"):
        if match["word"]:
            words.append(match["word"])
        elif match["end"] and words:
            yield words
            words = []
    if words:
        yield words


@check(
    "module-folder-loads",
    "The module's folder is one module that Terraform can load",
    needs=("module",),
    means="terraform init ends with an error.",
    fix=f"{MODULE}: its examples have folders of their own",
)
def module_folder_loads(module: Module) -> Answer:
    """Look for blocks that are there twice, and for calls of folders that are not there."""
    wrong = {"there twice": module.doubled, "no such folder": module.missing}
    said = "; ".join(f"{words}: {listed(names)}" for words, names in wrong.items() if names)
    return defect(said) if said else ok("nothing is there twice" if module.blocks else NO_MODULE)


_PROPERTY_OF = dict(zip(environment_variables("", "", 0), PROPERTIES, strict=True))


@check(
    "environment-variables-map",
    "Every environment variable is one that the backend reads, in its unit",
    needs=("environment_variables",),
    beside=("properties",),
    means="Quarkus reads a.b-c from A_B_C and from nothing else: the backend keeps its default and says nothing.",
    fix="fluo-audit output fluo_backend_env_vars",
)
def environment_variables_map(environment_variables: Mapping[str, str], properties: str | None) -> Answer:
    """Compare the names with those that Quarkus makes of the settings, and the values with application.properties.

    https://quarkus.io/guides/config-reference#environment-variables
    """
    ours = [name for name in environment_variables if ABOUT_KEY.fullmatch(name)]
    if strange := [name for name in ours if name not in _PROPERTY_OF]:
        return defect(f"no setting is read from {listed(strange)}")
    written = _numbers(properties or "")
    for name in ours:
        value, there = _number(environment_variables[name]), written.get(_PROPERTY_OF[name])
        if value and there and max(value, there) == MINUTES_OF_AN_HOUR * min(value, there):
            return defect(f"another unit: {name} is {value}, {_PROPERTY_OF[name]} is {there}")
    return ok(f"all of {number_of(len(ours), 'variable')} are settings" if ours else "none is about the key")


def _numbers(properties: str) -> dict[str, int | None]:
    """Return the settings as whole numbers."""
    try:
        found = [each for each in parse(StringIO(properties, newline="")) if isinstance(each, KeyValue)]
    except InvalidUEscapeError:
        return {}
    return {each.key: _number(each.value) for each in found}


def _number(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else None
