"""Vectors of trail validation: what was done to a bucket, and what the validator is to say. Then any single change."""

from __future__ import annotations

import gzip
import json
import runpy
import zlib
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fluo_audit.aws.objects import TOO_LARGE
from fluo_audit.events.coverage import NONE, NOT_YET, UNKNOWN, TrailChange
from fluo_audit.events.digests import PublicKeys, public_keys
from fluo_audit.events.integrity import verify_trail
from fluo_audit.events.log_hashes import Unhashed, hash_logs
from fluo_audit.events.object_names import Kind, TrailPlace, parse
from fluo_audit.model.integrity import IntegrityCounts, IntegrityVerdict, ProblemKind, TrailIntegrity
from fluo_audit.model.scope import Period

made = SimpleNamespace(**runpy.run_path(str(Path(__file__).parent / "digest_vectors.py")))
DAY, HOUR, PERIOD = made.DAY, made.HOUR, made.PERIOD

VERIFIED, FAIL, INCOMPLETE = IntegrityVerdict.VERIFIED, IntegrityVerdict.FAIL, IntegrityVerdict.INCOMPLETE
START, END = PERIOD.start, PERIOD.end


def verify(world: Any, **options: Any) -> TrailIntegrity:
    def keys_of(region: str) -> PublicKeys:
        return PublicKeys({}, world.refused_keys) if world.refused_keys else public_keys(world.keys[region])

    return verify_trail(
        world.bucket, world.trail, world.period, keys_of, world.as_of, **{"workers": 4} | world.options | options
    )


@dataclass(frozen=True)
class Vector:
    change: Callable[[Any, Any, dict[int, str]], None]
    verdict: IntegrityVerdict
    problems: Mapping[str, int] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    gaps: Collection[tuple[Any, Any, str]] = ()
    remarks: Collection[str] = ()


VECTORS: dict[str, Vector] = {}


def vector(verdict: IntegrityVerdict, problems: str = "", **expected: Any) -> Callable[[Any], Any]:
    """Register what a function does to a clean trail. `problems` are their kinds, as often as each comes."""

    def register(change: Any) -> Any:
        VECTORS[change.__name__] = Vector(change, verdict, Counter(problems.split()), **expected)
        return change

    return register


def at(hour: int) -> Any:
    return made.digest_end(hour)


def log_of(cloudtrail: Any, hour: int, minute: int) -> str:
    return cloudtrail.log_key(DAY + hour * HOUR + timedelta(minutes=minute))


def edit(body: bytes) -> bytes:
    """Return a log file with an event of it renamed."""
    return made.packed(gzip.decompress(body).replace(b"event of", b"EVENT OF"))


# --- nothing is wrong --------------------------------------------------------------------------------------------------

CLEAN = {"digests_found": 15, "digests_valid": 15, "logs_vouched": 36, "logs_found": 36, "logs_valid": 36}


@vector(VERIFIED, counts=CLEAN)
def clean(world, cloudtrail, digests):
    pass


@vector(VERIFIED, counts=CLEAN)
def the_key_is_rotated_within_the_period(world, cloudtrail, digests):
    rotated = DAY + 5 * HOUR
    world.bucket.objects.clear()
    cloudtrail.previous = {}
    cloudtrail.deliver(last=5)
    cloudtrail.key = made.NEXT_KEY
    cloudtrail.deliver(first=6)
    world.keys[made.REGION] = [made.KEY.entry(until=rotated), made.NEXT_KEY.entry(since=rotated)]


@vector(VERIFIED, counts={"logs_vouched": 30, "logs_found": 30, "logs_valid": 30, "digests_valid": 15})
def hours_without_any_log_file(world, cloudtrail, digests):
    world.bucket.objects.clear()
    cloudtrail.previous = {}
    cloudtrail.deliver(quiet={3, 4})


@vector(VERIFIED, counts={"logs_vouched": 0, "logs_found": 0, "digests_valid": 15})
def digests_that_say_there_were_no_log_files(world, cloudtrail, digests):
    world.bucket.objects.clear()
    cloudtrail.previous = {}
    cloudtrail.deliver(quiet=range(-1, 14))


@vector(VERIFIED, counts=CLEAN | {"digests_found": 14, "digests_valid": 14})
def a_trail_that_starts_just_before_the_period(world, cloudtrail, digests):
    world.bucket.objects.clear()
    cloudtrail.previous = {}
    cloudtrail.deliver(first=0)


@vector(VERIFIED, counts=CLEAN)
def what_lies_outside_the_period_is_not_judged(world, cloudtrail, digests):
    before, after = log_of(cloudtrail, -1, 5), log_of(cloudtrail, 12, 45)
    world.bucket.remove(before)
    world.bucket.write(after, edit(world.bucket.objects[after].body))
    world.bucket.write(cloudtrail.log_key(END + HOUR, "forged"), made.packed(b"{}"))


@vector(
    VERIFIED,
    counts=CLEAN | {"digests_found": 16, "digests_valid": 16, "logs_vouched": 37, "logs_found": 37, "logs_valid": 37},
)
def a_backfill_digest_names_a_log_file_that_came_late(world, cloudtrail, digests):
    late = cloudtrail.log(DAY + 5 * HOUR + timedelta(minutes=10))
    cloudtrail.backfill(at(6), [late], made=DAY + 9 * HOUR)


