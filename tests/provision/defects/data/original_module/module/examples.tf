# Two examples side by side, in the folder of the module itself.

module "fluo_kms" {
  source         = "./terraform/aws-kms"
  environment    = "production"
  fluo_role_arns = ["arn:aws:iam::123456789012:role/fluo-backend"]
}

output "key" {
  value = module.fluo_kms.kms_key_arn
}

module "fluo_kms" {
  source          = "./terraform/aws-kms"
  environment     = "production"
  create_iam_role = true
}

output "key" {
  value = module.fluo_kms.kms_key_arn
}
