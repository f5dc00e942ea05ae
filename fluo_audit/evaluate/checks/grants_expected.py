"""Check grants-expected."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from fluo_audit.evaluate.principals import is_service_role, matches_any
from fluo_audit.evaluate.registry import check
from fluo_audit.evaluate.rows import rows
from fluo_audit.evaluate.wording import count, utc
from fluo_audit.model.baseline import Criteria
from fluo_audit.model.finding import Observation, Severity, Verdict, failed, passed, unread
from fluo_audit.model.sources import GRANTS

if TYPE_CHECKING:
    from fluo_audit.model.sources import Frame

_SERVICE_PRINCIPAL = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*\.amazonaws\.com(\.cn)?")


@check(
    "grants-expected",
    "Only expected principals hold a grant on the key",
    group="GRT",
    severity=Severity.HIGH,
    reads=(GRANTS,),
    one_is_enough=(GRANTS,),
)
def grants_expected(grants: Frame, criteria: Criteria) -> Verdict:
    """Compare who holds a grant on the key with the declared grantees.

    Why: a grant gives access that stands in no policy. Whoever reads the key policy alone does not see it.
    Passes when: there is no grant, or every grantee matches a pattern of grantees in the baseline, is an AWS service,
        or is a role of this account that only AWS services can make. While grantees is not set, nobody else may hold
        one: the backend needs none.
    Fails when: any other principal holds a grant.
    Fix: aws kms revoke-grant --key-id KEY_ARN --grant-id GRANT_ID; or, if it is meant, add the grantee to grantees
        under [baseline] in fluo-audit.toml.
    Still by hand: who approved each grant that is expected, and whether its operations are needed.
    Peers: cloud-custodian counts grants; CloudSploit looks for duplicates and for grants of all operations.
    """
    held = rows(grants)
    if not held:
        return passed("the key has no grants", population="0 grants")
    unnamed = [each for each in held if each["grantee"] is None]
    unexpected = [each for each in held if each["grantee"] is not None and not _expected(each["grantee"], criteria)]
    population = count(len(held), "grant")
    if unexpected:
        allowed = count(len(criteria.baseline.grantees), "grantee pattern")
        return failed(
            f"{len(unexpected)} of {count(len(held), 'grant')} held by principals that are not expected "
            f"({allowed} declared)",
            *(_observe(each) for each in unexpected),
            population=population,
        )
    if unnamed:
        return unread("kms:ListGrants", f"GranteePrincipal of {count(len(unnamed), 'grant')}")
    return passed(f"{count(len(held), 'grant')}, all held by expected principals", population=population)


def _expected(grantee: str, criteria: Criteria) -> bool:
    if matches_any(grantee, criteria.baseline.grantees) or _SERVICE_PRINCIPAL.fullmatch(grantee):
        return True
    return is_service_role(grantee, criteria.scope.account)


def _observe(grant: dict[str, Any]) -> Observation:
    operations = ", ".join(json.loads(grant["operations"])) if grant["operations"] else "operations AWS did not state"
    return Observation(
        f"{grant['grantee']} may {operations}",
        at=utc(grant["created_at"]) if grant["created_at"] else "",
        by=grant["issuing_account"] or "",
        ref=grant["grant_id"] or "",
    )