@vector(
    VERIFIED,
    counts=CLEAN | {"logs_vouched": 73, "logs_found": 73, "logs_valid": 73, "logs_of_others": 37},
    remarks=["37 log files are named by digests of other trails alone"],
)
def two_trails_deliver_to_one_place(world, cloudtrail, digests):
    other = world.writer(trail="main_trail_2", home=made.OTHER_REGION)
    other.deliver()
    other.backfill(at(6), [other.log(DAY + 5 * HOUR + timedelta(minutes=11))], made=DAY + 9 * HOUR)
    gone = log_of(other, 3, 5)
    world.bucket.write(gone, world.bucket.objects[gone].body)


@vector(VERIFIED, counts={name: 2 * number for name, number in CLEAN.items()})
def a_trail_of_an_organisation(world, cloudtrail, digests):
    world.bucket.objects.clear()
    world.place = TrailPlace(made.BUCKET, "logs/here", made.ORGANIZATION)
    for account in (made.ACCOUNT, made.MEMBER):
        world.writer(account=account).deliver()
    world.writer(root="AWSLogs/").log(DAY + HOUR)  # an account's own trail beside it is another place


@vector(VERIFIED, counts={name: 2 * number for name, number in CLEAN.items()})
def a_trail_of_two_regions(world, cloudtrail, digests):
    world.writer(region=made.OTHER_REGION).deliver()


@vector(VERIFIED, counts=CLEAN)
def a_trail_of_one_region_beside_one_of_another(world, cloudtrail, digests):
    world.is_multi_region = False
    world.writer(region=made.OTHER_REGION, trail="other", home=made.OTHER_REGION).deliver()


@vector(VERIFIED, counts=CLEAN, remarks=["4 objects are neither", "CloudTrail/notes is no folder of a Region"])
def objects_that_are_not_of_cloudtrail(world, cloudtrail, digests):
    log, digest = log_of(cloudtrail, 3, 5), digests[3]
    folder, name = log.rpartition("/")[0], log.rpartition("/")[2]
    for key in (
        f"{folder}/readme.txt",
        f"{folder}/{name.replace('T0305Z', 'T0399Z')}",
        f"{folder}/{digest.rpartition('/')[2]}",
        digest.replace(made.ACCOUNT + "_", made.MEMBER + "_"),
        f"AWSLogs/{made.ACCOUNT}/CloudTrail/notes/readme.txt",
        f"AWSLogs/{made.ACCOUNT}/CloudTrail-Insight/{made.REGION}/2026/03/10/insight.json.gz",
        f"AWSLogs/{made.ACCOUNT}/Config/x.json.gz",
        "readme.txt",
    ):
        world.bucket.write(key, b"x")


@vector(VERIFIED, counts=CLEAN)
def other_gzip_bytes_with_the_same_content(world, cloudtrail, digests):
    key = log_of(cloudtrail, 3, 5)
    world.bucket.write(key, gzip.compress(gzip.decompress(world.bucket.objects[key].body), 1, mtime=1))


# --- a log file is not what it was -------------------------------------------------------------------------------------

ONE_CHANGED = CLEAN | {"logs_valid": 35, "logs_changed": 1}


@vector(FAIL, "log_changed", counts=ONE_CHANGED)
def a_log_file_is_edited(world, cloudtrail, digests):
    key = log_of(cloudtrail, 3, 5)
    world.bucket.write(key, edit(world.bucket.objects[key].body))


@vector(FAIL, "log_changed log_changed", counts=CLEAN | {"logs_valid": 34, "logs_changed": 2})
def two_log_files_are_swapped(world, cloudtrail, digests):
    world.bucket.swap(log_of(cloudtrail, 3, 5), log_of(cloudtrail, 8, 5))


@vector(FAIL, "log_missing", counts=CLEAN | {"logs_valid": 35, "logs_missing": 1, "logs_found": 35})
def a_log_file_is_deleted(world, cloudtrail, digests):
    world.bucket.remove(log_of(cloudtrail, 3, 5))


@vector(FAIL, "log_missing", counts=CLEAN | {"logs_valid": 35, "logs_missing": 1, "logs_found": 35})
def a_log_file_is_deleted_while_it_is_read(world, cloudtrail, digests):
    world.bucket.vanishing.add(log_of(cloudtrail, 3, 5))


@vector(
    FAIL,
    "log_missing log_unvouched",
    counts=CLEAN | {"logs_valid": 35, "logs_missing": 1, "logs_found": 36, "logs_unvouched": 1},
)
def a_log_file_is_renamed(world, cloudtrail, digests):
    world.bucket.rename(log_of(cloudtrail, 3, 5), log_of(cloudtrail, 3, 6))


@vector(FAIL, "log_trailing_data", counts=ONE_CHANGED)
def a_gzip_member_is_appended(world, cloudtrail, digests):
    key = log_of(cloudtrail, 3, 5)
    world.bucket.write(key, world.bucket.objects[key].body + made.packed(b'{"Records": []}'))


