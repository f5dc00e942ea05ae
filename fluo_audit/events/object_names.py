"""The names of the objects that CloudTrail lays into a trail's bucket.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-find-log-files.html and
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-digest-file-structure.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum


class Kind(StrEnum):
    """What an object of CloudTrail is."""

    LOG = "log"
    DIGEST = "digest"
    BACKFILL = "backfill"
    """A digest of log files that were delivered too late for the digest of their hour. Its chain is its own."""


@dataclass(frozen=True, slots=True)
class TrailPlace:
    """Where a trail delivers to: bucket, key prefix without the slash, and the id of the organisation if it has one."""

    bucket: str
    prefix: str = ""
    organization: str = ""

    @property
    def root(self) -> str:
        """Return the folder of the accounts, with its slash: ``[prefix/]AWSLogs/[o-id/]``."""
        return "/".join(part for part in (self.prefix, "AWSLogs", self.organization) if part) + "/"


@dataclass(frozen=True, slots=True)
class Trail:
    """A trail as DescribeTrails knows it. One of an organisation delivers for every member account."""

    arn: str
    place: TrailPlace
    is_multi_region: bool = True

    @property
    def name(self) -> str:
        """Return the name that stands in the keys of its digests."""
        return self.arn.rpartition("/")[2]

    @property
    def home_region(self) -> str:
        """Return the Region it was made in."""
        return self.arn.split(":")[3]

    @property
    def account(self) -> str:
        """Return the account that owns it."""
        return self.arn.split(":")[4]


@dataclass(frozen=True, slots=True)
class ObjectName:
    """What the key of a log file or a digest says.

    `at` is when the file was delivered (log: to the minute) or the end of what it covers (digest: to the second), in
    UTC. The names of log files do not tell the trail: `trail` and `home_region` are empty for them.
    """

    kind: Kind
    prefix: str
    organization: str
    account: str
    region: str
    at: datetime
    trail: str = ""
    home_region: str = ""

    @property
    def day(self) -> date:
        """Return the UTC day of the folder it lies in."""
        return self.at.date()


_FOLDER = (
    r"(?:(?P<prefix>.+)/)?AWSLogs/(?:(?P<organization>o-[a-z0-9]+)/)?(?P<account>\d{{12}})/{0}/(?P<region>[a-z0-9-]+)"
    r"/(?P<year>\d{{4}})/(?P<month>\d\d)/(?P<day>\d\d)/(?P=account)_{0}_(?P=region)_"
)
_DAY = "(?P=year)(?P=month)(?P=day)"
_LOG = re.compile(
    _FOLDER.format("CloudTrail") + _DAY + r"T(?P<hour>[01]\d|2[0-3])(?P<minute>\d\d)Z_[0-9A-Za-z]+\.json\.gz", re.ASCII
)
_DIGEST = re.compile(
    _FOLDER.format("CloudTrail-Digest")
    + r"(?P<trail>[\w.-]+)_(?P<home_region>[a-z0-9-]+)_"
    + _DAY
    + r"T(?P<hour>[01]\d|2[0-3])(?P<minute>\d\d)(?P<second>\d\d)Z(?P<backfill>_backfill)?\.json\.gz",
    re.ASCII,
)


def parse(key: str) -> ObjectName | None:
    """Return what a key says, or None when it names neither a log file nor a digest.

    CloudTrail Insights and every other object are None, and so is a name at odds with its own folder.
    """
    found = _LOG.fullmatch(key) or _DIGEST.fullmatch(key)
    if found is None:
        return None
    part = found.groupdict()
    time = "{year}-{month}-{day}T{hour}:{minute}:{second}+00:00".format_map({"second": "00"} | part)
    try:
        at = datetime.fromisoformat(time)
    except ValueError:
        return None
    return ObjectName(
        kind=Kind.LOG if found.re is _LOG else Kind.BACKFILL if part["backfill"] else Kind.DIGEST,
        prefix=part["prefix"] or "",
        organization=part["organization"] or "",
        account=part["account"],
        region=part["region"],
        at=at,
        trail=part.get("trail", ""),
        home_region=part.get("home_region", ""),
    )


def log_prefix(place: TrailPlace, account: str, region: str = "", day: date | None = None) -> str:
    """Return the folder of an account's log files: of all Regions, of one Region, or of one of its days."""
    return _folder(place, account, "CloudTrail", region, day)


def digest_prefix(place: TrailPlace, account: str, region: str = "", day: date | None = None) -> str:
    """Return the folder of an account's digests, of every trail that delivers there, as `log_prefix` does."""
    return _folder(place, account, "CloudTrail-Digest", region, day)


def _folder(place: TrailPlace, account: str, kind: str, region: str, day: date | None) -> str:
    folder = f"{place.root}{account}/{kind}/"
    if region:
        folder += f"{region}/"
    return folder + f"{day:%Y/%m/%d}/" if day else folder
