# The key, who may use it, and what carries the permission.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

data "aws_iam_role" "attached" {
  count = var.attach_to_role && var.fluo_iam_role_name != "" ? 1 : 0

  name = var.fluo_iam_role_name
}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.id # provider 6 deprecates `name`, and 5 has no `region`

  alias    = "alias/fluo-${var.environment}"
  key_name = "fluo-kms-${var.environment}"
  tags     = merge(var.tags, { Environment = var.environment, ManagedBy = "terraform", Purpose = "fluo-backend-encryption" })

  fluo_roles = sort(distinct(concat(var.fluo_role_arns, aws_iam_role.fluo_backend[*].arn, data.aws_iam_role.attached[*].arn)))

  # A multi-Region key and its replicas differ in the Region of their ARNs only.
  replica_arns = { for region in toset(var.replica_regions) : region => replace(aws_kms_key.fluo_master_key.arn, ":${local.region}:", ":${region}:") }
}

# The addresses of the key, its alias, the policy and the role are those of the original FLUO module: where that one was
# applied, this one takes over and replaces nothing.
resource "aws_kms_key" "fluo_master_key" {
  description             = "FLUO backend encryption (${var.environment})"
  enable_key_rotation     = true
  rotation_period_in_days = var.key_rotation_period_days
  deletion_window_in_days = var.deletion_window_days
  multi_region            = var.multi_region_enabled
  policy                  = local.key_policies[local.region]
  tags                    = merge(local.tags, { Name = local.key_name })

  lifecycle {
    # What a deleted key has encrypted is lost. It is retired by hand: see the README.
    prevent_destroy = true

    precondition {
      condition     = !(var.create_iam_role && var.attach_to_role)
      error_message = "create_iam_role and attach_to_role exclude each other."
    }
    precondition {
      condition     = var.attach_to_role == (var.fluo_iam_role_name != "")
      error_message = "attach_to_role needs fluo_iam_role_name, which has no effect without it."
    }
    precondition {
      condition     = length(var.fluo_role_arns) > 0 || var.create_iam_role || var.attach_to_role
      error_message = "Nobody may use the key: name fluo_role_arns, or create_iam_role, or attach_to_role."
    }
    precondition {
      condition     = length(setintersection(var.fluo_role_arns, var.key_admin_arns)) == 0
      error_message = "A FLUO role cannot be a key administrator: who uses the key does not administer it."
    }
    precondition {
      condition     = !var.create_iam_role || length(var.fluo_service_principals) + length(var.trusted_principals) > 0
      error_message = "Nobody may assume the created role: name fluo_service_principals or trusted_principals."
    }
    precondition {
      condition     = length(var.trusted_principals) == 0 || var.external_id != ""
      error_message = "trusted_principals need an external_id."
    }
    precondition {
      condition     = length(var.replica_regions) == 0 || var.multi_region_enabled
      error_message = "replica_regions need multi_region_enabled."
    }
    precondition {
      condition     = !contains(var.replica_regions, local.region)
      error_message = "replica_regions must leave out ${local.region}: the primary key is there."
    }
    precondition {
      condition     = !var.enable_alarms || var.trail_log_group != "" || var.enable_audit_trail
      error_message = "enable_alarms needs trail_log_group (where a trail delivers), or enable_audit_trail."
    }
    precondition {
      condition     = !(var.trail_log_group != "" && var.enable_audit_trail)
      error_message = "trail_log_group and enable_audit_trail exclude each other: the created trail has a log group of its own."
    }
    precondition {
      condition     = length(var.alarm_actions) == 0 || var.enable_alarms
      error_message = "alarm_actions have no effect without enable_alarms."
    }
  }
}

resource "aws_kms_alias" "fluo_master_key_alias" {
  name          = local.alias
  target_key_id = aws_kms_key.fluo_master_key.key_id
}

resource "aws_iam_policy" "fluo_kms_access" {
  name        = "fluo-kms-access-${var.environment}"
  path        = "/fluo/"
  description = "Use of the FLUO KMS key (${var.environment})"
  policy      = local.access_policy
  tags        = merge(local.tags, { Name = "fluo-kms-access-${var.environment}" })
}

resource "aws_iam_role_policy_attachment" "fluo_kms_access" {
  count = length(data.aws_iam_role.attached)

  role       = data.aws_iam_role.attached[count.index].name
  policy_arn = aws_iam_policy.fluo_kms_access.arn
}

resource "aws_iam_role" "fluo_backend" {
  count = var.create_iam_role ? 1 : 0

  name                 = "fluo-backend-${var.environment}"
  path                 = "/fluo/"
  description          = "FLUO backend (${var.environment})"
  max_session_duration = 3600
  assume_role_policy   = local.trust_policy
  tags                 = merge(local.tags, { Name = "fluo-backend-${var.environment}" })
}

resource "aws_iam_role_policy_attachment" "fluo_backend_kms" {
  count = length(aws_iam_role.fluo_backend)

  role       = aws_iam_role.fluo_backend[count.index].name
  policy_arn = aws_iam_policy.fluo_kms_access.arn
}

# EC2 takes an instance profile, never a role: this one carries the role's name.
resource "aws_iam_instance_profile" "fluo_backend" {
  count = length(aws_iam_role.fluo_backend)

  name = aws_iam_role.fluo_backend[count.index].name
  path = "/fluo/"
  role = aws_iam_role.fluo_backend[count.index].name
  tags = merge(local.tags, { Name = aws_iam_role.fluo_backend[count.index].name })
}

check "external_id_is_asked_of_somebody" {
  assert {
    condition     = var.external_id == "" || length(var.trusted_principals) > 0
    error_message = "external_id without trusted_principals has no effect: AWS services send no external id, so it is not asked of them."
  }
}

check "rotation_within_90_days" {
  assert {
    condition     = var.key_rotation_period_days <= 90
    error_message = "The rotation period is longer than the 90 days FLUO declares: reports will say so unless the baseline declares it too."
  }
}

check "encryption_context_is_enforced" {
  assert {
    condition     = var.enforce_encryption_context
    error_message = "Without enforce_encryption_context the FLUO roles may use the key for any purpose."
  }
}
