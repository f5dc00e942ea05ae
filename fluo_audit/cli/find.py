"""fluo-audit find."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from fluo_audit.cli import terminal
from fluo_audit.cli.options import Globals, account_options, file_options, format_option, pass_globals
from fluo_audit.errors import ExitCode

if TYPE_CHECKING:
    from fluo_audit.model.evidence import Fact
    from fluo_audit.provision.find import FoundKey


@click.command()
@file_options
@account_options
@format_option
@pass_globals
def find(options: Globals, output: str) -> int:
    """Find the key and show what it is.

    Every place that is given must name the same key: --key (id, ARN, alias, alias ARN), --environment (alias/fluo-ENV,
    or the key's tags), and files. Without any: the only alias/fluo-* there is, or the only key tagged as FLUO's.
    Of a file nothing but the key's name is kept. A key ARN brings its Region.

    \b
    fluo-audit --environment production find --properties application.properties
    terraform output -json | fluo-audit find --terraform-output -
    fluo-audit find --tfstate terraform.tfstate --properties backend.env

    Exit 3: a place that was given does not name the key, or could not be read. Exit 5: two places name two keys.
    """
    from fluo_audit import pipeline

    with options.account() as account:
        found = pipeline.resolve_key(account)
        facts = pipeline.look_at(account, found)
    if output == "json":
        terminal.print_json("find", {**_names(found), **_document(facts)})
    else:
        silent = [("Not found by", f"{said.source}: {said.reason}") for said in found.said if not said.arn]
        terminal.texts([("Key", found.arn), ("Found by", found.found_by), *silent, *_lines(facts)])
        terminal.next_step("fluo-audit report -d evidence")
    incomplete = any(not _read(fact) for fact in facts.values()) or any(not said.arn for said in found.said)
    return ExitCode.INCOMPLETE if incomplete else ExitCode.OK


def _names(found: FoundKey) -> dict[str, Any]:
    """Return for programs by what the key was found; a source that does not name it has null and a reason."""
    sources = [
        {"source": said.source, "key_arn": said.arn or None, "reason": said.reason or None} for said in found.said
    ]
    return {"key_arn": found.arn, "found_by": found.found_by, "sources": sources}


def _lines(facts: dict[str, Fact[Any]]) -> list[tuple[str, str]]:
    return [("State", _state(facts["key"])), ("Rotation", _rotation(facts))]


def _state(fact: Fact[Any]) -> str:
    if not _read(fact):
        return _unread(fact)
    key = fact.value  # type: ignore[union-attr]  # _read says it is there
    manager = {"CUSTOMER": "customer managed", "AWS": "AWS managed"}.get(key.manager, "manager not stated")
    regions = {True: "multi-Region", False: "single Region"}.get(key.multi_region, "Regions not stated")
    return f"{key.state}, {manager}, {key.spec}, {regions}"


def _rotation(facts: dict[str, Fact[Any]]) -> str:
    setting, history = facts["rotation"], facts["rotations"]
    if not _read(setting):
        return _unread(setting)
    rotation = setting.value  # type: ignore[union-attr]  # _read says it is there
    if not rotation.enabled:
        return "off"
    said = [f"every {rotation.period_days} days" if rotation.period_days else "on, period not stated"]
    if _read(history):
        dates = history.value["rotated_at"].dropna()  # type: ignore[union-attr]  # _read says it is there
        said.append(f"last {dates.max():%Y-%m-%d}" if len(dates) else "none yet")
    if rotation.next_at:
        said.append(f"next {rotation.next_at:%Y-%m-%d}")
    return ", ".join(said)


def _read(fact: Fact[Any]) -> bool:
    from fluo_audit.model.evidence import Have

    return isinstance(fact, Have)


def _unread(fact: Any) -> str:
    return f"not read: {fact.operation}, {fact.reason}; {fact.remedy}"


def _document(facts: dict[str, Fact[Any]]) -> dict[str, Any]:
    """Return the facts for programs; what could not be read is null, and `not_read` says why."""
    from fluo_audit.model.evidence import Have

    values = {name: fact.value if isinstance(fact, Have) else None for name, fact in facts.items()}
    key, rotation, history = values["key"], values["rotation"], values["rotations"]
    dates = None if history is None else history["rotated_at"].dropna()
    return {
        "key": key and {"state": key.state, "manager": key.manager, "spec": key.spec, "multi_region": key.multi_region},
        "rotation": rotation
        and {
            "enabled": rotation.enabled,
            "period_days": rotation.period_days,
            "next_at": _iso(rotation.next_at),
            "last_at": None if dates is None or dates.empty else _iso(dates.max()),
        },
        "not_read": [_unread(fact) for fact in facts.values() if not _read(fact)],
    }


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else f"{moment:%Y-%m-%dT%H:%M:%SZ}"
