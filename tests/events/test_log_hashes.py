from __future__ import annotations

import gzip
import hashlib
import runpy
from pathlib import Path
from threading import Lock
from types import SimpleNamespace

from fluo_audit.aws.objects import FetchedObject, ObjectError
from fluo_audit.events.gunzip import GunzipProblem
from fluo_audit.events.log_hashes import Unhashed, hash_logs, not_packed, not_read
from fluo_audit.model.integrity import ProblemKind

made = SimpleNamespace(**runpy.run_path(str(Path(__file__).parent / "digest_vectors.py")))


def test_the_hash_is_that_of_the_unpacked_content():
    bucket = made.Bucket()
    text = b"x" * 9_000_000  # several blocks
    bucket.write("a", gzip.compress(text, 1))

    assert hash_logs(bucket, ["a"], 1) == {"a": hashlib.sha256(text).hexdigest()}


def test_each_log_file_has_its_own_answer():
    bucket = made.Bucket()
    good = gzip.compress(b"{}")
    for key, body in {"good": good, "cut": good[:-1], "joined": good + good, "text": b"{}", "denied": good}.items():
        bucket.write(key, body)
    bucket.failing = [("GetObject", "denied", "AccessDenied")]

    hashes = hash_logs(bucket, ["joined", "text", "good", "denied", "cut", "gone"], 3)

    assert list(hashes) == ["joined", "text", "good", "denied", "cut", "gone"]
    assert hashes["good"] == hashlib.sha256(b"{}").hexdigest()
    kinds = {key: found.kind for key, found in hashes.items() if isinstance(found, Unhashed)}
    assert kinds == {
        "joined": ProblemKind.LOG_TRAILING_DATA,
        "text": ProblemKind.LOG_MALFORMED,
        "cut": ProblemKind.LOG_MALFORMED,
        "denied": ProblemKind.LOG_UNREAD,
        "gone": ProblemKind.LOG_MISSING,
    }


def test_progress_is_told_of_every_log_file():
    bucket = made.Bucket()
    told: list[tuple[int, int]] = []

    hash_logs(bucket, ["a", "b", "c"], 2, lambda *each: told.append(each))

    assert told == [(1, 3), (2, 3), (3, 3)]


class Counting(made.Bucket):
    """A bucket that knows how many bodies were asked for at once."""

    def __init__(self) -> None:
        super().__init__()
        self.lock = Lock()
        self.now = self.most = 0

    def get(self, key: str) -> FetchedObject:
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        body = gzip.compress(key.encode())
        with self.lock:
            self.now -= 1
        return FetchedObject(body, {})


def test_no_more_log_files_are_held_than_there_are_workers():
    bucket = Counting()
    keys = [str(number) for number in range(300)]

    hashes = hash_logs(bucket, keys, 4)

    assert list(hashes) == keys
    assert 1 <= bucket.most <= 4


def test_what_was_read_elsewhere_is_named_alike():
    gone = ObjectError("s3:GetObject", "NoSuchKey", "not there")

    assert not_read(gone) == Unhashed(ProblemKind.LOG_MISSING, "s3:GetObject: NoSuchKey: not there")
    assert not_packed(GunzipProblem("trailing data")) == Unhashed(ProblemKind.LOG_TRAILING_DATA, "trailing data")
    assert not_packed(GunzipProblem.TOO_LARGE) == Unhashed(ProblemKind.LOG_MALFORMED, "larger than the limit")
