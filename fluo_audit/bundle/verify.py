"""Check a bundle, as a folder or a zip, step by step."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fluo_audit import storage
from fluo_audit.bundle import bag, unzip
from fluo_audit.errors import IntegrityError, UsageError

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was checked, and one printable line for each problem found."""

    name: str
    problems: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Return whether the step found nothing wrong."""
        return not self.problems


@dataclass(frozen=True, slots=True)
class Verification:
    """What a check of a bundle found: its steps, its payload files and bytes, and the SHA-256 of both manifests.

    The hashes are of the files as found, and None where there is no such file.
    """

    steps: tuple[Step, ...]
    files: int = 0
    octets: int = 0
    manifest_sha256: str | None = None
    tag_manifest_sha256: str | None = None

    @property
    def ok(self) -> bool:
        """Return whether every step found nothing wrong."""
        return all(step.ok for step in self.steps)


def verify_bundle(path: Path, *, max_bytes: int = unzip.MAX_BYTES) -> Verification:
    """Check the bundle `path`, a folder or a ``.zip`` that holds at most `max_bytes`, and say all that is wrong.

    Raises UsageError if there is no such path, or it cannot be read; every fault inside is a problem of a step.
    """
    try:
        tree = _read(path, max_bytes)
    except IntegrityError as error:
        return Verification((Step("container", (error.message,)),))
    payload = [fact.size for name, fact in tree.files.items() if _in_payload(name)]
    manifest, tag_manifest = tree.files.get(bag.MANIFEST), tree.files.get(bag.TAG_MANIFEST)
    return Verification(
        steps=(Step("container", ()), *(_run(name, check, tree) for name, check in _CHECKS)),
        files=len(payload),
        octets=sum(payload),
        manifest_sha256=manifest.sha256 if manifest else None,
        tag_manifest_sha256=tag_manifest.sha256 if tag_manifest else None,
    )


def _read(path: Path, max_bytes: int) -> storage.Tree:
    hint = "give the folder or the .zip of a bundle"
    if storage.is_unfinished(path):
        raise IntegrityError("left unfinished by a run that was killed, or still being written")
    try:
        if path.is_dir():
            return storage.read_tree(path, keep=bag.TAG_FILES)
        if path.suffix.lower() != ".zip" and path.exists():
            raise UsageError(f"{path}: not a bundle", hint)
        return unzip.read_zip(path, keep=bag.TAG_FILES, max_bytes=max_bytes)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}", hint) from error


def _run(name: str, check: Check, tree: storage.Tree) -> Step:
    try:
        return Step(name, tuple(check(tree)))
    except IntegrityError as error:
        return Step(name, (error.message,))


def _in_payload(path: str) -> bool:
    return path.startswith(bag.PAYLOAD)


def _text(tree: storage.Tree, name: str) -> str:
    fact = tree.files.get(name)
    if fact is None:
        raise IntegrityError(f"{name}: {tree.unsafe.get(name, 'missing')}")
    if fact.content is None:
        raise IntegrityError(f"{name}: too large, {fact.size} bytes")
    try:
        return fact.content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise IntegrityError(f"{name}: not UTF-8") from error


def _manifest(tree: storage.Tree, name: str) -> dict[str, str]:
    text = _text(tree, name)
    if not text:
        raise IntegrityError(f"{name}: empty")
    try:
        return storage.read_manifest(text)
    except IntegrityError as error:
        raise IntegrityError(f"{name}: {error.message}") from error


def _declaration(tree: storage.Tree) -> Iterable[str]:
    """Check that the bag says BagIt 1.0 and UTF-8, in those very bytes."""
    if _text(tree, bag.DECLARATION) != bag.DECLARATION_TEXT:
        yield f"{bag.DECLARATION}: does not declare BagIt 1.0 in UTF-8"


def _tag_files(tree: storage.Tree) -> Iterable[str]:
    """Check every file outside data/: the tag manifest lists all but itself, and they are as listed."""
    outside = tree.select(lambda path: not _in_payload(path) and path != bag.TAG_MANIFEST)
    listed = _manifest(tree, bag.TAG_MANIFEST)
    yield from storage.compare(listed, outside).problems
    for name in bag.TAG_FILES:
        if name not in listed and name not in tree.files:
            yield f"{name}: missing"


def _payload(tree: storage.Tree) -> Iterable[str]:
    """Check every file below data/ against the manifest."""
    return storage.compare(_manifest(tree, bag.MANIFEST), tree.select(_in_payload)).problems


def _totals(tree: storage.Tree) -> Iterable[str]:
    """Check the one Payload-Oxum line of bag-info.txt."""
    found = bag.oxum([fact.size for path, fact in tree.files.items() if _in_payload(path)])
    lines = [line for line in _text(tree, bag.INFO).splitlines() if line.startswith(f"{bag.OXUM}:")]
    if lines != [f"{bag.OXUM}: {found}"]:
        yield f"{bag.INFO}: {bag.OXUM} is not the {found} (bytes.files) found"


Check = Callable[[storage.Tree], Iterable[str]]
_CHECKS: tuple[tuple[str, Check], ...] = (
    ("declaration", _declaration),
    ("tag files", _tag_files),
    ("payload", _payload),
    ("totals", _totals),
)