@vector(FAIL, "log_trailing_data", counts=ONE_CHANGED)
def anything_is_appended(world, cloudtrail, digests):
    key = log_of(cloudtrail, 3, 5)
    world.bucket.write(key, world.bucket.objects[key].body + b"\n")


@vector(FAIL, "log_malformed", counts=ONE_CHANGED)
def a_log_file_is_cut_off(world, cloudtrail, digests):
    key = log_of(cloudtrail, 3, 5)
    world.bucket.write(key, world.bucket.objects[key].body[:-3])


@vector(FAIL, "log_malformed", counts=ONE_CHANGED)
def a_log_file_is_unpacked(world, cloudtrail, digests):
    key = log_of(cloudtrail, 3, 5)
    world.bucket.write(key, gzip.decompress(world.bucket.objects[key].body))


@vector(FAIL, "log_malformed", counts=ONE_CHANGED)
def a_log_file_is_replaced_by_a_compression_bomb(world, cloudtrail, digests):
    world.bucket.write(log_of(cloudtrail, 3, 5), made.bomb(513 * 2**20))


@vector(FAIL, "log_malformed", counts=ONE_CHANGED)
def a_log_file_is_replaced_by_an_object_too_large_to_be_read(world, cloudtrail, digests):
    world.bucket.failing = [("GetObject", log_of(cloudtrail, 3, 5), TOO_LARGE)]


@vector(FAIL, "log_unvouched", counts=CLEAN | {"logs_found": 37, "logs_unvouched": 1})
def a_log_file_is_forged(world, cloudtrail, digests):
    cloudtrail.log(DAY + 5 * HOUR + timedelta(minutes=10))


@vector(
    FAIL,
    "log_changed",
    counts=CLEAN | {"logs_vouched": 72, "logs_found": 72, "logs_valid": 71, "logs_changed": 1, "logs_of_others": 36},
    remarks=["36 log files are named by digests of other trails alone"],
)
def a_log_file_of_a_neighbour_is_edited(world, cloudtrail, digests):
    other = world.writer(trail="other")
    other.deliver()
    key = log_of(other, 3, 5)
    world.bucket.write(key, edit(world.bucket.objects[key].body))


@vector(FAIL, "log_unvouched", counts=CLEAN | {"logs_found": 37, "logs_unvouched": 1})
def a_forged_log_file_has_a_forged_digest_of_a_neighbour(world, cloudtrail, digests):
    other = world.writer(trail="other", key=made.ATTACKER)
    other.digest(at(6), [other.log(DAY + 5 * HOUR + timedelta(minutes=10))])


# --- a digest is not what it was ---------------------------------------------------------------------------------------


def one_lost(kind: str, **counts: int) -> dict[str, Any]:
    """Return what is expected when the digest of 04:01:31 to 05:01:31 is there and vouches for nothing."""
    return {
        "problems": kind,
        "counts": {
            "digests_found": 15, "digests_valid": 14, "digests_invalid": 1,
            "logs_vouched": 33, "logs_found": 36, "logs_valid": 33, "logs_uncovered": 3, **counts,
        },
        "gaps": [(at(4), at(5), "digests not valid: 1")],
    }  # fmt: skip


@vector(FAIL, **one_lost("digest_signature"))
def a_digest_is_edited(world, cloudtrail, digests):
    document = json.loads(gzip.decompress(world.bucket.objects[digests[5]].body))
    document["logFiles"].pop()
    world.bucket.write(digests[5], made.packed(json.dumps(document).encode()))


@vector(FAIL, **one_lost("digest_unsigned"))
def a_digest_lost_its_signature(world, cloudtrail, digests):
    world.bucket.mark(digests[5], signature=None)


@vector(FAIL, **one_lost("digest_signature"))
def a_digest_has_the_signature_of_another(world, cloudtrail, digests):
    world.bucket.mark(digests[5], signature=world.bucket.objects[digests[6]].metadata["signature"])


@vector(FAIL, **one_lost("digest_signature"))
def a_signature_is_no_hexadecimal_number(world, cloudtrail, digests):
    world.bucket.mark(digests[5], signature="zz")


@vector(FAIL, **one_lost("digest_algorithm"))
def a_digest_claims_another_algorithm(world, cloudtrail, digests):
    world.bucket.mark(digests[5], signature_algorithm="SHA1withRSA")


@vector(FAIL, **one_lost("digest_algorithm"))
def a_digest_claims_no_algorithm(world, cloudtrail, digests):
    world.bucket.mark(digests[5], signature_algorithm=None)


@vector(FAIL, **one_lost("digest_key_unknown"))
def a_digest_is_signed_by_somebody_else(world, cloudtrail, digests):
    cloudtrail.resign(digests[5], made.ATTACKER, logFiles=[])


@vector(FAIL, **one_lost("digest_signature"))
def a_digest_is_signed_by_somebody_else_in_the_name_of_cloudtrail(world, cloudtrail, digests):
    cloudtrail.resign(digests[5], made.ATTACKER)
    document = json.loads(gzip.decompress(world.bucket.objects[digests[5]].body))
    document["digestPublicKeyFingerprint"] = made.KEY.fingerprint
    world.bucket.write(digests[5], made.packed(json.dumps(document).encode()))


