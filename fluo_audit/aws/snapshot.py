"""A snapshot: the recorded answers of one collection, with its scope and the declared baseline.

::

    collection/scope.json              what it is about, and what was declared
    collection/calls.jsonl             one line a call, failed ones included
    collection/manifest-sha256.txt     SHA-256 of every other file here; its own SHA-256 names the snapshot
    evidence/<service>/<operation>/<id>.<json|xml|...>     the verbatim answers

Nothing derived is stored: frames and facts are made again from the answers (docs/adr/0002).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

from fluo_audit import __version__, storage
from fluo_audit.aws.door import Exchange, timestamp
from fluo_audit.errors import IntegrityError, UsageError
from fluo_audit.model.baseline import Baseline
from fluo_audit.model.evidence import ApiCall
from fluo_audit.model.scope import Period, Scope
from fluo_audit.settings import EventSettings

SCHEMA = "fluo-audit/snapshot/v1"
SCOPE_FILE = "collection/scope.json"
CALLS_FILE = "collection/calls.jsonl"
MANIFEST_FILE = "collection/manifest-sha256.txt"
FOLDERS = ("collection/", "evidence/")
_SUFFIXES = {"json": "json", "xml": "xml", "cbor": "cbor"}


@dataclass(frozen=True, slots=True)
class Stored:
    """One recorded answer."""

    call: ApiCall
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What one collection brought home."""

    scope: Scope
    baseline: Baseline
    events: EventSettings
    """Where CloudTrail events were read. The place of the store is not part of it."""
    tool: str
    stored: tuple[Stored, ...]

    def files(self) -> dict[str, bytes]:
        """Return path -> content of every file of the snapshot, the manifest included."""
        content = {
            SCOPE_FILE: _json(self._scope_document()),
            CALLS_FILE: b"".join(_json_line({**asdict(s.call), "headers": dict(s.headers)}) for s in self.stored),
            **{s.call.file: s.body for s in self.stored if s.call.file},
        }
        return {**content, MANIFEST_FILE: self._manifest(content)}

    @property
    def sha256(self) -> str:
        """Return the hash that names the snapshot: that of its manifest."""
        return sha256(self.files()[MANIFEST_FILE]).hexdigest()

    def save(self, target: Path) -> None:
        """Write the snapshot as the new folder `target`, whole or not at all."""
        with storage.new_directory(target) as root:
            for path, content in self.files().items():
                storage.write_file(root / path, content)

    @staticmethod
    def _manifest(content: Mapping[str, bytes]) -> bytes:
        return storage.manifest_lines({path: sha256(data).hexdigest() for path, data in content.items()}).encode()

    def _scope_document(self) -> dict[str, Any]:
        scope = self.scope
        return {
            "schema": SCHEMA,
            "tool": self.tool,
            "events": {name: value for name, value in asdict(self.events).items() if name != "store"},
            "scope": {
                "account": scope.account,
                "region": scope.region,
                "key_arn": scope.key_arn,
                "from": timestamp(scope.period.start),
                "to": timestamp(scope.period.end),
                "as_of": timestamp(scope.as_of),
                "entity": scope.entity,
                "environment": scope.environment,
                "sample": scope.sample,
            },
            "baseline": baseline_document(self.baseline),
        }


def record(scope: Scope, baseline: Baseline, events: EventSettings, exchanges: Iterable[Exchange]) -> Snapshot:
    """Return the snapshot of a finished collection."""
    kept = tuple(exchanges)
    pages = Counter(exchange.call.id for exchange in kept)
    stored = tuple(
        Stored(
            replace(e.call, file=_file_name(e.call, e.headers, pages[e.call.id])),
            dict(sorted(e.headers.items())),
            e.body,
        )
        for e in kept
    )
    return Snapshot(scope, baseline, replace(events, store=""), f"fluo-audit {__version__}", stored)


def load(folder: Path) -> Snapshot:
    """Return the snapshot in `folder`, or in the payload of a bundle.

    Raises UsageError when there is none, IntegrityError when a file is not what the manifest says.
    """
    if storage.is_unfinished(folder) or storage.is_unfinished(folder / "collection"):
        raise UsageError(f"{folder}: the run that wrote this did not finish", "collect again")
    root = next((each for each in (folder / "data", folder) if _holds_snapshot(each)), None)
    if root is None:
        raise UsageError(f"{folder}: no snapshot here ({SCOPE_FILE} is missing)", "give a folder that `collect` wrote")
    content, manifest = _checked_files(folder, root)
    try:
        snapshot = _parse(content)
    # Whoever edits a file can write its manifest again, so what the files say is as good as unknown.
    except (ValueError, KeyError, TypeError, AttributeError, ArithmeticError, RecursionError) as error:
        raise IntegrityError(f"{folder}: not a snapshot this version reads: {error}", "collect again") from error
    if snapshot.files()[MANIFEST_FILE] != manifest:
        raise IntegrityError(
            f"{folder}: not as this version writes a snapshot",
            f"read it with the version that wrote it: {snapshot.tool}",
        )
    return snapshot


