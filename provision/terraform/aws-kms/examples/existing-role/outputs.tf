# Terraform reads outputs of the root module alone, so what the commands of the documentation use is passed on.

output "kms_key_id" {
  value = module.fluo_kms.kms_key_id
}

output "kms_key_arn" {
  value = module.fluo_kms.kms_key_arn
}

output "kms_key_alias" {
  value = module.fluo_kms.kms_key_alias
}

output "kms_key_alias_arn" {
  value = module.fluo_kms.kms_key_alias_arn
}

output "aws_region" {
  value = module.fluo_kms.aws_region
}

output "iam_policy_arn" {
  value = module.fluo_kms.iam_policy_arn
}

output "iam_policy_name" {
  value = module.fluo_kms.iam_policy_name
}

output "iam_role_name" {
  value = module.fluo_kms.iam_role_name
}

output "iam_role_arn" {
  value = module.fluo_kms.iam_role_arn
}

output "instance_profile_name" {
  value = module.fluo_kms.instance_profile_name
}

output "replica_key_arns" {
  value = module.fluo_kms.replica_key_arns
}

output "replica_settings" {
  value = module.fluo_kms.replica_settings
}

output "fluo_backend_config" {
  value = module.fluo_kms.fluo_backend_config
}

output "fluo_backend_env_vars" {
  value = module.fluo_kms.fluo_backend_env_vars
}

output "validation_commands" {
  value = module.fluo_kms.validation_commands
}

output "estimated_monthly_cost_usd" {
  value = module.fluo_kms.estimated_monthly_cost_usd
}

output "estimated_monthly_cost_basis" {
  value = module.fluo_kms.estimated_monthly_cost_basis
}

output "security_checklist" {
  value = module.fluo_kms.security_checklist
}