@vector(FAIL, **one_lost("digest_key_expired"))
def a_digest_is_signed_with_a_key_that_had_gone_out_of_use(world, cloudtrail, digests):
    cloudtrail.resign(digests[5], made.NEXT_KEY)
    world.keys[made.REGION].append(made.NEXT_KEY.entry(until=at(5) - timedelta(hours=2, seconds=1)))


@vector(FAIL, **one_lost("digest_malformed"))
def a_digest_is_no_json(world, cloudtrail, digests):
    world.bucket.write(digests[5], made.packed(b"<html>"))


@vector(FAIL, **one_lost("digest_malformed"))
def a_digest_is_json_without_end(world, cloudtrail, digests):
    world.bucket.write(digests[5], made.packed(b'{"logFiles":[' + b'{"x":' * 100_000))


@vector(FAIL, **one_lost("digest_malformed"))
def a_digest_is_other_json(world, cloudtrail, digests):
    world.bucket.write(digests[5], made.packed(b'{"Records": []}'))


@vector(FAIL, **one_lost("digest_malformed"))
def a_digest_is_replaced_by_an_object_too_large_to_be_read(world, cloudtrail, digests):
    world.bucket.failing = [("GetObject", digests[5], TOO_LARGE)]


@vector(FAIL, **one_lost("digest_trailing_data"))
def a_gzip_member_is_appended_to_a_digest(world, cloudtrail, digests):
    body = world.bucket.objects[digests[5]].body
    world.bucket.write(digests[5], body + body)


@vector(FAIL, **one_lost("digest_moved digest_missing", digests_missing=1))
def a_digest_is_renamed(world, cloudtrail, digests):
    world.bucket.rename(digests[5], digests[5].replace("T050131Z", "T050132Z"))


@vector(
    FAIL,
    "digest_moved digest_moved",
    counts={"digests_found": 30, "digests_valid": 28, "digests_invalid": 2, "logs_uncovered": 6, "logs_vouched": 66},
    gaps=[(at(4), at(5), "digests not valid: 1")] * 2,
)
def the_digests_of_two_regions_are_swapped(world, cloudtrail, digests):
    other = world.writer(region=made.OTHER_REGION).deliver()
    world.bucket.swap(digests[5], other[5])


@vector(
    FAIL,
    " ".join(["digest_moved"] * 15),
    counts={"digests_found": 15, "digests_invalid": 15, "logs_found": 36, "logs_uncovered": 36},
    gaps=[(START, END, "digests not valid: 13")],
)
def the_bucket_is_a_copy(world, cloudtrail, digests):
    world.bucket.bucket = "copy-of-audit-logs"
    world.place = TrailPlace("copy-of-audit-logs")


@vector(
    FAIL,
    "digest_missing",
    counts={"digests_found": 14, "digests_missing": 1, "logs_vouched": 33, "logs_found": 36, "logs_uncovered": 3},
    gaps=[(at(4), at(5), "digests missing: 1")],
)
def a_digest_is_deleted(world, cloudtrail, digests):
    world.bucket.remove(digests[5])


@vector(
    FAIL,
    "digest_missing",
    counts={"digests_found": 14, "digests_missing": 1, "logs_vouched": 33, "logs_found": 36, "logs_uncovered": 3},
    gaps=[(at(4), at(5), "digests missing: 1")],
)
def a_digest_is_deleted_while_it_is_read(world, cloudtrail, digests):
    world.bucket.vanishing.add(digests[5])


@vector(
    FAIL,
    "digest_missing",
    counts={"digests_found": 13, "digests_missing": 1, "logs_vouched": 30, "logs_found": 36, "logs_uncovered": 6},
    gaps=[(at(4), at(6), "digests missing: 1")],
)
def two_digests_in_a_row_are_deleted(world, cloudtrail, digests):
    world.bucket.remove(digests[5], digests[6])


@vector(
    FAIL,
    "digest_missing",
    counts={"digests_found": 11, "digests_missing": 1, "logs_vouched": 30, "logs_found": 36, "logs_uncovered": 6},
    gaps=[(START, at(2), "digests missing: 1")],
)
def the_oldest_four_digests_are_deleted(world, cloudtrail, digests):
    world.bucket.remove(*(digests[hour] for hour in range(-1, 3)))


@vector(FAIL, "digest_link", counts=CLEAN)
def a_digest_was_made_after_another_content_than_lies_there(world, cloudtrail, digests):
    relink(cloudtrail, digests, hash="0" * 64)


@vector(FAIL, "digest_link", counts=CLEAN)
def a_digest_was_made_after_another_signature_than_lies_there(world, cloudtrail, digests):
    relink(cloudtrail, digests, signature="ab" * 256)


def relink(cloudtrail: Any, digests: Mapping[int, str], **changes: str) -> None:
    """Let CloudTrail itself sign the digests from 06:01:31 on anew, the first with another memory of the one before."""
    before = cloudtrail.bucket.objects[digests[5]]
    cloudtrail.previous = {
        "bucket": made.BUCKET,
        "key": digests[5],
        "hash": made.hashlib.sha256(gzip.decompress(before.body)).hexdigest(),
        "signature": before.metadata["signature"],
    } | changes
    cloudtrail.deliver(first=6)


