"""The accounts and Regions that a trail has folders of."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from fluo_audit.aws.objects import ObjectError, Objects
from fluo_audit.events.object_names import Trail, digest_prefix, log_prefix
from fluo_audit.events.parallel import in_order
from fluo_audit.model.integrity import IntegrityProblem, ProblemKind

_ACCOUNT = re.compile(r"\d{12}", re.ASCII)
_REGION = re.compile(r"[a-z]{2,}(-[a-z]+)+-\d{1,2}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Folders:
    """Pairs of account and Region in order, what could not be listed, and what was left out."""

    pairs: tuple[tuple[str, str], ...]
    problems: tuple[IntegrityProblem, ...]
    remarks: tuple[str, ...]


def find_folders(
    objects: Objects,
    trail: Trail,
    expected: Collection[tuple[str, str]],
    *,
    only_account: str,
    only_region: str,
    workers: int,
) -> Folders:
    """Return the accounts and Regions with log files or digests of the trail, and those that are expected to have some.

    Only a trail of an organisation has more than one account: other accounts in the bucket have trails of their own. A
    trail of one Region has that alone.
    """
    if only_account and only_region:
        return Folders(((only_account, only_region),), (), ())
    home = only_region or trail.home_region
    pairs = {(trail.account, home), *expected}
    problems: list[IntegrityProblem] = []
    strange: set[str] = set()

    def names(folder: str) -> tuple[str, ...]:
        try:
            return objects.folders(folder)
        except ObjectError as error:
            kind = ProblemKind.LISTING_UNREAD
            problems.append(IntegrityProblem(kind, folder, str(error), kind.is_failure))
            return ()

    accounts = {only_account} if only_account else {account for account, _ in pairs}
    if not only_account and trail.place.organization:
        found = names(trail.place.root)
        accounts.update(name for name in found if _ACCOUNT.fullmatch(name))
    folders = [(a, prefix(trail.place, a)) for a in sorted(accounts) for prefix in (log_prefix, digest_prefix)]
    regions = in_order(lambda each: names(each[1]), folders, workers, workers)
    for (account, folder), found in zip(folders, regions, strict=True):
        pairs.update((account, name) for name in found if _REGION.fullmatch(name))
        strange.update(folder + name for name in found if not _REGION.fullmatch(name))
    if only_region or not trail.is_multi_region:
        pairs = {(account, region) for account, region in pairs if region == home}
    if only_account:
        pairs = {(account, region) for account, region in pairs if account == only_account}
    remarks = tuple(f"{folder} is no folder of a Region" for folder in sorted(strange))
    return Folders(tuple(sorted(pairs)), tuple(problems), remarks)
