"""fluo-audit verify."""

from __future__ import annotations

from pathlib import Path

import click

from fluo_audit.cli import terminal
from fluo_audit.cli.options import format_option
from fluo_audit.errors import ExitCode


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path, exists=True))
@format_option
def verify(bundle: Path, output: str) -> int:
    """Check that a bundle is whole: every file as listed, none added, none missing.

    BUNDLE is a folder or a zip. Needs no AWS account.

    VERIFY.md in the bundle says how to do the same without this tool.
    """
    from fluo_audit.bundle.verify import verify_bundle

    result = verify_bundle(bundle)
    if output == "json":
        terminal.print_json(
            "verify",
            {
                "ok": result.ok,
                "manifest_sha256": result.manifest_sha256,
                "tag_manifest_sha256": result.tag_manifest_sha256,
                "files": result.files,
                "bytes": result.octets,
                "steps": [{"name": s.name, "ok": s.ok, "problems": list(s.problems)} for s in result.steps],
            },
        )
    else:
        for step in result.steps:
            if step.ok:
                terminal.marked_rows([("supported", step.name, "as it should be")])
            for problem in step.problems:
                terminal.marked_rows([("exception", step.name, problem)])
        verdict = "whole: none changed, added or missing" if result.ok else "NOT as it was written"
        terminal.say(f"{result.files} files, {result.octets:,} bytes, {verdict}")
        if result.tag_manifest_sha256:
            terminal.say(f"Bundle hash {result.tag_manifest_sha256}: compare it with the one you were given.")
    return ExitCode.OK if result.ok else ExitCode.INTEGRITY