@vector(
    FAIL,
    "digest_signature log_unvouched",
    counts=CLEAN | {"digests_found": 16, "digests_invalid": 1, "logs_found": 37, "logs_unvouched": 1},
)
def a_backfill_digest_is_forged(world, cloudtrail, digests):
    late = cloudtrail.log(DAY + 5 * HOUR + timedelta(minutes=10))
    key = cloudtrail.backfill(at(6), [late], made=DAY + 9 * HOUR)
    world.bucket.mark(key, signature=world.bucket.objects[digests[5]].metadata["signature"])


@vector(
    FAIL,
    "digest_malformed log_unvouched",
    counts=CLEAN | {"digests_found": 16, "digests_invalid": 1, "logs_found": 37, "logs_unvouched": 1},
)
def a_backfill_digest_does_not_tell_when_it_was_made(world, cloudtrail, digests):
    late = cloudtrail.log(DAY + 5 * HOUR + timedelta(minutes=10))
    key = cloudtrail.backfill(at(6), [late], made=DAY + 9 * HOUR)
    world.bucket.mark(key, backfill_generation_timestamp=None)


@vector(
    FAIL,
    "digest_missing log_unvouched",
    counts=CLEAN
    | {"digests_found": 16, "digests_valid": 16, "digests_missing": 1, "logs_found": 38, "logs_unvouched": 1}
    | {"logs_valid": 37, "logs_vouched": 37},
)
def the_first_of_two_backfill_digests_is_deleted(world, cloudtrail, digests):
    late = [cloudtrail.log(DAY + hour * HOUR + timedelta(minutes=10)) for hour in (5, 6)]
    first = cloudtrail.backfill(at(6), late[:1], made=DAY + 9 * HOUR)
    cloudtrail.backfill(at(7), late[1:], made=DAY + 10 * HOUR)
    world.bucket.remove(first)


@vector(
    FAIL,
    "digest_missing",
    counts={"logs_vouched": 34, "logs_uncovered": 2, "digests_valid": 15, "digests_missing": 1},
    gaps=[(at(4), at(5), "digests missing: 1")],
)
def a_backfill_digest_does_not_stand_in_for_the_one_of_its_hour(world, cloudtrail, digests):
    key = log_of(cloudtrail, 4, 5)
    cloudtrail.backfill(at(5), [cloudtrail.named(key, gzip.decompress(world.bucket.objects[key].body))], made=at(9))
    world.bucket.remove(digests[5])


# --- something is not there, and may never have been -----------------------------------------------------------------------


@vector(
    INCOMPLETE,
    counts={"digests_found": 11, "logs_vouched": 27, "logs_found": 36, "logs_uncovered": 9},
    gaps=[(at(9), END, UNKNOWN)],
)
def the_newest_four_digests_are_deleted(world, cloudtrail, digests):
    world.bucket.remove(*(digests[hour] for hour in range(10, 14)))


@vector(INCOMPLETE, counts={"digests_found": 0, "logs_found": 36, "logs_uncovered": 36}, gaps=[(START, END, NONE)])
def every_digest_is_deleted(world, cloudtrail, digests):
    world.bucket.remove(*digests.values())


@vector(INCOMPLETE, counts={"digests_found": 0, "logs_found": 0}, gaps=[(START, END, NONE)])
def the_bucket_is_empty(world, cloudtrail, digests):
    world.bucket.objects.clear()


@vector(INCOMPLETE, counts=CLEAN, gaps=[(START, END, NONE)])
def everything_of_an_expected_region_is_deleted(world, cloudtrail, digests):
    world.options["expected"] = [(made.ACCOUNT, made.OTHER_REGION)]


@vector(
    INCOMPLETE,
    counts={"digests_found": 12, "logs_vouched": 27, "logs_found": 36, "logs_valid": 27, "logs_uncovered": 9},
    gaps=[(at(4), at(7), "UpdateTrail at 2026-03-10 04:30, StartLogging at 2026-03-10 06:40")],
    remarks=["the chain of digests starts anew with"],
)
def validation_was_off_for_three_hours(world, cloudtrail, digests):
    world.bucket.objects.clear()
    cloudtrail.previous = {}
    cloudtrail.deliver(withheld={5, 6, 7})
    world.options["changes"] = [
        TrailChange(DAY + timedelta(hours=6, minutes=40), "StartLogging"),
        TrailChange(DAY + timedelta(hours=4, minutes=30), "UpdateTrail"),
        TrailChange(DAY + timedelta(hours=9), "PutEventSelectors"),
    ]


@vector(
    INCOMPLETE,
    counts={"digests_found": 12, "logs_vouched": 27, "logs_found": 36},
    gaps=[(at(4), at(7), UNKNOWN)],
    remarks=["the chain of digests starts anew with"],
)
def validation_was_off_and_nobody_knows_why(world, cloudtrail, digests):
    world.bucket.objects.clear()
    cloudtrail.previous = {}
    cloudtrail.deliver(withheld={5, 6, 7})


