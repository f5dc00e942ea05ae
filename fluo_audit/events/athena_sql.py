"""The SQL of Athena: a table over a trail's log files, and the shared queries over that table.

The table projects its partitions: their folders are computed from account, Region and day, and none is registered.
https://docs.aws.amazon.com/athena/latest/ug/create-cloudtrail-table-partition-projection.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Self

from fluo_audit.errors import UsageError
from fluo_audit.events.object_names import TrailPlace
from fluo_audit.events.relation import Asked, Dialect, counts, json_text, quoted, with_relation
from fluo_audit.model.scope import Period, Scope

DATABASE = "fluo_audit"
_NAME = re.compile(r"[a-z0-9_]{1,128}")
_S3_LOCATION = re.compile(r"[A-Za-z0-9/!_.*()=@:,+ -]+")
LATE = timedelta(days=1)
"""A log file lies in the folder of the day on which it was delivered: that of the event, or the day after."""


@dataclass(frozen=True, slots=True)
class AthenaTable:
    """Names of a table and its database, as the Glue catalog allows them. Raises UsageError for others."""

    database: str
    name: str

    def __post_init__(self) -> None:
        for each in (self.database, self.name):
            if not _NAME.fullmatch(each):
                raise UsageError(
                    f"{each!r} is not a name of a database or a table in Athena",
                    "give DATABASE.TABLE in lower-case letters, digits and underscores",
                )

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the table of a text such as fluo_audit.trail. Raises UsageError."""
        database, _, name = text.lower().partition(".")
        return cls(database, name)

    @classmethod
    def of_trail(cls, trail: str) -> Self:
        """Return the table for a trail of that name."""
        return cls(DATABASE, f"cloudtrail_{re.sub('[^a-z0-9]+', '_', trail.lower())}"[:128])


@dataclass(frozen=True, slots=True)
class AthenaPlace:
    """A table, and which of its accounts and Regions to read: empty for those of the key."""

    table: AthenaTable
    accounts: tuple[str, ...] = ()
    """With an organisation trail, the others hold calls from there that KMS denied."""
    regions: tuple[str, ...] = ()


def database_ddl(table: AthenaTable) -> str:
    """Return the statement that makes the database of a table."""
    return f"CREATE DATABASE IF NOT EXISTS `{table.database}`"


def table_ddl(table: AthenaTable, place: TrailPlace) -> str:
    """Return the statement that makes the table over a trail's log files.

    Account and Region are injected: a query names them. With a list of them in the table, an account or Region that
    came later would be left out in silence. Parts of any form are text, and what no query reads is not declared,
    because one value of another type than declared fails a whole query. Raises UsageError for a location that no
    statement can name.
    """
    location = f"s3://{place.bucket}/{place.root}"
    if not _S3_LOCATION.fullmatch(f"{place.bucket}/{place.root}"):
        raise UsageError(f"{location!r} cannot be written into a statement of Athena", "make the table by hand")
    fields = ",\n".join(f"  {name} {kind}" for name, kind in FIELDS.items())
    properties = ",\n".join(f"  '{name}' = '{value}'" for name, value in _properties(location).items())
    return f"""CREATE EXTERNAL TABLE `{table.database}`.`{table.name}` (
{fields}
)
PARTITIONED BY (`account` STRING, `region` STRING, `day` STRING)
ROW FORMAT SERDE 'org.apache.hive.hcatalog.data.JsonSerDe'
STORED AS INPUTFORMAT 'com.amazon.emr.cloudtrail.CloudTrailInputFormat'
OUTPUTFORMAT 'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat'
LOCATION '{location}'
TBLPROPERTIES (
{properties}
)"""


FIELDS = {
    "eventversion": "STRING",
    "useridentity": (
        "STRUCT<type: STRING, arn: STRING, invokedby: STRING, accesskeyid: STRING,"
        " sessioncontext: STRUCT<sessionissuer: STRUCT<arn: STRING>>>"
    ),
    "eventtime": "STRING",
    "eventsource": "STRING",
    "eventname": "STRING",
    "awsregion": "STRING",
    "sourceipaddress": "STRING",
    "useragent": "STRING",
    "errorcode": "STRING",
    "errormessage": "STRING",
    "requestparameters": "STRING",
    "responseelements": "STRING",
    "additionaleventdata": "STRING",
    "requestid": "STRING",
    "eventid": "STRING",
    "readonly": "STRING",
    "resources": "ARRAY<STRUCT<arn: STRING>>",
    "eventtype": "STRING",
    "recipientaccountid": "STRING",
    "serviceeventdetails": "STRING",
    "sharedeventid": "STRING",
    "tlsdetails": "STRUCT<tlsversion: STRING>",
}
"""Column -> Hive type of the table, as the AWS documentation declares them, of the fields that are read."""


def _properties(location: str) -> dict[str, str]:
    return {
        "projection.enabled": "true",
        "projection.account.type": "injected",
        "projection.region.type": "injected",
        "projection.day.type": "date",
        "projection.day.format": "yyyy/MM/dd",
        "projection.day.range": "2013/11/01,NOW",  # the month in which CloudTrail began
        "projection.day.interval": "1",
        "projection.day.interval.unit": "DAYS",
        "storage.location.template": f"{location}${{account}}/CloudTrail/${{region}}/${{day}}",
    }


def days_read(period: Period) -> tuple[date, ...]:
    """Return the days whose folders hold the log files of a period: those that a statement scans."""
    return Period(period.start, period.end + LATE).days


def athena_text(query: str, place: AthenaPlace, scope: Scope) -> str:
    """Return a shared query as one statement over the table: the relation of the key's events, then the query."""
    return with_relation(query, _ATHENA, _asked(place, scope))


def athena_counts(place: AthenaPlace, scope: Scope) -> str:
    """Return the statement that accounts for every KMS record in the folders of the period (`relation.COUNTS`)."""
    return counts(_asked(place, scope), _TIME)


# date_parse takes some texts that are no time of CloudTrail.
_TIME = (
    r"CASE WHEN regexp_like(eventtime, '^20\d{2}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$')"
    " THEN TRY(date_parse(eventtime, '%Y-%m-%dT%H:%i:%sZ')) END"
)


def _asked(place: AthenaPlace, scope: Scope) -> Asked:
    key_region, key_account = scope.key_arn.split(":")[3:5]
    accounts, regions = place.accounts or (key_account,), place.regions or (key_region,)
    first, *_, last = days_read(scope.period)
    return Asked(
        table=f'"{place.table.database}"."{place.table.name}"',
        folders=(
            f"account IN ({', '.join(map(quoted, accounts))})",
            f"region IN ({', '.join(map(quoted, regions))})",
            f"\"day\" BETWEEN '{first:%Y/%m/%d}' AND '{last:%Y/%m/%d}'",
        ),
        key_arn=scope.key_arn,
        period=scope.period,
    )


_ATHENA = Dialect(
    # CloudTrail writes these parts in any form, so the table has them as text.
    parts=(
        "TRY(json_parse(requestparameters)) AS asked, TRY(json_parse(responseelements)) AS answered,\n"
        "    TRY(json_parse(serviceeventdetails)) AS details, TRY(json_parse(additionaleventdata)) AS additional"
    ),
    event_time=_TIME,
    member=json_text,
    nested=lambda name: f"json_extract(asked, '$.{name}')",
)
