output "kms_key_arn" {
  value = aws_kms_key.fluo_master_key.arn
}

output "validation_commands" {
  value = <<-EOT
    # Look at the key
    aws kms describe-key \\
      --key-id ${aws_kms_key.fluo_master_key.key_id}

    # Make a data key
    aws kms generate-data-key \\
      --key-id ${aws_kms_key.fluo_master_key.key_id} \\
      --key-spec AES_256
  EOT
}
