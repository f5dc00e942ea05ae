"""Hold a set-up of the key against the 14 defects of the module that FLUO documented first.

Nothing is recognised by its text: policies are asked what they allow, commands are read as a shell reads them, and
settings as the backend does.
"""

from __future__ import annotations

from fluo_audit.provision.defects import account, files, policies
from fluo_audit.provision.defects.check import Reviewed
from fluo_audit.provision.defects.set_up import SetUp

CHECKS = (
    policies.context_in_key_policy,
    policies.context_where_it_is_sent,
    policies.roles_may_use_key,
    account.external_id_not_of_services,
    files.variables_have_effect,
    files.properties_are_plain,
    files.outputs_passed_on,
    files.validation_commands_run,
    files.module_folder_loads,
    policies.four_actions_only,
    account.instance_profile_exists,
    account.alarms_have_metric,
    policies.replicas_enforce_too,
    files.environment_variables_map,
)
"""One a defect, in the order of the list of defects."""


def review(set_up: SetUp) -> tuple[Reviewed, ...]:
    """Return one result a defect: always all of them, in the same order."""
    return tuple(check.review(set_up) for check in CHECKS)
