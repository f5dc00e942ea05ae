# The 13 variables. What each may hold is left out where no defect hangs on it.

variable "environment" {
  type = string
  validation {
    condition     = can(regex("^[a-z0-9-]+$", var.environment))
    error_message = "The environment has lower-case letters, digits and hyphens."
  }
}

variable "fluo_role_arns" { default = [] }
variable "create_iam_role" { default = false }
variable "fluo_iam_role_name" { default = "" }
variable "attach_to_role" { default = false }
variable "fluo_service_principals" { default = ["ec2.amazonaws.com"] }
variable "multi_region_enabled" { default = false }
variable "enforce_encryption_context" { default = true }
variable "enable_cloudwatch_logs" { default = false }
variable "tags" { default = {} }

variable "external_id" {
  default   = ""
  sensitive = true
}

variable "key_rotation_period_days" {
  default = 90
  validation {
    condition     = var.key_rotation_period_days >= 90 && var.key_rotation_period_days <= 365
    error_message = "The key rotates every 90 to 365 days."
  }
}

variable "deletion_window_days" {
  default = 7
  validation {
    condition     = var.deletion_window_days >= 7 && var.deletion_window_days <= 30
    error_message = "The window is 7 to 30 days."
  }
}
