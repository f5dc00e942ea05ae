"""fluo-audit trail."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from fluo_audit.cli import terminal
from fluo_audit.cli.options import AskedPeriod, Globals, account_options, format_option, pass_globals, period_options
from fluo_audit.errors import ExitCode
from fluo_audit.model.integrity import IntegrityVerdict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fluo_audit.model.integrity import IntegrityCounts, TrailIntegrity

PROBLEMS = 20
_MARKS = {
    IntegrityVerdict.VERIFIED: "supported",
    IntegrityVerdict.FAIL: "exception",
    IntegrityVerdict.INCOMPLETE: "inconclusive",
}
_EXIT = {
    IntegrityVerdict.VERIFIED: ExitCode.OK,
    IntegrityVerdict.FAIL: ExitCode.INTEGRITY,
    IntegrityVerdict.INCOMPLETE: ExitCode.INCOMPLETE,
}


@click.group()
def trail() -> None:
    """Look into the log files of a CloudTrail trail."""


@trail.command()
@click.option("--trail", "name", default="", metavar="NAME|ARN", help="The trail.  [default: the one that covers KMS]")
@click.option("--only-account", default="", metavar="ACCOUNT", help="Of an organisation's trail.  [default: every one]")
@click.option("--only-region", default="", metavar="REGION", help="One Region.  [default: every Region of the trail]")
@account_options
@period_options
@format_option
@pass_globals
def verify(options: Globals, name: str, only_account: str, only_region: str, asked: AskedPeriod, output: str) -> int:
    """Validate log files against CloudTrail's signed digests: none changed, removed, added or left out.

    VERIFIED means that signed digests cover the whole period without a gap, that every log file they name is there
    unchanged, and that no other lies beside them. FAIL: something was changed or removed, exit code 4. INCOMPLETE:
    something could not be checked, exit code 3. The files are read from S3 and not kept.

    \b
    fluo-audit trail verify --last 30d
    fluo-audit trail verify --trail main-trail --from 2026-10-01 --to 2026-11-01 -o json
    """
    from fluo_audit import trails

    progress = terminal.Progress(quiet=options.quiet)
    with options.account() as account:
        wanted = trails.TrailAsked(asked.before(account.clock.now()), name, only_account, only_region)
        result = trails.validate_trail(account, wanted, progress)
    if output == "json":
        terminal.print_json("trail-verify", trails.integrity_document(result))
    else:
        _print(result)
    return _EXIT[result.verdict]


@trail.command()
@click.option("--trail", "name", default="", metavar="NAME|ARN", help="The trail.  [default: the one that covers KMS]")
@account_options
@pass_globals
def table(options: Globals, name: str) -> int:
    """Print the statements that make Athena's table over the trail's log files, for --events-from athena.

    Nothing is sent to Athena: run them once where you run such statements. The table holds no data, and computes its
    partitions, so it needs no upkeep.

    \b
    fluo-audit trail table > table.sql
    fluo-audit report --events-from athena --athena-table fluo_audit.cloudtrail_main_trail -d evidence
    """
    from fluo_audit import trails

    with options.account() as account:
        for statement in trails.table_statements(account, name):
            click.echo(f"{statement};\n")
    return ExitCode.OK


def _print(result: TrailIntegrity) -> None:
    terminal.say(f"{result.trail_arn}, s3://{result.bucket}, {result.period.label} UTC")
    terminal.marked_rows(
        [
            (_MARKS[each.verdict], f"{each.account} {each.region}", f"{each.verdict}: {_sentence(each.counts)}")
            for each in result.regions
        ]
    )
    rows = [
        ("exception" if p.is_failure else "inconclusive", p.kind.value, f"{p.key}  {p.detail}") for p in result.problems
    ]
    rows += [("inconclusive", "gap", f"{g.account} {g.region}: {g.period.label} UTC: {g.cause}") for g in result.gaps]
    terminal.marked_rows(rows[:PROBLEMS])
    if len(rows) > PROBLEMS:
        terminal.say(f"{len(rows) - PROBLEMS:,} more: -o json lists every one")
    for remark in result.remarks:
        terminal.paragraph(remark)
    terminal.marked_rows([(_MARKS[result.verdict], result.verdict, _sentence(result.counts))])


def _sentence(counts: IntegrityCounts) -> str:
    """Return the numbers that add up to what was found; of what went wrong, only what did."""
    digests = {
        "valid": counts.digests_valid,
        "not valid": counts.digests_invalid,
        "not readable": counts.digests_unread,
    }
    logs = {
        "unchanged": counts.logs_valid,
        "changed": counts.logs_changed,
        "not readable": counts.logs_unread,
        "named by no digest": counts.logs_unvouched,
        "in time without digests": counts.logs_uncovered,
    }
    return (
        f"{_parts(counts.digests_found, 'digest', digests, counts.digests_missing)}; "
        f"{_parts(counts.logs_found, 'log file', logs, counts.logs_missing)}"
    )


def _parts(found: int, noun: str, parts: Mapping[str, int], missing: int) -> str:
    """Say how many were found, what they are, and how many more should be there."""
    told = [f"{number:,} {what}" for what, number in parts.items() if number]
    if missing:
        told.append(f"{missing:,} more missing")
    return f"{found:,} {noun if found == 1 else f'{noun}s'}{': ' if told else ''}{', '.join(told)}"
