"""Read what Terraform calls the key: `terraform output -json`, a state file, or `terraform show -json` of one.

Both outputs and states hold secrets. Only the few values that name the key leave this module, and no error repeats
what a file says.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fluo_audit.errors import UsageError
from fluo_audit.provision.desired import PURPOSE
from fluo_audit.provision.files.backend_settings import BackendSettings
from fluo_audit.provision.files.env_file import settings_of_variables
from fluo_audit.provision.files.properties import read_properties
from fluo_audit.provision.key_name import KeyName, key_id_of, key_name

ARN, ID, ALIAS, ALIAS_ARN = "kms_key_arn", "kms_key_id", "kms_key_alias", "kms_key_alias_arn"
CONFIGS, VARIABLES = ("fluo_backend_config", "fluo_config"), "fluo_backend_env_vars"
COMMANDS = "validation_commands"
REPLICAS, REGION = "replica_key_arns", "aws_region"
_NAMES = {ARN, ID, ALIAS, ALIAS_ARN, *CONFIGS, VARIABLES}
KEY, REPLICA_KEY, KEY_ALIAS = "aws_kms_key", "aws_kms_replica_key", "aws_kms_alias"
STATE_VERSION, SHOW_VERSION = 4, "1."
DEEPEST = 8
"""Levels of objects and lists in outputs that are looked into."""
_FLUO_ALIAS = re.compile(r"alias/fluo-(?!cloudtrail-).+")


@dataclass(frozen=True, slots=True)
class _Resource:
    """One instance of a resource that is or names a key."""

    kind: str
    address: str
    attributes: Mapping[str, Any]

    def text(self, name: str) -> str:
        return _text(self.attributes.get(name))

    def tag(self, name: str) -> str:
        tags = self.attributes.get("tags_all") or self.attributes.get("tags")
        return _text(tags.get(name)) if isinstance(tags, Mapping) else ""


def read_terraform(text: str, file: str, environment: str = "") -> tuple[KeyName, ...]:
    """Return what names the key: outputs, or else the resources that are FLUO's key, of the environment if given.

    Replicas of the key follow it. Without any name, the one that is returned is empty and says why. Several keys come
    back when nothing tells them apart. Raises UsageError that names file and place for what Terraform does not write.
    """
    document = _parsed(text, file)
    if isinstance(document, str):  # terraform output -json kms_key_arn
        return (key_name(document, file, "the value"),)
    outputs, resources = _parts(document, file)
    named = [*_of_outputs(outputs, file, environment)] or _of_resources(resources, file, environment)
    if not named:
        reason = "names no key of FLUO" + (f" in {environment}" if environment else "")
        return (KeyName("", file, reason=f"{reason}: no output such as {ARN} or fluo_backend_config, and no such key"),)
    ids = {key_id_of(name.value) for name in named} - {""}
    replicas = [_named(each, "arn", file) for each in resources if each.kind == REPLICA_KEY and each.text("arn")]
    first: dict[str, KeyName] = {}
    for name in (*named, *(replica for replica in replicas if key_id_of(replica.value) in ids)):
        first.setdefault(name.value, name)
    return tuple(first.values())


def read_outputs(text: str, file: str) -> dict[str, Any]:
    """Return the outputs by name, those of modules that are put out whole included.

    Only validation_commands and fluo_backend_env_vars keep their values: of the others nothing but the name is needed.
    Raises UsageError like `read_terraform`.
    """
    outputs, _ = _parts(_parsed(text, file), file)
    root = {name: _value(member) for name, member in outputs.items()}
    modules: list[Mapping[str, Any]] = [root, *(module for _, module in _modules(outputs, ""))]
    found: dict[str, Any] = {name: None for module in modules for name in module}
    for module in modules:
        found[COMMANDS] = found.get(COMMANDS) or _text(module.get(COMMANDS)) or None
        found[VARIABLES] = found.get(VARIABLES) or _variables(module, file)
    return {name: value for name, value in found.items() if any(name in module for module in modules)}


# --- the document ------------------------------------------------------------------------------------------------


def _parsed(text: str, file: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_object, parse_int=_number, parse_float=str)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        hint = "give what `terraform output -json`, `terraform show -json` or `terraform state pull` prints"
        # Without its cause: that one holds the whole document.
        raise UsageError(f"{file}: not JSON: {place}", hint) from None
    except RecursionError:
        raise UsageError(f"{file}: nested too deeply for a file of Terraform's", "give another file") from None
    except _DoubledError:
        raise UsageError(f"{file}: an object in it has one name twice", "give the file as Terraform wrote it") from None


class _DoubledError(Exception):
    """An object has one name twice: which of the two is meant is anybody's guess."""


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise _DoubledError
    return members


