output "kms_key_arn" {
  description = "ARN of the replica."
  value       = aws_kms_replica_key.fluo_master_key.arn
}

output "kms_key_alias_arn" {
  description = "ARN of the alias in the replica's Region."
  value       = aws_kms_alias.fluo_master_key_alias.arn
}
