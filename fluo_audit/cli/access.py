"""fluo-audit access."""

from __future__ import annotations

import difflib
import shlex
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from fluo_audit.cli import terminal
from fluo_audit.cli.options import Globals, account_options, format_option, pass_globals
from fluo_audit.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from fluo_audit.model.evidence import Missing
    from fluo_audit.pipeline import Account
    from fluo_audit.provision.find import FoundKey
    from fluo_audit.runbook.permission import Permission

_ALLOWED, _DENIED, _UNKNOWN = ("supported", "allowed"), ("exception", "denied"), ("inconclusive", "unknown")


@click.group()
def access() -> None:
    """Ask who may do what with the key. Only reads are sent."""


@access.command()
@click.argument("role")
@click.argument("action")
@click.option(
    "--context",
    "pairs",
    multiple=True,
    metavar="NAME=VALUE",
    help="A pair of the encryption context of the call. May be repeated; none: a call without one.",
)
@account_options
@format_option
@pass_globals
def can(options: Globals, *, role: str, action: str, pairs: tuple[str, ...], output: str) -> int:
    """Say whether ROLE may do ACTION with the key, which statement decides, and why.

    ROLE is a name or an ARN (of a role or of a session of it), ACTION an operation with or without kms:. The key
    policy, the policies of the role and the grants are read and put together as AWS puts them together.

    \b
    Without an encryption context, and with one:
      fluo-audit access can fluo-backend Decrypt
      fluo-audit access can fluo-backend Decrypt --context purpose=health_check
    Could the batch job delete the key?
      fluo-audit access can fluo-batch ScheduleKeyDeletion
    The role of another account, for a script:
      fluo-audit access can arn:aws:iam::444455556666:role/partner Encrypt -o json

    Exit 0: allowed. Exit 1: denied. Exit 3: unknown, because something that matters could not be read.
    """
    from fluo_audit import pipeline
    from fluo_audit.runbook.rules import main_purpose

    action = _action(action)
    context = _context(pairs, action)
    with options.account() as account:
        found = pipeline.resolve_key(account)
        arn, answer = _ask(account, found, role, action, context)
    if output == "json":
        terminal.print_json("access-can", _document(found.arn, arn, action, context, answer))
    else:
        _show(arn, action, context, answer)
        if _outcome(answer) == _DENIED and not context and _carries_context(action):
            purpose = main_purpose(account.settings.baseline)
            terminal.next_step(f"fluo-audit access can {shlex.quote(role)} {action} --context purpose={purpose}")
    outcome = _outcome(answer)
    return {_ALLOWED: ExitCode.OK, _DENIED: ExitCode.EXCEPTIONS, _UNKNOWN: ExitCode.INCOMPLETE}[outcome]


def _action(text: str) -> str:
    """Return the action as IAM spells it."""
    from fluo_audit.policy import KMS_ACTIONS, kms_action

    name = text.partition(":")[2] if text.lower().startswith("kms:") else text
    known = kms_action(f"kms:{name}")
    if known is not None and known.on_key:
        return f"kms:{known.name}"
    if known is not None:
        raise UsageError(
            f"kms:{known.name} is not made on a key", "ask about an operation that is, such as DescribeKey"
        )
    if name.lower() == "reencrypt":
        raise UsageError("a re-encryption needs two permissions", "ask about ReEncryptFrom and ReEncryptTo")
    near = difflib.get_close_matches(name.lower(), {each.name.lower(): each.name for each in KMS_ACTIONS}, n=1)
    spelled = next((each.name for each in KMS_ACTIONS if [each.name.lower()] == near), "Decrypt")
    raise UsageError(f"{text}: not an operation of KMS", f"did you mean {spelled}?" if near else "such as Decrypt")


def _context(pairs: tuple[str, ...], action: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise UsageError(f"--context {pair}: not a pair", "write it like purpose=pii_redaction")
        if name in found:
            raise UsageError(f"--context {name} is given twice", "a context has each name once")
        found[name] = value
    if found and not _carries_context(action):
        raise UsageError(f"a request of {action} carries no encryption context", "leave out --context")
    return found


def _carries_context(action: str) -> bool:
    from fluo_audit.policy import kms_action

    known = kms_action(action)
    return known is not None and known.encryption_context


def _ask(account: Account, found: FoundKey, text: str, action: str, context: dict[str, str]) -> tuple[str, Permission]:
    """Return the role's ARN and the answer: only IAM knows the ARN of a role that is given by name."""
    from fluo_audit import pipeline
    from fluo_audit.model import sources
    from fluo_audit.policy import Decision, Outcome
    from fluo_audit.runbook.permission import READS, Permission, named_role, permission, real_role

    named = named_role(text, pipeline.criteria_now(account, found).scope)
    roles = pipeline.facts_now(_about(account, named), found, (sources.ROLES,))[sources.ROLES.name]
    role = real_role(text, named, roles)
    if not isinstance(role, str):
        reason = "a name does not tell the ARN of a role, and IAM could not be asked: give the ARN"
        return named, Permission(Decision(Outcome.UNKNOWN, (), reason), missing=(role,))
    about = _about(account, role)
    facts = pipeline.facts_now(about, found, READS)
    return role, permission(facts, pipeline.criteria_now(about, found), role, action, context)


def _about(account: Account, role: str) -> Account:
    """Return the account with this role in place of the declared backend roles."""
    baseline = replace(account.settings.baseline, backend_roles=(role,))
    return replace(account, settings=replace(account.settings, baseline=baseline))


def _outcome(answer: Permission) -> tuple[str, str]:
    from fluo_audit.policy import Outcome

    if answer.decision.outcome is Outcome.UNKNOWN:
        return _UNKNOWN
    return _ALLOWED if answer.decision.is_allowed else _DENIED


def _show(role: str, action: str, context: dict[str, str], answer: Permission) -> None:
    from fluo_audit.policy import Outcome
    from fluo_audit.runbook.permission import NOT_CONSIDERED
    from fluo_audit.runbook.rules import context_words

    kind, word = _outcome(answer)
    carried = f", {context_words(context)}" if _carries_context(action) else ""
    terminal.marked_rows([(kind, word, f"{action} by {role}{carried}")])
    label = "Nearest" if answer.decision.outcome is Outcome.IMPLICIT_DENY else "Decided by"
    lines = [(label, f"{ref}{': ' if words else ''}{words}") for ref, words in answer.statements]
    lines.append(("Reason", answer.decision.reason))
    lines += [("Not read", _unread(each)) for each in answer.missing]
    terminal.texts([*lines, ("Not asked", ", ".join(NOT_CONSIDERED))])


def _unread(missing: Missing) -> str:
    return f"{missing.operation}, {missing.reason}" + (f"; {missing.remedy}" if missing.remedy else "")


def _document(key: str, role: str, action: str, context: dict[str, str], answer: Permission) -> dict[str, object]:
    from fluo_audit.runbook.permission import NOT_CONSIDERED

    return {
        "key_arn": key,
        "role_arn": role,
        "action": action,
        "encryption_context": context,
        "outcome": answer.decision.outcome.value,
        "allowed": {"allowed": True, "denied": False}.get(_outcome(answer)[1]),
        "statements": [
            {"policy": ref.policy, "statement": ref.statement, "says": words} for ref, words in answer.statements
        ],
        "reason": answer.decision.reason,
        "not_read": [_unread(each) for each in answer.missing],
        "not_considered": list(NOT_CONSIDERED),
    }
