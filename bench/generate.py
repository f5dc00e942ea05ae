"""Write a trail's bucket of any size into a folder, the same one each time: log files, signed digests, and the truth.

python -m bench.generate FOLDER EVENTS [DAYS [FILES_AN_HOUR]]

EVENTS is the number of KMS events; a fifth of all records comes from other services, one in a thousand is delivered
twice. FOLDER then holds `bucket/` (objects by their keys), `metadata.json` (user metadata of the digests), `trail.json`
(what CloudTrail would say about the trail) and, last of all, `truth.json`: what the log files hold.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import multiprocessing
import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate, pairwise, repeat
from operator import mod
from pathlib import Path
from random import Random
from typing import Any

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from bench import records
from bench.records import ACCOUNT, KINDS, REGION
from fluo_audit.sandbox.signing import fingerprint, private_key, public_key_der

END = datetime(2026, 11, 23, tzinfo=UTC)
DAYS = {100_000: 7, 1_000_000: 30, 10_000_000: 90}
BUCKET, TRAIL = f"fluo-cloudtrail-{ACCOUNT}", "main-trail"
_TWICE = 0.001
_OLDEST, _YOUNGEST = 600, 30  # seconds from an event to its delivery
_HOURS = (1, 1, 1, 1, 1, 2, 4, 8, 14, 18, 18, 16, 14, 16, 18, 18, 16, 12, 8, 5, 4, 3, 2, 1)
_WEEKEND = 0.3
_CLOCK = tuple(f"{at // 3600:02d}:{at // 60 % 60:02d}:{at % 60:02d}Z" for at in range(86_400))
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_TIME = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, slots=True)
class Plan:
    """How much to write. The days end where the 23rd of November 2026 begins."""

    events: int
    days: int
    files_an_hour: int = 12

    @property
    def start(self) -> datetime:
        return END - timedelta(days=self.days)

    @property
    def files_a_day(self) -> int:
        return 24 * self.files_an_hour

    def counts(self) -> list[int]:
        """Return the number of KMS events in each file."""
        shares = [
            _HOURS[hour] * (_WEEKEND if (self.start + timedelta(days=day)).weekday() >= 5 else 1)
            for day in range(self.days)
            for hour in range(24)
            for _ in range(self.files_an_hour)
        ]
        sums = [0, *accumulate(shares)]
        marks = [round(self.events * each / sums[-1]) for each in sums]
        return [after - before for before, after in pairwise(marks)]


@dataclass(frozen=True, slots=True)
class LogFile:
    """What a digest says about a log file."""

    key: str
    sha256: str
    oldest: str
    newest: str


@dataclass(slots=True)
class Written:
    """The log files of a day, and what was counted while they were written."""

    files: list[LogFile]
    records: int
    duplicates: int
    by_day: Counter[tuple[str, int]]  # day of the event, number of its kind: unique events


def generate(folder: Path, plan: Plan, processes: int = 2) -> dict[str, Any]:
    """Write the bucket and return the truth, or just return it when the folder is complete already."""
    truth_file = folder / "truth.json"
    if truth_file.is_file():
        truth: dict[str, Any] = json.loads(truth_file.read_bytes())
        if truth["plan"] == asdict(plan):
            return truth
    shutil.rmtree(folder, ignore_errors=True)
    counts = plan.counts()
    size = plan.files_a_day
    jobs = [(folder / "bucket", plan, day, counts[day * size : (day + 1) * size]) for day in range(plan.days)]
    if processes == 1:
        days = [_write_day(*job) for job in jobs]
    else:
        with multiprocessing.Pool(processes) as pool:
            days = pool.starmap(_write_day, jobs, chunksize=1)
    metadata = dict(_digests(folder / "bucket", plan, [file for day in days for file in day.files]))
    (folder / "metadata.json").write_text(json.dumps(metadata))
    (folder / "trail.json").write_text(json.dumps(_trail(plan), indent=1))
    truth = {"plan": asdict(plan)} | _truth(days)
    truth_file.write_text(json.dumps(truth, indent=1))
    return truth


def _write_day(bucket: Path, plan: Plan, day: int, counts: list[int]) -> Written:
    written = Written([], 0, 0, Counter())
    repeated: list[str] = []
    for number, count in enumerate(counts):
        delivered = plan.start + timedelta(days=day, hours=number / plan.files_an_hour)
        random = records.seeded(f"{plan}/{day}/{number}")
        kinds, stamps, texts = _records(random, day, delivered, count)
        written.by_day.update(zip((stamp[:10] for stamp in stamps), kinds, strict=True))
        written.records += len(texts) + len(repeated)
        written.duplicates += len(repeated)
        fresh = [text for text in texts if random.random() < _TWICE]
        texts += repeated
        repeated = fresh if number + 1 < len(counts) else []
        random.shuffle(texts)
        body = f'{{"Records":[{",".join(texts)}]}}'.encode()
        name = (
            f"{ACCOUNT}_CloudTrail_{REGION}_{delivered:%Y%m%dT%H%MZ}_{''.join(random.choices(_LETTERS, k=16))}.json.gz"
        )
        key = f"AWSLogs/{ACCOUNT}/CloudTrail/{REGION}/{delivered:%Y/%m/%d}/{name}"
        _store(bucket, key, body)
        times = stamps or [f"{delivered:{_TIME}}"]
        written.files.append(LogFile(key, hashlib.sha256(body).hexdigest(), min(times), max(times)))
    return written


def _records(random: Random, day: int, delivered: datetime, count: int) -> tuple[list[int], list[str], list[str]]:
    """Return kinds, times and texts of the records of a file with `count` KMS events."""
    kinds = random.choices(records.KMS_RANGE, cum_weights=records.KMS_WEIGHTS, k=count)
    kinds += random.choices(records.OTHER_RANGE, cum_weights=records.OTHER_WEIGHTS, k=round(count / 4))
    if day % 30 == 0 and delivered.hour == 9 and delivered.minute == 0:
        kinds.append(records.ROTATION)
    total = len(kinds)
    callers = random.choices(records.sessions(day, delivered - timedelta(hours=1)), k=total)
    stamps = random.choices(list(_stamps(delivered)), k=total)
    unique = random.randbytes(6 * total).hex()
    uniques = [unique[at : at + 12] for at in range(0, 12 * total, 12)]
    slots = zip(
        (identity for identity, _ in callers),
        stamps,
        (address for _, address in callers),
        random.choices(records.TYPED, records.TYPED_WEIGHTS, k=total),
        random.choices(records.CONTEXTS, cum_weights=records.CONTEXT_WEIGHTS, k=total),
        uniques,
        repeat(records.material(day), total),
        _uuids(random, total),
        _uuids(random, total),
        uniques,
        strict=True,
    )
    return kinds, stamps, list(map(mod, map(records.TEMPLATES.__getitem__, kinds), slots))


def _stamps(delivered: datetime) -> Iterator[str]:
    """Yield each second in which an event may lie that is delivered now."""
    seconds = delivered.hour * 3600 + delivered.minute * 60
    days = (f"{delivered - timedelta(days=1):%Y-%m-%dT}", f"{delivered:%Y-%m-%dT}")
    for at in range(seconds - _OLDEST, seconds - _YOUNGEST):
        yield days[at >= 0] + _CLOCK[at]


def _uuids(random: Random, count: int) -> list[str]:
    digits = random.randbytes(16 * count).hex()
    return [
        f"{each[:8]}-{each[8:12]}-4{each[13:16]}-a{each[17:20]}-{each[20:]}"
        for each in (digits[at : at + 32] for at in range(0, 32 * count, 32))
    ]


def _store(bucket: Path, key: str, body: bytes) -> None:
    path = bucket / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(body, 6, mtime=0))


def _digests(bucket: Path, plan: Plan, files: list[LogFile]) -> Iterator[tuple[str, dict[str, str]]]:
    """Write a chain of hourly digests; yield the key and the user metadata of each."""
    previous: dict[str, str | None] = dict.fromkeys(
        ("previousDigestS3Bucket", "previousDigestS3Object", "previousDigestHashValue", "previousDigestHashAlgorithm",
         "previousDigestSignature")
    )  # fmt: skip
    for hour in range(plan.days * 24):
        start = plan.start + timedelta(hours=hour)
        end = start + timedelta(hours=1)
        logs = files[hour * plan.files_an_hour : (hour + 1) * plan.files_an_hour]
        name = f"{ACCOUNT}_CloudTrail-Digest_{REGION}_{TRAIL}_{REGION}_{end:%Y%m%dT%H%M%SZ}.json.gz"
        key = f"AWSLogs/{ACCOUNT}/CloudTrail-Digest/{REGION}/{end:%Y/%m/%d}/{name}"
        digest = {
            "awsAccountId": ACCOUNT,
            "digestStartTime": f"{start:{_TIME}}",
            "digestEndTime": f"{end:{_TIME}}",
            "digestS3Bucket": BUCKET,
            "digestS3Object": key,
            "digestPublicKeyFingerprint": fingerprint(),
            "digestSignatureAlgorithm": "SHA256withRSA",
            "newestEventTime": max(each.newest for each in logs),
            "oldestEventTime": min(each.oldest for each in logs),
            **previous,
            "logFiles": [
                {
                    "s3Bucket": BUCKET,
                    "s3Object": each.key,
                    "hashValue": each.sha256,
                    "hashAlgorithm": "SHA-256",
                    "newestEventTime": each.newest,
                    "oldestEventTime": each.oldest,
                }
                for each in logs
            ],
        }
        body = json.dumps(digest, separators=(",", ":")).encode()
        _store(bucket, key, body)
        hashed = hashlib.sha256(body).hexdigest()
        # https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-custom-validation.html
        to_sign = f"{end:{_TIME}}\n{BUCKET}/{key}\n{hashed}\n{previous['previousDigestSignature'] or 'null'}"
        signature = private_key().sign(to_sign.encode(), PKCS1v15(), SHA256()).hex()
        yield key, {"signature": signature, "signature-algorithm": "SHA256withRSA"}
        previous = {
            "previousDigestS3Bucket": BUCKET,
            "previousDigestS3Object": key,
            "previousDigestHashValue": hashed,
            "previousDigestHashAlgorithm": "SHA-256",
            "previousDigestSignature": signature,
        }


def _trail(plan: Plan) -> dict[str, Any]:
    key = {
        "Value": base64.b64encode(public_key_der()).decode(),
        "ValidityStartTime": (plan.start - timedelta(days=1)).timestamp(),
        "ValidityEndTime": (END + timedelta(days=1)).timestamp(),
        "Fingerprint": fingerprint(),
    }
    trail = {
        "Name": TRAIL,
        "S3BucketName": BUCKET,
        "IncludeGlobalServiceEvents": True,
        "IsMultiRegionTrail": True,
        "HomeRegion": REGION,
        "TrailARN": f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/{TRAIL}",
        "LogFileValidationEnabled": True,
        "HasCustomEventSelectors": False,
        "HasInsightSelectors": False,
        "IsOrganizationTrail": False,
    }
    return {"trail": trail, "public_keys": [key], "start": f"{plan.start:{_TIME}}", "end": f"{END:{_TIME}}"}


def _truth(days: list[Written]) -> dict[str, Any]:
    """Return the counts. Those by day, operation and error are of unique events that concern the key."""
    by_kind: Counter[tuple[str, int]] = sum((day.by_day for day in days), Counter())
    operations: dict[str, Counter[str]] = {}
    errors: Counter[str] = Counter()
    kms = 0
    for (day, number), count in sorted(by_kind.items()):
        kind = KINDS[number]
        kms += count * (number not in records.OTHER_RANGE)
        if kind.of_key:
            operations.setdefault(day, Counter())[kind.name] += count
            errors[kind.error] += count
    return {
        "key": records.KEY,
        "files": sum(len(day.files) for day in days),
        "records": sum(day.records for day in days),
        "duplicates": sum(day.duplicates for day in days),
        "unique_events": by_kind.total(),
        "kms_events": kms,
        "events_of_key": sum(each.total() for each in operations.values()),
        "by_day_and_operation": operations,
        "by_error": errors,
    }


def main(arguments: list[str]) -> int:
    if not 2 <= len(arguments) <= 4:
        print(__doc__, file=sys.stderr)
        return 2
    folder, events, *rest = arguments
    days = int(rest[0]) if rest else DAYS.get(int(events), 30)
    truth = generate(Path(folder), Plan(int(events), days, *map(int, rest[1:])))
    print(json.dumps({name: value for name, value in truth.items() if not isinstance(value, dict)}, indent=1))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
