# Everything on: two Regions, tenants, administrators and auditors, CloudWatch Logs, alarms, and an audit trail.

terraform {
  required_version = ">= 1.5.0"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.49.0"
    }
  }
}

variable "external_id" {
  description = "External id that the trusted account must send."
  type        = string
  sensitive   = true
}

provider "aws" {
  region = "us-east-1"
}

provider "aws" {
  alias  = "us_west_2"
  region = "us-west-2"
}

module "fluo_kms" {
  source = "../.."

  environment        = "production"
  create_iam_role    = true
  trusted_principals = ["210987654321"]
  external_id        = var.external_id

  multi_region_enabled = true
  replica_regions      = ["us-west-2"]

  extra_context_purposes = ["health_check", "validation", "validation_decrypt", "validation_encrypt"]
  allowed_tenant_ids     = ["tenant-123", "tenant-456"]

  key_admin_arns    = ["arn:aws:iam::123456789012:role/platform-admin"]
  auditor_role_arns = ["arn:aws:iam::123456789012:role/fluo-audit-reader"]

  enable_cloudwatch_logs = true
  enable_audit_trail     = true
  enable_alarms          = true
  alarm_actions          = ["arn:aws:sns:us-east-1:123456789012:on-call"]
}

module "fluo_kms_us_west_2" {
  source = "../../modules/replica"

  providers = {
    aws = aws.us_west_2
  }

  settings = module.fluo_kms.replica_settings["us-west-2"]
}
