"""Ask iam-simulate every case of the truth table that it has an answer to, and keep the answers. See README.md.

::

    python tests/policy/oracle/record.py FOLDER    FOLDER is where npm installed @cloud-copilot/iam-simulate
"""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
ANSWERS = HERE.parent / "data" / "iam_simulate.json"
OUTCOMES = {"Allowed": "allow", "ExplicitlyDenied": "explicit_deny", "ImplicitlyDenied": "implicit_deny"}


def main(folder: str) -> None:
    """Write data/iam_simulate.json. Stops at a case that the tool refuses, or of which it leaves a condition key out."""
    table = runpy.run_path(str(HERE.parent / "truth_table.py"))
    asked = {case.name: case for case in table["cases"]() if case.simulation() is not None}
    questions = json.dumps([case.simulation() for case in asked.values()])
    ended = subprocess.run(
        ["node", HERE / "simulate.mjs", folder], input=questions, capture_output=True, text=True, check=True
    )
    said = json.loads(ended.stdout)
    answers = {}
    for (name, case), answer in zip(asked.items(), said["answers"], strict=True):
        if answer.get("refused") or answer["ignored"]:
            sys.exit(f"{name}: no answer to the whole question: {answer}")
        answers[name] = f"{case.fingerprint} {OUTCOMES[answer['answer']]}"
    document = {"tool": "@cloud-copilot/iam-simulate", "version": said["version"], "answers": answers}
    ANSWERS.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
