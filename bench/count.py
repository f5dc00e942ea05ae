"""Count the unique events of a key in a folder of log files, without any code of the product.

python -m bench.count FOLDER KEY_ARN [duckdb | jq]

Prints day, operation and number. A KMS event concerns the key when its resources name the key's ARN, its request,
answer or service details name the ARN or the id, or its error message names the ARN. With `jq`, the shell does it all.
Beside a generated folder's truth.json, the exit code tells whether the numbers are the same.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

Counts = Counter[tuple[str, str]]

_PARTS = ("requestParameters", "responseElements", "serviceEventDetails")
_MEMBERS = ("keyId", "targetKeyId", "sourceKeyId", "destinationKeyId")
_NAMES = ", ".join(f"r->>'$.{part}.{member}'" for part in _PARTS for member in _MEMBERS)
_SQL = f"""
SELECT day, name, count(*) FROM (
    SELECT DISTINCT (r->>'$.eventTime')[:10] AS day, r->>'$.eventName' AS name, r->>'$.eventID' AS id
    FROM (SELECT unnest(Records) AS r FROM read_json($files, columns = {{Records: 'JSON[]'}}))
    WHERE r->>'$.eventSource' = 'kms.amazonaws.com'
      AND (list_contains(r->>'$.resources[*].ARN', $arn)
           OR list_has_any([{_NAMES}], [$arn, $id])
           OR contains(r->>'$.errorMessage', $arn)))
GROUP BY ALL
"""  # noqa: S608 - made of the names above

_JQ = """
.Records[]? | select(.eventSource == "kms.amazonaws.com")
| select(
    any(.resources[]?; .ARN == $arn)
    or any((.requestParameters, .responseElements, .serviceEventDetails)
           | objects | .keyId, .targetKeyId, .sourceKeyId, .destinationKeyId; . == $arn or . == $id)
    or ((.errorMessage // "") | contains($arn)))
| [.eventTime[:10], .eventName, .eventID] | @tsv
"""
_SHELL = """
find "$1" -type f -name '*.json*' ! -path '*/CloudTrail-Digest/*' -exec gzip -dcf {} + |
jq -r --arg arn "$2" --arg id "$3" "$4" | LC_ALL=C sort -u | cut -f 1,2 | uniq -c
"""


def with_duckdb(folder: Path, key: str) -> Counts:
    import duckdb

    files = [str(path) for path in _log_files(folder)]
    with duckdb.connect(config={"memory_limit": "4GB"}) as database:
        parameters = {"files": files, "arn": key, "id": key.rpartition("/")[2]}
        return Counter({(day, name): count for day, name, count in database.execute(_SQL, parameters).fetchall()})


def with_jq(folder: Path, key: str) -> Counts:
    command = ["sh", "-c", _SHELL, "sh", str(folder), key, key.rpartition("/")[2], _JQ]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    return Counter({(day, name): int(count) for count, day, name in map(str.split, lines)})


def _log_files(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.rglob("*")
        if path.name.endswith((".json", ".json.gz")) and "CloudTrail-Digest" not in path.parts and path.is_file()
    )


def truth_of(folder: Path) -> Counts | None:
    """Return what the generator says about a folder of its own."""
    try:
        truth = json.loads((folder / "truth.json").read_bytes())
    except FileNotFoundError:
        return None
    days = truth["by_day_and_operation"].items()
    return Counter({(day, name): count for day, names in days for name, count in names.items()})


def main(arguments: list[str]) -> int:
    if len(arguments) not in {2, 3} or arguments[2:] not in ([], ["duckdb"], ["jq"]):
        print(__doc__, file=sys.stderr)
        return 2
    folder, key = Path(arguments[0]), arguments[1]
    truth = truth_of(folder)
    bucket = folder if truth is None else folder / "bucket"
    counts = with_jq(bucket, key) if arguments[2:] == ["jq"] else with_duckdb(bucket, key)
    for (day, name), count in sorted(counts.items()):
        print(f"{day}  {name:32}  {count:>10,}")
    print(f"{'all':44}  {counts.total():>10,}")
    if truth is None:
        return 0
    print("as generated" if counts == truth else f"not as generated: {truth.total():,}")
    return 0 if counts == truth else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
