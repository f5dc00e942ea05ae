from __future__ import annotations

import runpy
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

from fluo_audit.aws.objects import ObjectInfo
from fluo_audit.events.chains import Chain, Stretch, list_digests, list_logs, read_digests
from fluo_audit.events.digests import PublicKeys, public_keys
from fluo_audit.events.object_names import Kind
from fluo_audit.model.scope import Period

made = SimpleNamespace(**runpy.run_path(str(Path(__file__).parent / "digest_vectors.py")))
DAY, HOUR = made.DAY, made.HOUR


class Watched(made.Bucket):
    """A bucket that remembers what was listed."""

    def __init__(self) -> None:
        super().__init__()
        self.prefixes: list[str] = []

    def list(self, prefix: str, start_after: str = "") -> Iterator[ObjectInfo]:
        self.prefixes.append(prefix)
        return super().list(prefix, start_after)


def stretch(world: made.World, period: Period = made.PERIOD) -> Stretch:
    return Stretch(world.trail, made.ACCOUNT, made.REGION, period)


def test_only_the_days_of_the_period_are_listed():
    world = made.World(bucket=Watched())
    asked = stretch(world, Period(DAY, DAY + 48 * HOUR))

    list_logs(world.bucket, asked, 1)
    assert [prefix[-11:] for prefix in world.bucket.prefixes] == ["2026/03/10/", "2026/03/11/"]

    world.bucket.prefixes.clear()
    list_digests(world.bucket, asked, 1)
    assert [prefix[-11:] for prefix in world.bucket.prefixes] == [
        "2026/03/09/",
        "2026/03/10/",
        "2026/03/11/",
        "2026/03/12/",
    ]
    assert all(prefix.startswith(asked.digest_folder) for prefix in world.bucket.prefixes)


def test_log_files_are_those_of_the_period_and_digests_those_around_it():
    world, _, digests = made.clean()
    asked = stretch(world, Period(DAY + 2 * HOUR, DAY + 4 * HOUR))

    logs = list_logs(world.bucket, asked, 4)
    listed = list_digests(world.bucket, asked, 4)

    assert {name.at.hour for name in logs.names.values()} == {2, 3}
    assert len(logs.names) == 6
    assert set(listed.names) == {digests[hour] for hour in (1, 2, 3, 4, 5)}


def test_the_public_keys_of_a_region_without_digests_are_not_asked_for():
    world = made.World()
    asked: list[str] = []

    def keys_of(region: str) -> PublicKeys:
        asked.append(region)
        return public_keys(world.keys[region])

    empty = read_digests(world.bucket, list_digests(world.bucket, stretch(world), 2), keys_of, lambda _: True, 2)
    assert (empty, asked) == ((), [])

    world.writer().deliver()
    listed = list_digests(world.bucket, stretch(world), 2)
    digests = read_digests(world.bucket, listed, keys_of, lambda name: name.at > DAY, 2)
    assert [digest.name.at for digest in digests] == [made.digest_end(hour) for hour in range(14)]
    assert asked == [made.REGION]


def test_digests_of_other_trails_are_told_apart_by_name_and_home_region():
    world = made.World()
    own = stretch(world)
    end = made.digest_end(1)

    for options, is_own in [
        ({}, True),
        ({"trail": "main_trail_2"}, False),
        ({"trail": "main"}, False),
        ({"home": made.OTHER_REGION}, False),
    ]:
        writer = world.writer(**options)
        key = writer.digest(end, [])
        assert own.is_own(list_digests(world.bucket, own, 1).names[key]) is is_own
        world.bucket.remove(key)


def chain_of(world: made.World) -> Chain:
    listed = list_digests(world.bucket, stretch(world), 2)
    keys = public_keys(world.keys[made.REGION])
    return Chain(stretch(world), listed, read_digests(world.bucket, listed, lambda _: keys, lambda _: True, 2))


def test_a_digest_before_the_time_that_is_looked_at_is_not_missed():
    world, _, digests = made.clean()
    world.period = Period(DAY + 2 * HOUR, made.PERIOD.end)
    world.bucket.remove(digests[0], digests[-1])

    early = Chain(stretch(world, world.period), *vars_of(world, world.period))

    assert early.missing == {}
    assert list(chain_of(world).missing) == [digests[0]]


def vars_of(world: made.World, period: Period):
    listed = list_digests(world.bucket, stretch(world, period), 2)
    keys = public_keys(world.keys[made.REGION])
    return listed, read_digests(world.bucket, listed, lambda _: keys, lambda _: True, 2)


def test_backfill_digests_have_a_chain_of_their_own():
    world, cloudtrail, _ = made.clean()
    first = cloudtrail.backfill(made.digest_end(3), [], made=DAY + 9 * HOUR)
    second = cloudtrail.backfill(made.digest_end(7), [], made=DAY + 9 * HOUR + timedelta(minutes=1))

    chain = chain_of(world)
    assert [digest.key for digest in chain.valid if digest.name.kind is Kind.BACKFILL] == [first, second]
    assert (chain.missing, chain.broken_links) == ({}, {})

    world.bucket.remove(first)
    assert list(chain_of(world).missing) == [first]