def _number(digits: str) -> int | str:
    """Return a whole number; one that no version or index can be stays text, which costs nothing to read."""
    return int(digits) if len(digits) < len(str(2**63)) else digits


def _parts(document: Any, file: str) -> tuple[Mapping[str, Any], list[_Resource]]:
    """Return the outputs and the resources in a document of any of the three shapes."""
    top = _mapping(document, file, "the document")
    if "format_version" in top:
        return _shown(top, file)
    if isinstance(top.get("version"), int) and ("lineage" in top or "resources" in top):
        if top["version"] != STATE_VERSION:
            raise UsageError(f"{file}: a state of another version than 4", "upgrade it with a current Terraform")
        return _mapping(top.get("outputs", {}), file, "outputs"), [*_stored(top, file)]
    if "encrypted_data" in top:
        raise UsageError(f"{file}: an encrypted state", "give what `tofu show -json` prints")
    return top, []


def _shown(top: Mapping[str, Any], file: str) -> tuple[Mapping[str, Any], list[_Resource]]:
    if not _text(top["format_version"]).startswith(SHOW_VERSION):
        raise UsageError(f"{file}: a format_version other than 1", "give what a current `terraform show -json` prints")
    if "planned_values" in top:
        raise UsageError(f"{file}: a plan, which names what may come", "give `terraform show -json` of the state")
    values = _mapping(top.get("values", {}), file, "values")  # a state without anything in it has none
    root = _mapping(values.get("root_module", {}), file, "values.root_module")
    found: list[_Resource] = []
    modules = [root]
    while modules:
        module = modules.pop()
        place = _text(module.get("address")) or "root_module"
        for each in _list(module.get("resources", []), file, f"{place}.resources"):
            resource = _mapping(each, file, f"{place}.resources")
            if _wanted(resource) and "deposed_key" not in resource:
                address = _text(resource.get("address"))
                found.append(_Resource(resource["type"], address, _mapping(resource.get("values", {}), file, address)))
        children = _list(module.get("child_modules", []), file, f"{place}.child_modules")
        modules += [_mapping(child, file, f"{place}.child_modules") for child in children]
    return _mapping(values.get("outputs", {}), file, "values.outputs"), found


def _stored(top: Mapping[str, Any], file: str) -> Iterator[_Resource]:
    for each in _list(top.get("resources", []), file, "resources"):
        resource = _mapping(each, file, "resources")
        if not _wanted(resource):
            continue
        module = _text(resource.get("module"))
        address = f"{module}.{resource['type']}" if module else resource["type"]
        address = f"{address}.{_text(resource.get('name'))}"
        for one in _list(resource.get("instances", []), file, address):
            instance = _mapping(one, file, address)
            if "deposed" not in instance:  # what an unfinished replacement left to be destroyed
                place = address + _index(instance.get("index_key"))
                yield _Resource(resource["type"], place, _mapping(instance.get("attributes", {}), file, place))


def _index(key: Any) -> str:
    return f"[{json.dumps(key)}]" if isinstance(key, str | int) else ""


def _wanted(resource: Mapping[str, Any]) -> bool:
    return resource.get("mode") == "managed" and resource.get("type") in {KEY, REPLICA_KEY, KEY_ALIAS}


# --- outputs -----------------------------------------------------------------------------------------------------


def _of_outputs(outputs: Mapping[str, Any], file: str, environment: str) -> Iterator[KeyName]:
    modules = [*_modules(outputs, "")]
    of_environment = [one for one in modules if _text(one[1].get(ALIAS)) == f"alias/fluo-{environment}"]
    for place, module in of_environment or modules:
        yield from _of_module(module, file, place)


