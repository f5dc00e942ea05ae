"""fluo-audit report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fluo_audit.cli import terminal
from fluo_audit.cli.collect import collect_now
from fluo_audit.cli.options import (
    Collection,
    Globals,
    account_options,
    collection_options,
    directory_option,
    pass_globals,
)
from fluo_audit.errors import ExitCode

if TYPE_CHECKING:
    from fluo_audit.model.report import Report


@click.command()
@click.argument("snapshot", required=False, type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--framework", default="", metavar="LIST", help="Of soc2, hipaa, pci, nist.  [default: all]")
@click.option(
    "--format", "formats", default="html,pdf,json", show_default=True, metavar="LIST", help="Of html, pdf, json."
)
@click.option("--paper", type=click.Choice(["a4", "letter"]), default="a4", show_default=True, help="Paper of the PDF.")
@account_options
@collection_options
@directory_option
@pass_globals
def report(
    options: Globals,
    snapshot: Path | None,
    framework: str,
    formats: str,
    paper: str,
    asked: Collection,
    directory: Path,
) -> int:
    """Judge the evidence and write a bundle: report as HTML, PDF and JSON, tables, raw answers, manifest.

    With SNAPSHOT (a folder that `collect` wrote, or a bundle) nothing is read from AWS; without it, the evidence is
    collected first.

    \b
    fluo-audit report --last 90d -d evidence
    fluo-audit report snapshot --framework soc2,hipaa -d evidence
    """
    from fluo_audit import pipeline, storage
    from fluo_audit.aws.snapshot import load

    chosen = pipeline.chosen_frameworks(framework)
    wanted = pipeline.chosen_formats(formats)
    storage.require_new(directory)
    stored = load(snapshot) if snapshot else collect_now(options, asked, directory)
    terminal.note(f"judging the evidence and rendering {', '.join(wanted)}", quiet=options.quiet)
    result = pipeline.report_of(stored, chosen)
    written = pipeline.write_report(directory, stored, result, wanted, paper)
    _summary(result)
    terminal.say(f"{directory}  {written.files} files, bundle hash {written.tag_manifest_sha256}")
    terminal.next_step(f"fluo-audit verify {directory}")
    return exit_code(result)


def exit_code(report: Report) -> ExitCode:
    """Return 1 for any exception, else 3 for anything that could not be concluded, else 0."""
    from fluo_audit.model.evidence import Completeness
    from fluo_audit.model.finding import Conclusion

    conclusions = {test.conclusion for test in report.tests} | {control.conclusion for control in report.controls}
    if Conclusion.EXCEPTION in conclusions:
        return ExitCode.EXCEPTIONS
    if Conclusion.INCONCLUSIVE in conclusions or report.completeness is not Completeness.COMPLETE:
        return ExitCode.INCOMPLETE
    return ExitCode.OK


def _summary(report: Report) -> None:
    from fluo_audit.model.finding import Conclusion

    counts = report.counts()
    terminal.say("  ".join(f"{counts[c]} {c.value}" for c in Conclusion if counts[c]))
    shown = (Conclusion.EXCEPTION, Conclusion.INCONCLUSIVE)
    terminal.marked_rows(
        [
            (each.conclusion.value, f"{each.id} {each.check_id}", each.seen)
            for conclusion in shown
            for each in report.tests
            if each.conclusion is conclusion
        ]
    )
