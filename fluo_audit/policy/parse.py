"""Read a policy document from JSON text or from an already decoded object, and say where it is malformed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from fluo_audit.errors import FluoAuditError
from fluo_audit.policy.document import Condition, Effect, PolicyDocument, PrincipalName, Selection, Statement
from fluo_audit.policy.wildcard import lower

T = TypeVar("T")

_VERSIONS = ("2012-10-17", "2008-10-17")
_PRINCIPAL_KINDS = ("AWS", "Service", "Federated", "CanonicalUser")
_ACCOUNT_DIGITS = 12
_EFFECTS = ("Allow", "Deny")
_DOCUMENT_ELEMENTS = frozenset({"Version", "Id", "Statement"})
_STATEMENT_ELEMENTS = frozenset(
    {"Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"}
)


class PolicySyntaxError(FluoAuditError):
    """A policy document is not one that AWS would accept; the message says where, such as Statement[2].Effect."""

    def __init__(self, where: str, problem: str, *, policy: str) -> None:
        super().__init__(f"{policy}: {where}: {problem}", hint="Read the policy again from AWS, or correct the file.")
        self.where = where
        self.problem = problem


def parse_policy(source: str | Mapping[str, Any], *, name: str = "policy", partition: str = "aws") -> PolicyDocument:
    """Return the policy in `source`; raise PolicySyntaxError when it is malformed.

    `name` is how reasons and reports call it ("key policy", "role policy fluo-kms-access"). `partition` completes bare
    account ids: `111122223333` means `arn:aws:iam::111122223333:root`. Accepted though useless, as KMS accepts them:
    a statement without Action or Resource, and one without any principal. They apply to nothing.
    """
    return _Parser(name, partition).document(source)


class _Parser:
    """One reading of one document: carries what every message needs."""

    def __init__(self, name: str, partition: str) -> None:
        self._name = name
        self._partition = partition

    def _error(self, where: str, problem: str) -> PolicySyntaxError:
        return PolicySyntaxError(where, problem, policy=self._name)

    def document(self, source: str | Mapping[str, Any]) -> PolicyDocument:
        decoded = self._decode(source) if isinstance(source, str) else source
        root = self._object(decoded, "document", _DOCUMENT_ELEMENTS)
        version = root.get("Version", _VERSIONS[-1])
        if version not in _VERSIONS:
            raise self._error("Version", f"{version!r} is not one of {', '.join(_VERSIONS)}")
        if "Statement" not in root:
            raise self._error("Statement", "missing")
        raw = root["Statement"]
        statements = raw if isinstance(raw, list) else [raw]
        return PolicyDocument(
            statements=tuple(self._statement(one, position) for position, one in enumerate(statements)),
            version=version,
            policy_id=self._text(root.get("Id", ""), "Id"),
            name=self._name,
        )

    def _decode(self, text: str) -> Any:
        try:
            return json.loads(text, object_pairs_hook=self._unique, parse_constant=self._no_constant)
        except json.JSONDecodeError as error:
            raise self._error(f"line {error.lineno} column {error.colno}", error.msg) from error
        except ValueError as error:  # an integer of thousands of digits
            raise self._error("document", "holds a number that is too long") from error
        except RecursionError as error:
            raise self._error("document", "nested too deeply") from error

    def _unique(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        """Refuse a repeated key: Python would keep the last one, and another reader the first."""
        found: dict[str, Any] = {}
        for key, value in pairs:
            if key in found:
                raise self._error("document", f"the key {key!r} is given twice in one object")
            found[key] = value
        return found

    def _no_constant(self, constant: str) -> Any:
        raise self._error("document", f"{constant} is not JSON")

    def _statement(self, raw: object, position: int) -> Statement:
        where = f"Statement[{position}]"
        element = self._object(raw, where, _STATEMENT_ELEMENTS)
        if (effect := element.get("Effect")) not in _EFFECTS:
            raise self._error(f"{where}.Effect", "must be Allow or Deny")
        return Statement(
            effect=Effect(effect),
            sid=self._text(element.get("Sid", ""), f"{where}.Sid"),
            principals=self._selection(element, "Principal", where, self._principals),
            actions=self._selection(element, "Action", where, self._actions),
            resources=self._selection(element, "Resource", where, self._texts),
            conditions=self._conditions(element.get("Condition", {}), f"{where}.Condition"),
            position=position + 1,
        )

    def _selection(
        self, element: Mapping[str, Any], name: str, where: str, read: Callable[[object, str], tuple[T, ...]]
    ) -> Selection[T] | None:
        negated = f"Not{name}"
        if name in element and negated in element:
            raise self._error(where, f"{name} and {negated} exclude each other")
        for key in (name, negated):
            if key in element:
                return Selection(read(element[key], f"{where}.{key}"), excluded=key == negated)
        return None

    def _principals(self, raw: object, where: str) -> tuple[PrincipalName, ...]:
        if raw == "*":  # IAM reads both spellings of everybody alike
            return (PrincipalName("AWS", "*"),)
        if not isinstance(raw, Mapping):
            raise self._error(where, 'must be "*" or an object such as {"AWS": ...}')
        found: set[PrincipalName] = set()
        for kind, names in raw.items():
            if kind not in _PRINCIPAL_KINDS:
                raise self._error(where, f"{kind!r} is not one of {', '.join(_PRINCIPAL_KINDS)}")
            found.update(PrincipalName(kind, self._principal(kind, n)) for n in self._scalars(names, f"{where}.{kind}"))
        return tuple(sorted(found))

    def _principal(self, kind: str, name: str) -> str:
        is_account = kind == "AWS" and len(name) == _ACCOUNT_DIGITS and name.isascii() and name.isdigit()
        return f"arn:{self._partition}:iam::{name}:root" if is_account else name

    def _actions(self, raw: object, where: str) -> tuple[str, ...]:
        actions = self._texts(raw, where)
        for action in actions:
            if action.strip("*") and ":" not in action:
                raise self._error(where, f"{action!r} is not of the form service:Action")
        return actions

    def _conditions(self, raw: object, where: str) -> tuple[Condition, ...]:
        found: list[Condition] = []
        for operator, block in sorted(self._object(raw, where).items()):
            place = f"{where}.{operator}"
            keys = self._object(block, place)
            if len({lower(key) for key in keys}) < len(keys):
                raise self._error(place, "the same condition key is given twice, in different case")
            for key, values in sorted(keys.items()):
                found.append(Condition(operator, key, tuple(sorted(set(self._scalars(values, f"{place}.{key}"))))))
        return tuple(found)

    def _object(self, raw: object, where: str, elements: frozenset[str] | None = None) -> Mapping[str, Any]:
        if not isinstance(raw, Mapping) or not all(isinstance(key, str) for key in raw):
            raise self._error(where, "must be a JSON object")
        if elements is not None and (strange := sorted(set(raw) - elements)):
            raise self._error(where, f"unknown element {strange[0]!r}")
        return raw

    def _texts(self, raw: object, where: str) -> tuple[str, ...]:
        values = raw if isinstance(raw, list) else [raw]
        return tuple(sorted({self._text(value, where) for value in values}))

    def _text(self, raw: object, where: str) -> str:
        if not isinstance(raw, str):
            raise self._error(where, "must be text")
        return raw

    def _scalars(self, raw: object, where: str) -> list[str]:
        """Read one value or a list: text, or a number or truth value in the spelling IAM compares."""
        return [self._scalar(value, where) for value in (raw if isinstance(raw, list) else [raw])]

    def _scalar(self, value: object, where: str) -> str:
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, int | float):
            return str(value)
        return self._text(value, where)
