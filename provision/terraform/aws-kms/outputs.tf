locals {
  backend_properties = [
    ["fluo.kms.provider", "aws"],
    ["aws.kms.master-key-id", aws_kms_key.fluo_master_key.arn],
    ["aws.kms.region", local.region],
    ["kms.cache.private-key-ttl-minutes", "60"],
    ["kms.cache.public-key-ttl-hours", "24"],
    ["kms.cache.max-size", "1000"],
    ["kms.rotation.enabled", "true"],
    ["kms.rotation.max-age-days", tostring(var.key_rotation_period_days)],
  ]

  # An encryption context that the key policy allows, as JSON within a shell's single quotes.
  sample_context = replace(jsonencode({
    for key, values in { purpose = local.purposes, tenantId = local.tenants } : key => values[0] if length(values) > 0
  }), "'", "'\\''")

  key_count = 1 + length(local.replica_arns) + length(aws_kms_key.trail)
}

output "kms_key_id" {
  description = "Id of the key."
  value       = aws_kms_key.fluo_master_key.key_id
}

output "kms_key_arn" {
  description = "ARN of the key: aws.kms.master-key-id of the backend."
  value       = aws_kms_key.fluo_master_key.arn
}

output "kms_key_alias" {
  description = "Alias of the key."
  value       = aws_kms_alias.fluo_master_key_alias.name
}

output "kms_key_alias_arn" {
  description = "ARN of the alias."
  value       = aws_kms_alias.fluo_master_key_alias.arn
}

output "aws_region" {
  description = "Region of the key."
  value       = local.region
}

output "iam_policy_arn" {
  description = "ARN of the access policy."
  value       = aws_iam_policy.fluo_kms_access.arn
}

output "iam_policy_name" {
  description = "Name of the access policy."
  value       = aws_iam_policy.fluo_kms_access.name
}

output "iam_role_name" {
  description = "Name of the created role; null for none."
  value       = one(aws_iam_role.fluo_backend[*].name)
}

output "iam_role_arn" {
  description = "ARN of the created role; null for none."
  value       = one(aws_iam_role.fluo_backend[*].arn)
}

output "instance_profile_name" {
  description = "Name of the created role's instance profile, which EC2 takes; null for none."
  value       = one(aws_iam_instance_profile.fluo_backend[*].name)
}

output "replica_key_arns" {
  description = "ARNs of the replicas in replica_regions, in that order. They exist once modules/replica was applied for each."
  value       = [for region in distinct(var.replica_regions) : local.replica_arns[region]]
}

output "replica_settings" {
  description = "Region -> settings for modules/replica."
  value = {
    for region in toset(var.replica_regions) : region => {
      region               = region
      alias                = local.alias
      primary_key_arn      = aws_kms_key.fluo_master_key.arn
      description          = "FLUO backend encryption (${var.environment}), replica"
      policy               = local.key_policies[region]
      deletion_window_days = var.deletion_window_days
      tags                 = merge(local.tags, { Name = local.key_name })
    }
  }
}

output "fluo_backend_config" {
  description = "Lines for the backend's application.properties: terraform output -raw fluo_backend_config."
  value       = join("", [for property in local.backend_properties : "${property[0]}=${property[1]}\n"])
}

output "fluo_backend_env_vars" {
  description = "The same settings as environment variables, as Quarkus names them: terraform output -json fluo_backend_env_vars."
  value       = { for property in local.backend_properties : upper(replace(property[0], "/[^0-9A-Za-z]/", "_")) => property[1] }
}

output "validation_commands" {
  description = "Shell commands that look at the key and try it. The last one is for a FLUO role and makes no data key."
  value       = <<-EOT
    aws kms describe-key \
      --region ${local.region} \
      --key-id ${aws_kms_key.fluo_master_key.arn}

    aws kms get-key-rotation-status \
      --region ${local.region} \
      --key-id ${aws_kms_key.fluo_master_key.arn}

    # As a FLUO role. DryRunOperationException means: the request would have been allowed.
    aws kms generate-data-key \
      --region ${local.region} \
      --key-id ${aws_kms_key.fluo_master_key.arn} \
      --key-spec AES_256 \
      --encryption-context '${local.sample_context}' \
      --dry-run
  EOT
}

output "estimated_monthly_cost_usd" {
  description = "US dollars a month for the keys from the second rotation on; estimated_monthly_cost_basis says what that rests on."
  value       = 3 * local.key_count
}

output "estimated_monthly_cost_basis" {
  description = "What estimated_monthly_cost_usd rests on."
  value       = "${local.key_count} KMS key(s), replicas counted, at 1 USD a month each, and 1 USD a month more for each of the first two rotations of a key, so ${local.key_count} USD before the first rotation and the estimate after the second one, ${2 * var.key_rotation_period_days} days after creation. Not in it: requests beyond the 20,000 a month that are free (0.03 USD per 10,000), storage of log files and log groups, custom metrics and alarms. Look up the prices of your Region."
}

output "security_checklist" {
  description = "What this configuration does and does not do, as true statements."
  value = {
    rotation = "The key rotates every ${var.key_rotation_period_days} days."
    encryption_context = (var.enforce_encryption_context
      ? "The key policy lets the FLUO roles use the key for these purposes only: ${join(", ", local.purposes)}. It denies them every other use, whatever their identity policies allow."
    : "NOT enforced: the FLUO roles may use the key for any purpose.")
    tenants = (length(local.tenants) > 0 && var.enforce_encryption_context
      ? "The key policy lets the FLUO roles use the key for these tenants only: ${join(", ", local.tenants)}."
    : "The key policy does not look at tenantId.")
    least_privilege = "The access policy allows kms:DescribeKey, kms:GenerateDataKey, kms:Encrypt and kms:Decrypt on this key and its replicas, and nothing else."
    separation_of_duties = (var.deny_key_administration
      ? "The key policy denies the FLUO roles to delete, disable or replicate the key, to change its policy or aliases, and to create grants."
    : "NOT denied: an identity policy can let the FLUO roles administer the key.")
    account_administrators = "The account's IAM administrators can give further principals access to the key: the root statement delegates to IAM, so that nobody is locked out."
    deletion               = "Terraform does not destroy the key: prevent_destroy is set. If it is ever retired by hand, the waiting period is ${var.deletion_window_days} days when given as planned."
    cloudwatch_logs = (var.enable_cloudwatch_logs
      ? "CloudWatch Logs may use the key for log groups named ${var.log_group_prefix}*, and for no others."
    : "CloudWatch Logs may not use the key.")
    alarms = (var.enable_alarms
      ? "Alarms watch for throttled and for failed requests; they notify ${length(var.alarm_actions)} target(s)."
    : "NO alarms on throttled or failed requests.")
    audit_trail = (var.enable_audit_trail
      ? "The trail ${local.trail_name} records management events in all Regions, with log file validation, to an encrypted, versioned bucket that is closed to the public."
    : "This module makes no audit trail: check that the account has one that records KMS in all Regions.")
  }
}