def _modules(value: Any, place: str, depth: int = 0) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Give every object that has outputs of the module for members: the root's, or one that holds a whole module."""
    if depth > DEEPEST:
        return
    if isinstance(value, Mapping):
        members = {name: _value(member) for name, member in value.items()}
        if not _NAMES.isdisjoint(members):
            yield place, members
        inside = [(f"{place}.{name}" if place else name, each) for name, each in members.items() if name not in _NAMES]
    else:
        inside = [(f"{place}[{number}]", each) for number, each in enumerate(value)] if isinstance(value, list) else []
    for where, each in inside:
        yield from _modules(each, where, depth + 1)


def _value(member: Any) -> Any:
    """Return the value of an output, which `terraform output` and states wrap in an object."""
    wrapped = isinstance(member, Mapping) and "value" in member and member.keys() <= {"value", "type", "sensitive"}
    return member["value"] if wrapped else member


def _of_module(module: Mapping[str, Any], file: str, place: str) -> Iterator[KeyName]:
    """Give the names in the outputs of one module, the most exact ones, each followed by the replicas."""
    region = _text(module.get(REGION))

    def at(name: str) -> str:
        return f"{place}.{name}" if place else name

    exact = [key_name(arn, file, at(ARN), region)] if (arn := _text(module.get(ARN))) else []
    settings = [(at(name), read) for name, read in _configurations(module, file)]
    exact += [
        replace(name, place=f"{where}, {name.place}") for where, read in settings if (name := read.key_name()).value
    ]
    if not exact:
        written = next((name for name in (ID, ALIAS_ARN, ALIAS) if _text(module.get(name))), "")
        exact = [key_name(_text(module[written]), file, at(written), region)] if written else []
    yield from exact
    replicas = module.get(REPLICAS)
    listed = replicas.values() if isinstance(replicas, Mapping) else replicas if isinstance(replicas, list) else ()
    yield from (key_name(arn, file, at(REPLICAS)) for arn in listed if isinstance(arn, str))


def _configurations(module: Mapping[str, Any], file: str) -> Iterator[tuple[str, BackendSettings]]:
    for name in CONFIGS:
        if text := _text(module.get(name)):
            yield name, read_properties(text, file)
    if variables := _variables(module, file):
        yield VARIABLES, settings_of_variables(variables, file)


def _variables(module: Mapping[str, Any], file: str) -> dict[str, str]:
    variables = module.get(VARIABLES)
    if isinstance(variables, str):
        variables = _parsed(variables, f"{file}: {VARIABLES}")
    return {name: _text(value) for name, value in variables.items()} if isinstance(variables, Mapping) else {}


# --- resources ---------------------------------------------------------------------------------------------------


def _of_resources(resources: Sequence[_Resource], file: str, environment: str) -> list[KeyName]:
    """Return the keys that are FLUO's by alias or tags; a state's only key needs neither, unless they say otherwise."""
    marked = [*_marked(resources, file, environment)]
    if marked or [*_marked(resources, file, "")]:
        return marked
    keys = [_named(each, "arn", file) for each in resources if each.kind != KEY_ALIAS and each.text("arn")]
    return keys if len({key_id_of(name.value) for name in keys}) == 1 else []


def _marked(resources: Sequence[_Resource], file: str, environment: str) -> Iterator[KeyName]:
    """Give the keys with FLUO's alias or tags, keys before replicas; with an environment, not those of another one."""
    for each in sorted(resources, key=lambda one: (KEY, KEY_ALIAS, REPLICA_KEY).index(one.kind)):
        is_alias = each.kind == KEY_ALIAS
        alias = each.text("name")
        is_fluo = _FLUO_ALIAS.fullmatch(alias) if is_alias else each.tag("Purpose") == PURPOSE
        said = alias.removeprefix("alias/fluo-") if is_alias else each.tag("Environment")
        target = "target_key_arn" if is_alias else "arn"
        if is_fluo and each.text(target) and (not environment or said in {"", environment}):
            yield _named(each, target, file)


def _named(resource: _Resource, attribute: str, file: str) -> KeyName:
    return key_name(resource.text(attribute), file, resource.address)


# --- what may be anything ----------------------------------------------------------------------------------------


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _mapping(value: Any, file: str, place: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise UsageError(f"{file}: {place} is not an object, as Terraform writes it", "give the file as it was written")
    return value


def _list(value: Any, file: str, place: str) -> Sequence[Any]:
    if not isinstance(value, list):
        raise UsageError(f"{file}: {place} is not a list, as Terraform writes it", "give the file as it was written")
    return value