@vector(INCOMPLETE, counts={"digests_found": 9, "logs_found": 24, "logs_valid": 24}, gaps=[(START, at(4), UNKNOWN)])
def the_trail_is_younger_than_the_period(world, cloudtrail, digests):
    world.bucket.objects.clear()
    cloudtrail.previous = {}
    cloudtrail.deliver(first=5)


@vector(
    INCOMPLETE,
    counts={"digests_found": 9, "logs_found": 24, "logs_valid": 24},
    gaps=[(START, at(4), "the digests before lie elsewhere: s3://former-bucket/AWSLogs/")],
)
def the_trail_delivered_to_another_bucket_before(world, cloudtrail, digests):
    world.bucket.objects.clear()
    cloudtrail.previous = {"bucket": "former-bucket", "key": digests[4], "hash": "00", "signature": "00"}
    cloudtrail.deliver(first=5)


@vector(
    INCOMPLETE,
    "log_uncovered",
    counts={"digests_found": 11, "logs_found": 30, "logs_valid": 27, "logs_uncovered": 3},
    gaps=[(at(9), DAY + 10 * HOUR, NOT_YET)],
)
def the_period_ends_now(world, cloudtrail, digests):
    world.period, world.as_of = Period(START, DAY + 10 * HOUR), DAY + 10 * HOUR
    for key in list(world.bucket.objects):
        if parse(key).at > world.as_of:
            world.bucket.remove(key)
    world.bucket.rename(log_of(cloudtrail, 9, 5), log_of(cloudtrail, 9, 1))  # delivered after 09:01:31 for all we know


@vector(
    INCOMPLETE,
    "log_uncovered",
    counts={"logs_found": 28, "logs_valid": 27, "logs_uncovered": 1, "digests_valid": 11},
)
def a_young_log_file_is_not_vouched_for_yet(world, cloudtrail, digests):
    world.period, world.as_of = Period(START, at(9)), DAY + 9 * HOUR + timedelta(minutes=3)
    for key in list(world.bucket.objects):
        if parse(key).at > world.as_of:
            world.bucket.remove(key)
    cloudtrail.log(DAY + 9 * HOUR)


# --- something could not be read --------------------------------------------------------------------------------------------

ONE_UNREAD = CLEAN | {"logs_valid": 35, "logs_unread": 1}


@vector(INCOMPLETE, "log_unread", counts=ONE_UNREAD)
def a_log_file_is_denied(world, cloudtrail, digests):
    world.bucket.failing = [("GetObject", log_of(cloudtrail, 3, 5), "AccessDenied")]


@vector(
    INCOMPLETE,
    "digest_unread",
    counts={"digests_found": 15, "digests_valid": 14, "digests_unread": 1, "logs_vouched": 33, "logs_uncovered": 3},
    gaps=[(at(4), at(5), "digests not readable: 1")],
)
def a_digest_is_denied(world, cloudtrail, digests):
    world.bucket.failing = [("GetObject", digests[5], "AccessDenied")]


@vector(
    INCOMPLETE,
    "listing_unread listing_unread",
    counts=CLEAN,
    gaps=[(START, END, "the digests could not be listed: s3:ListObjectsV2: AccessDenied")],
)
def a_region_is_denied(world, cloudtrail, digests):
    world.writer(region=made.OTHER_REGION).deliver()
    world.bucket.failing = [("ListObjectsV2", f"/{made.OTHER_REGION}/", "AccessDenied")]


@vector(INCOMPLETE, "listing_unread", counts=CLEAN)
def the_log_files_cannot_be_listed(world, cloudtrail, digests):
    world.bucket.failing = [("ListObjectsV2", "/CloudTrail/", "InternalError")]


@vector(
    FAIL,
    "listing_unread log_missing",
    counts=CLEAN | {"logs_valid": 35, "logs_missing": 1, "logs_found": 35},
)
def the_log_files_cannot_be_listed_and_one_is_gone(world, cloudtrail, digests):
    world.bucket.failing = [("ListObjectsV2", "/CloudTrail/", "InternalError")]
    world.bucket.remove(log_of(cloudtrail, 3, 5))


@vector(INCOMPLETE, "listing_unread listing_unread", counts=CLEAN)
def the_regions_cannot_be_listed(world, cloudtrail, digests):
    world.bucket.failing = [("ListFolders", "AWSLogs", "AccessDenied")]


@vector(
    INCOMPLETE,
    " ".join(["digest_unread"] * 15),
    counts={"digests_found": 15, "digests_unread": 15, "logs_found": 36, "logs_uncovered": 36},
    gaps=[(START, END, "digests not readable: 13")],
)
def the_public_keys_are_denied(world, cloudtrail, digests):
    world.refused_keys = "AccessDenied"


@vector(
    INCOMPLETE,
    " ".join(["digest_unread"] * 15),
    counts={"digests_found": 15, "digests_unread": 15, "logs_found": 36, "logs_uncovered": 36},
    gaps=[(START, END, "digests not readable: 13")],
)
def the_public_key_is_not_the_one_its_fingerprint_names(world, cloudtrail, digests):
    world.keys[made.REGION] = [made.ATTACKER.entry() | {"Fingerprint": made.KEY.fingerprint}]


