"""Workgroups of Athena: how queries run, and how much one may scan. moto's have no limits that hold."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from fluo_audit.sandbox.paging import BadMarkerError, page_of
from fluo_audit.sandbox.wire import AwsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fluo_audit.sandbox.clock import SimulatedClock
    from fluo_audit.sandbox.gateway import Operation, Request

ENGINE = {"SelectedEngineVersion": "AUTO", "EffectiveEngineVersion": "Athena engine version 3"}
_PAGE = 50
_USUAL: Mapping[str, Any] = {
    "EnforceWorkGroupConfiguration": True,
    "PublishCloudWatchMetricsEnabled": False,
    "RequesterPaysEnabled": False,
    "EngineVersion": ENGINE,
}

_PRIMARY = {"EnforceWorkGroupConfiguration": False}


class WorkGroups:
    """CreateWorkGroup, UpdateWorkGroup, GetWorkGroup and ListWorkGroups. Each Region has the group primary."""

    def __init__(self, clock: SimulatedClock) -> None:
        self._clock = clock
        self._groups: dict[str, dict[str, dict[str, Any]]] = defaultdict(
            lambda: {"primary": self._made("primary", _PRIMARY)}
        )

    @property
    def operations(self) -> dict[str, Operation]:
        """Return the operations that stand before moto's."""
        return {
            "CreateWorkGroup": self.create_work_group,
            "UpdateWorkGroup": self.update_work_group,
            "GetWorkGroup": self.get_work_group,
            "ListWorkGroups": self.list_work_groups,
        }

    def find(self, request: Request, name: str) -> dict[str, Any]:
        """Return a workgroup of the Region. Raises AwsError when there is none."""
        group = self._groups[request.call.region].get(name)
        if group is None:
            raise AwsError("InvalidRequestException", f"WorkGroup {name} is not found.")
        return group

    def create_work_group(self, request: Request) -> dict[str, Any]:
        """Create a workgroup."""
        asked, groups = request.parameters, self._groups[request.call.region]
        if asked["Name"] in groups:
            raise AwsError("InvalidRequestException", "WorkGroup is already created")
        groups[asked["Name"]] = self._made(asked["Name"], asked.get("Configuration", {}), asked.get("Description", ""))
        return {}

    def update_work_group(self, request: Request) -> dict[str, Any]:
        """Change the settings or the state of a workgroup; what is not named stays."""
        asked = request.parameters
        group, updates = self.find(request, asked["WorkGroup"]), dict(asked.get("ConfigurationUpdates", {}))
        configuration = dict(group["Configuration"])
        if updates.pop("RemoveBytesScannedCutoffPerQuery", False):
            configuration.pop("BytesScannedCutoffPerQuery", None)
        if results := updates.pop("ResultConfigurationUpdates", None):
            updates["ResultConfiguration"] = results
        group["Configuration"] = configuration | updates
        group["State"] = asked.get("State", group["State"])
        return {}

    def get_work_group(self, request: Request) -> dict[str, Any]:
        """Return a workgroup."""
        return {"WorkGroup": self.find(request, request.parameters["WorkGroup"])}

    def list_work_groups(self, request: Request) -> dict[str, Any]:
        """Return one page of the workgroups, without their settings."""
        asked = dict(request.parameters)
        token, size = asked.pop("NextToken", None), asked.get("MaxResults", _PAGE)
        groups = [
            {name: value for name, value in group.items() if name != "Configuration"}
            for group in self._groups[request.call.region].values()
        ]
        try:
            page, following = page_of(groups, size, token, asked)
        except BadMarkerError:
            raise AwsError("InvalidRequestException", "The pagination token is invalid") from None
        return {"WorkGroups": page} | ({"NextToken": following} if following else {})

    def _made(self, name: str, configuration: Mapping[str, Any], description: str = "") -> dict[str, Any]:
        return {
            "Name": name,
            "State": "ENABLED",
            "Description": description,
            "CreationTime": self._clock.now(),
            "Configuration": {**_USUAL, **configuration},
        }
