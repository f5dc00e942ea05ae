# A replica of the FLUO key in the Region of the provider. Rotation is shared with the primary key; policy, alias and tags
# are not, and a replica without a policy of its own would get one that lets the whole account use it.

data "aws_region" "current" {}

resource "aws_kms_replica_key" "fluo_master_key" {
  primary_key_arn         = var.settings.primary_key_arn
  description             = var.settings.description
  policy                  = var.settings.policy
  deletion_window_in_days = var.settings.deletion_window_days
  tags                    = var.settings.tags

  lifecycle {
    prevent_destroy = true

    precondition {
      condition     = data.aws_region.current.id == var.settings.region
      error_message = "These settings are for ${var.settings.region}: pass a provider of that Region."
    }
  }
}

resource "aws_kms_alias" "fluo_master_key_alias" {
  name          = var.settings.alias
  target_key_id = aws_kms_replica_key.fluo_master_key.key_id
}