@vector(INCOMPLETE, "log_unread", counts=CLEAN | {"logs_vouched": 37, "logs_found": 37, "logs_unread": 1})
def a_digest_names_a_log_file_in_another_bucket(world, cloudtrail, digests):
    world.bucket.objects.clear()
    cloudtrail.previous = {}
    cloudtrail.deliver(last=5)
    elsewhere = cloudtrail.named(log_of(cloudtrail, 5, 7), b"x") | {"s3Bucket": "former-bucket"}
    cloudtrail.digest(at(6), [elsewhere, *(cloudtrail.log(DAY + 5 * HOUR + timedelta(minutes=m)) for m in (5, 25, 45))])
    cloudtrail.deliver(first=7)


@vector(
    INCOMPLETE,
    "log_unvouched log_unvouched log_unvouched",
    counts=CLEAN | {"logs_found": 72, "logs_unvouched": 3, "logs_vouched": 69, "logs_valid": 69, "logs_of_others": 33},
    remarks=["33 log files are named by digests of other trails alone"],
)
def a_digest_of_a_neighbour_is_denied(world, cloudtrail, digests):
    theirs = world.writer(trail="other").deliver()
    world.bucket.failing = [("GetObject", theirs[5], "AccessDenied")]


# --- the table ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", VECTORS)
def test_vector(name: str):
    vector = VECTORS[name]
    world, cloudtrail, digests = made.clean()
    vector.change(world, cloudtrail, digests)

    result = verify(world)

    assert (result.verdict, Counter(problem.kind for problem in result.problems)) == (vector.verdict, vector.problems)
    assert {count: getattr(result.counts, count) for count in vector.counts} == vector.counts
    assert [(gap.period.start, gap.period.end) for gap in result.gaps] == [
        (start, end) for start, end, _ in vector.gaps
    ]
    for gap, (_, _, cause) in zip(result.gaps, vector.gaps, strict=True):
        assert gap.cause == cause if cause in {NONE, NOT_YET, UNKNOWN} else cause in gap.cause
    assert len(result.remarks) == len(vector.remarks)
    for remark, expected in zip(sorted(result.remarks), sorted(vector.remarks), strict=True):
        assert expected in remark
    assert_reconciled(result)


def assert_reconciled(result: TrailIntegrity) -> None:
    """The numbers add up, per Region and in all, and covered time and gaps make up the period."""
    for counts in (result.counts, *(region.counts for region in result.regions)):
        n = counts
        assert n.digests_found == n.digests_valid + n.digests_invalid + n.digests_unread
        assert n.logs_vouched == n.logs_valid + n.logs_changed + n.logs_missing + n.logs_unread
        assert n.logs_found == n.logs_valid + n.logs_changed + n.logs_unread + n.logs_unvouched + n.logs_uncovered
        assert n.logs_of_others <= n.logs_vouched
        assert min(getattr(n, each.name) for each in fields(n)) >= 0
    assert result.counts == sum((region.counts for region in result.regions), IntegrityCounts())
    for region in result.regions:
        own = [gap for gap in result.gaps if (gap.account, gap.region) == (region.account, region.region)]
        times = sorted([(p.start, p.end) for p in (*region.covered, *(gap.period for gap in own))])
        assert times[0][0] == result.period.start
        assert times[-1][1] == result.period.end
        assert all(one[1] == two[0] for one, two in pairwise(times))


def test_there_are_vectors_of_every_verdict_and_every_kind_of_problem():
    assert {vector.verdict for vector in VECTORS.values()} == set(IntegrityVerdict)
    assert {kind for vector in VECTORS.values() for kind in vector.problems} == set(ProblemKind)


# --- what the result says besides ---------------------------------------------------------------------------------------------


def test_a_region_that_is_denied_does_not_hide_the_others():
    world, *_ = made.clean()
    world.writer(region=made.OTHER_REGION).deliver()
    world.bucket.failing = [("ListObjectsV2", f"/{made.OTHER_REGION}/", "AccessDenied")]

    verdicts = {region.region: region.verdict for region in verify(world).regions}

    assert verdicts == {made.REGION: VERIFIED, made.OTHER_REGION: INCOMPLETE}


def test_one_region_can_be_asked_for():
    world, *_ = made.clean()
    other = world.writer(region=made.OTHER_REGION)
    other.deliver()
    world.bucket.remove(log_of(other, 3, 5))

    assert verify(world).verdict is FAIL
    assert verify(world, only_region=made.REGION).verdict is VERIFIED
    assert [region.region for region in verify(world, only_region="us-east-1").regions] == ["us-east-1"]
    assert verify(world, only_region="us-east-1").verdict is INCOMPLETE


def test_the_start_of_the_chain_is_told():
    world, _, digests = made.clean()

    assert verify(world).regions[0].first_digest == digests[-1]


def test_failures_come_first():
    world, cloudtrail, digests = made.clean()
    world.bucket.failing = [("GetObject", digests[2], "AccessDenied")]
    world.bucket.remove(log_of(cloudtrail, 8, 5))

    assert [problem.is_failure for problem in verify(world).problems] == [True, False]


