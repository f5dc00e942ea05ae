"""The record of an application: which writes are done, and the ids of keys that became known.

It lies beside the plan, a file for each environment, account and Region, whatever the plan is called. KMS knows no
idempotency token, and the index of tags follows only within minutes: after an interrupted run, this file alone may
know the key that CreateKey has made.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fluo_audit.errors import OutputError, UsageError
from fluo_audit.provision.resource import KEY_ARN, TRAIL_KEY_ARN, Place, Step


@dataclass(frozen=True, slots=True)
class Journal:
    """The journal of one environment in one place."""

    path: Path

    @classmethod
    def beside(cls, plan: Path, environment: str, place: Place) -> Journal:
        """Return the journal that lies in the folder of a plan file."""
        return cls(plan.with_name(f"provision-{environment}-{place.account}-{place.region}.journal"))

    def require_writable(self) -> None:
        """Raise OutputError when nothing could be recorded: then nothing may be written to AWS either."""
        try:
            with self.path.open("a", encoding="utf-8"):
                pass
        except OSError as error:
            raise OutputError(
                f"{self.path}: {error.strerror}; without a journal nothing is written", "choose a folder with --out"
            ) from error

    def record(self, step: Step, known: Mapping[str, str]) -> None:
        """Append a write that is done, and have it on disk before the next one is sent."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"done": step.api, "resource": step.label, "known": dict(known)}, sort_keys=True))
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())

    def made(self) -> tuple[str, str]:
        """Return the ARNs of the key and of the trail's key that were made last; empty text for none.

        Raises UsageError for a file that is no journal.
        """
        if not self.path.is_file():
            return "", ""
        try:
            lines = [json.loads(line) for line in self.path.read_text(encoding="utf-8").splitlines() if line.strip()]
            known = [dict(line["known"]) for line in lines if line["done"] == "kms:CreateKey"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UsageError(f"{self.path}: not a journal: {error}", "move it away and plan again") from error
        together = {name: str(arn) for each in known for name, arn in each.items()}
        return together.get(KEY_ARN, ""), together.get(TRAIL_KEY_ARN, "")
