# The backend has a role already: the role may use the key, and the access policy is attached to it.

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

  environment        = "production"
  fluo_role_arns     = ["arn:aws:iam::123456789012:role/fluo-backend"]
  attach_to_role     = true
  fluo_iam_role_name = "fluo-backend"

  tags = {
    Project = "FLUO"
    Owner   = "Platform Team"
  }
}