def test_a_bucket_that_recovers_is_verified():
    world, *_ = made.clean()
    for code in ("SlowDown", "InternalError", "timeout", "AccessDenied"):
        world.bucket.failing = [("GetObject", "AWSLogs", code)]
        assert verify(world).verdict is INCOMPLETE
    world.bucket.failing = []

    assert verify(world).verdict is VERIFIED


def test_hashes_of_log_files_that_were_read_anyway_are_taken():
    world, *_ = made.clean()
    asked = []

    def hash_of(keys):
        asked.extend(keys)
        return hash_logs(world.bucket, keys, 2)

    assert verify(world, hash_of=hash_of).verdict is VERIFIED
    assert len(asked) == len(set(asked)) == 36
    world.bucket.remove(asked.pop())
    asked_before = asked.copy()
    asked.clear()
    assert verify(world, hash_of=hash_of).verdict is FAIL
    assert asked == asked_before  # the listing tells that the other is not there
    world, *_ = made.clean()
    assert verify(world, hash_of=lambda _keys: {}).counts.logs_unread == 36
    assert verify(world, hash_of=lambda _keys: {}).verdict is INCOMPLETE
    assert verify(world, hash_of=lambda keys: dict.fromkeys(keys, "0" * 64)).counts.logs_changed == 36
    gone = Unhashed(ProblemKind.LOG_MISSING, "gone")
    assert verify(world, hash_of=lambda keys: dict.fromkeys(keys, gone)).counts.logs_missing == 36


def test_progress_is_told_for_each_region():
    world, *_ = made.clean()
    world.writer(region=made.OTHER_REGION).deliver()
    told: list[tuple[str, int, int]] = []

    verify(world, progress=lambda *each: told.append(each))

    assert {what for what, _, _ in told} == {f"{made.ACCOUNT} {made.REGION}", f"{made.ACCOUNT} {made.OTHER_REGION}"}
    assert told[35] == (f"{made.ACCOUNT} {made.REGION}", 36, 36)


# --- any single change --------------------------------------------------------------------------------------------------------

CLEAN_OBJECTS = dict(made.clean()[0].bucket.objects)


def is_inside(key: str) -> bool:
    """Return whether an object speaks about the period: a log file of it, or a digest that covers some of it."""
    name = parse(key)
    assert name is not None
    if name.kind is Kind.LOG:
        return START <= name.at < END
    return name.at > START and name.at - HOUR < END


INSIDE = sorted(filter(is_inside, CLEAN_OBJECTS))


def content(body: bytes) -> bytes | None:
    """Return what zlib makes of one gzip member, or None."""
    stream = zlib.decompressobj(31)
    try:
        text = stream.decompress(body)
    except zlib.error:
        return None
    return text if stream.eof and not stream.unused_data else None


@st.composite
def mutations(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """Return what was done, and what then lies where: None stands for a key that is free."""
    key = draw(st.sampled_from(INSIDE))
    found = CLEAN_OBJECTS[key]
    what = draw(st.sampled_from(["delete", "flip", "cut", "append", "rename", "swap", "copy", "metadata"]))
    if what == "delete":
        return what, {key: None}
    if what == "metadata":
        name = draw(st.sampled_from(sorted(found.metadata) or [""]))
        assume(name)
        value = draw(st.sampled_from(["", "00", found.metadata[name][:-1] + "g", found.metadata[name][::-1]]))
        return what, {key: made.FetchedObject(found.body, {**found.metadata, name: value})}
    if what in {"rename", "swap", "copy"}:
        others = sorted(set(CLEAN_OBJECTS) - {key}) if what == "swap" else names_like(key) + INSIDE
        other = draw(st.sampled_from(others).filter(lambda other: other != key))
        return what, {other: found, key: {"rename": None, "swap": CLEAN_OBJECTS.get(other), "copy": found}[what]}
    body = draw({"flip": flipped, "cut": cut, "append": appended}[what](found.body))
    return what, {key: made.FetchedObject(body, found.metadata)}


def flipped(body: bytes) -> st.SearchStrategy[bytes]:
    """Change a byte, and with it the content: a gzip header has bytes that mean nothing."""
    changed = st.builds(
        lambda place, bits: body[:place] + bytes([body[place] ^ bits]) + body[place + 1 :],
        st.integers(0, len(body) - 1),
        st.integers(1, 255),
    )
    return changed.filter(lambda new: content(new) != content(body))


def cut(body: bytes) -> st.SearchStrategy[bytes]:
    return st.integers(0, len(body) - 1).map(lambda size: body[:size])


def appended(body: bytes) -> st.SearchStrategy[bytes]:
    more = st.binary(min_size=1, max_size=50) | st.sampled_from([body, made.packed(b"{}")])
    return more.map(lambda tail: body + tail)


def names_like(key: str) -> list[str]:
    """Return names of the same kind that no object has."""
    return [key.replace("0131Z", "0132Z").replace("5Z_", f"{minute}Z_") for minute in range(5)]


@given(mutations())
def test_no_trail_with_a_single_object_changed_is_verified(mutation: tuple[str, dict[str, Any]]):
    changed = CLEAN_OBJECTS | mutation[1]
    world = made.World()
    world.bucket.objects = {key: found for key, found in changed.items() if found is not None}

    result = verify(world)

    assert result.verdict is not VERIFIED
    assert_reconciled(result)
