# The module makes the backend's role, with an instance profile for EC2.

terraform {
  required_version = ">= 1.5.0"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.49.0"
    }
  }
}

provider "aws" {
  region = "us-east-1"
}

module "fluo_kms" {
  source = "../.."

  environment             = "production"
  create_iam_role         = true
  fluo_service_principals = ["ec2.amazonaws.com"] # or ecs-tasks.amazonaws.com, lambda.amazonaws.com

  # Only for principals of other accounts, who must send the external id:
  # trusted_principals = ["210987654321"]
  # external_id        = var.external_id

  tags = {
    Project = "FLUO"
    Owner   = "Platform Team"
  }
}