def _holds_snapshot(root: Path) -> bool:
    return (root / SCOPE_FILE).is_file() or (root / MANIFEST_FILE).is_file()


def _checked_files(folder: Path, root: Path) -> tuple[dict[str, bytes], bytes]:
    """Return the content of every file, and the manifest that vouches for it."""
    try:
        manifest = (root / MANIFEST_FILE).read_bytes()
        listed = storage.read_manifest(manifest.decode())
    except (OSError, UnicodeDecodeError, IntegrityError) as error:
        raise IntegrityError(f"{folder}: {MANIFEST_FILE} cannot be read: {error}", "collect again") from error
    found = storage.read_tree(root).select(lambda path: path.startswith(FOLDERS) and path != MANIFEST_FILE)
    problems = storage.compare(listed, found).problems
    if problems:
        more = f", and {len(problems) - 1} more" if len(problems) > 1 else ""
        raise IntegrityError(
            f"{folder}: {problems[0]}{more}", "a snapshot that was edited proves nothing: collect again"
        )
    return {path: (root / path).read_bytes() for path in listed}, manifest


def _parse(content: Mapping[str, bytes]) -> Snapshot:
    document = json.loads(content[SCOPE_FILE])
    if document["schema"] != SCHEMA:
        raise ValueError(f"schema {document['schema']!r}, not {SCHEMA!r}")
    scope = document["scope"]
    stored = []
    for line in content[CALLS_FILE].splitlines():
        entry = json.loads(line)
        headers = entry.pop("headers")
        call = ApiCall(**entry)
        body = content[call.file] if call.file else b""
        if call.file and sha256(body).hexdigest() != call.sha256:
            raise ValueError(f"{CALLS_FILE} gives another SHA-256 for {call.file}")
        stored.append(Stored(call, dict(headers), body))
    return Snapshot(
        scope=Scope(
            account=scope["account"],
            region=scope["region"],
            key_arn=scope["key_arn"],
            period=Period(datetime.fromisoformat(scope["from"]), datetime.fromisoformat(scope["to"])),
            as_of=datetime.fromisoformat(scope["as_of"]),
            entity=scope["entity"],
            environment=scope["environment"],
            sample=scope["sample"],
        ),
        baseline=baseline_of(document["baseline"]),
        events=EventSettings(**document["events"]),
        tool=document["tool"],
        stored=tuple(stored),
    )


def baseline_document(baseline: Baseline) -> dict[str, Any]:
    """Return a baseline as JSON values; money is text."""
    document = {f.name: getattr(baseline, f.name) for f in fields(baseline)}
    budget = baseline.monthly_budget_usd
    return {
        **document,
        "monthly_budget_usd": None if budget is None else str(budget),
        "applies": dict(baseline.applies),
    }


def baseline_of(document: Mapping[str, Any]) -> Baseline:
    """Return the baseline of such a document."""
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in document.items()
    }
    budget = values.get("monthly_budget_usd")
    return Baseline(**{**values, "monthly_budget_usd": None if budget is None else Decimal(budget)})


def _file_name(call: ApiCall, headers: Mapping[str, str], pages: int) -> str:
    if call.status == 0:
        return ""
    kind = headers.get("content-type", "json").lower()
    suffix = next((suffix for word, suffix in _SUFFIXES.items() if word in kind), "bin")
    name = call.id if pages == 1 else f"{call.id}-{call.page:04d}"
    return f"evidence/{call.service}/{call.operation}/{name}.{suffix}"


def _json(document: Any) -> bytes:
    return _encoded(json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False))


def _json_line(document: Any) -> bytes:
    return _encoded(json.dumps(document, sort_keys=True, ensure_ascii=False, allow_nan=False))


def _encoded(text: str) -> bytes:
    # A message of AWS may hold half a surrogate pair, which UTF-8 cannot; as \\udXXX it is JSON all the same.
    return f"{text}\n".encode("utf-8", "backslashreplace")
