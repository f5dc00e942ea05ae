# The rules between two variables are preconditions of the key in main.tf: validation blocks may name other variables
# from Terraform 1.9 on only.

variable "environment" {
  description = "Name of the environment: the alias is alias/fluo-ENVIRONMENT."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{0,30}$", var.environment))
    error_message = "environment must be 1 to 31 lower-case letters, digits and hyphens, not beginning with a hyphen."
  }
}

variable "fluo_role_arns" {
  description = "Roles of the FLUO backend that may use the key. Needed unless a role is created or attached."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for arn in var.fluo_role_arns : can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:role/([!-~]+/)*[0-9A-Za-z_+=,.@-]{1,64}$", arn))])
    error_message = "fluo_role_arns must be ARNs of roles."
  }
}

variable "create_iam_role" {
  description = "Create the role fluo-backend-ENVIRONMENT and an instance profile of the same name."
  type        = bool
  default     = false
}

variable "attach_to_role" {
  description = "Attach the access policy to the existing role fluo_iam_role_name and let that role use the key."
  type        = bool
  default     = false
}

variable "fluo_iam_role_name" {
  description = "Name of the existing role for attach_to_role."
  type        = string
  default     = ""
}

variable "fluo_service_principals" {
  description = "AWS services that may assume the created role."
  type        = list(string)
  default     = ["ec2.amazonaws.com"]

  validation {
    condition     = alltrue([for service in var.fluo_service_principals : can(regex("^[a-z0-9.-]+\\.amazonaws\\.com(\\.cn)?$", service))])
    error_message = "fluo_service_principals must be AWS services such as ec2.amazonaws.com."
  }
}

variable "external_id" {
  description = "External id that trusted_principals must send. AWS services send none, so it is not asked of them."
  type        = string
  default     = ""
  sensitive   = true

  validation {
    condition     = var.external_id == "" || can(regex("^[0-9A-Za-z_+=,.@:/-]{2,}$", var.external_id)) && length(var.external_id) <= 1224
    error_message = "external_id must be 2 to 1224 letters, digits and any of + = , . @ : / - _."
  }
}

variable "trusted_principals" {
  description = "Account ids or role ARNs that may assume the created role with the external id."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for name in var.trusted_principals : can(regex("^([0-9]{12}|arn:aws[a-z-]*:iam::[0-9]{12}:role/([!-~]+/)*[0-9A-Za-z_+=,.@-]{1,64})$", name))])
    error_message = "trusted_principals must be account ids or ARNs of roles."
  }
}

variable "multi_region_enabled" {
  description = "Create a multi-Region key. Cannot be changed later."
  type        = bool
  default     = false
}

variable "replica_regions" {
  description = "Regions that hold a replica of the multi-Region key; make each with modules/replica."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for region in var.replica_regions : can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", region))])
    error_message = "replica_regions must be Regions such as us-west-2."
  }
}

variable "enforce_encryption_context" {
  description = "Let the FLUO roles use the key for the named purposes and tenants only."
  type        = bool
  default     = true
}

variable "encryption_context_purposes" {
  description = "Allowed values of purpose in the encryption context."
  type        = list(string)
  default     = ["pii_redaction", "compliance_evidence"]

  validation {
    condition     = length(var.encryption_context_purposes) > 0
    error_message = "encryption_context_purposes must name at least one."
  }

  validation {
    # StringEquals takes wildcards literally: such a value matches nothing that was meant.
    condition     = alltrue([for purpose in var.encryption_context_purposes : can(regex("^[^*?$]+$", purpose))])
    error_message = "encryption_context_purposes must be plain values without * ? $."
  }
}

variable "extra_context_purposes" {
  description = "Further allowed purposes. The backend's own checks send health_check, validation, validation_encrypt and validation_decrypt."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for purpose in var.extra_context_purposes : can(regex("^[^*?$]+$", purpose))])
    error_message = "extra_context_purposes must be plain values without * ? $."
  }
}

variable "allowed_tenant_ids" {
  description = "Allowed values of tenantId in the encryption context; none named: any, and none needed."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for tenant in var.allowed_tenant_ids : can(regex("^[^*?$]+$", tenant))])
    error_message = "allowed_tenant_ids must be plain values without * ? $."
  }
}

variable "enable_cloudwatch_logs" {
  description = "Let CloudWatch Logs use the key for log groups whose names begin with log_group_prefix."
  type        = bool
  default     = false
}

variable "log_group_prefix" {
  description = "Begin of the names of those log groups."
  type        = string
  default     = "/aws/fluo/"

  validation {
    condition     = can(regex("^[0-9A-Za-z_./#-]{1,400}$", var.log_group_prefix))
    error_message = "log_group_prefix must be the begin of a log group name."
  }
}

variable "key_rotation_period_days" {
  description = "Days between automatic rotations, 90 to 2560. Reports flag more than 90 unless the baseline declares it."
  type        = number
  default     = 90

  validation {
    condition     = var.key_rotation_period_days >= 90 && var.key_rotation_period_days <= 2560 && floor(var.key_rotation_period_days) == var.key_rotation_period_days
    error_message = "key_rotation_period_days must be 90 to 2560."
  }
}

variable "deletion_window_days" {
  description = "Waiting period, 7 to 30 days, if the key is ever retired. Terraform does not destroy it: prevent_destroy is set."
  type        = number
  default     = 30

  validation {
    condition     = var.deletion_window_days >= 7 && var.deletion_window_days <= 30 && floor(var.deletion_window_days) == var.deletion_window_days
    error_message = "deletion_window_days must be 7 to 30."
  }
}

variable "key_admin_arns" {
  description = "Roles that may administer the key, but not use, disable or delete it."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for arn in var.key_admin_arns : can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:role/([!-~]+/)*[0-9A-Za-z_+=,.@-]{1,64}$", arn))])
    error_message = "key_admin_arns must be ARNs of roles."
  }
}

variable "auditor_role_arns" {
  description = "Roles that may read the key's settings."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for arn in var.auditor_role_arns : can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:role/([!-~]+/)*[0-9A-Za-z_+=,.@-]{1,64}$", arn))])
    error_message = "auditor_role_arns must be ARNs of roles."
  }
}

variable "deny_key_administration" {
  description = "Deny key administration to the FLUO roles, whatever their identity policies allow."
  type        = bool
  default     = true
}

variable "enable_alarms" {
  description = "Create alarms for throttled and for failed requests. Needs trail_log_group or enable_audit_trail."
  type        = bool
  default     = false
}

variable "alarm_actions" {
  description = "ARNs, such as those of SNS topics, that the alarms notify."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for arn in var.alarm_actions : startswith(arn, "arn:aws")])
    error_message = "alarm_actions must be ARNs."
  }
}

variable "trail_log_group" {
  description = "Log group that an existing CloudTrail trail delivers to: the alarms count there."
  type        = string
  default     = ""

  validation {
    condition     = can(regex("^[0-9A-Za-z_./#-]{0,512}$", var.trail_log_group))
    error_message = "trail_log_group must be the name of a log group."
  }
}

variable "enable_audit_trail" {
  description = "Create a multi-Region CloudTrail trail with log file validation, an encrypted bucket and a log group."
  type        = bool
  default     = false
}

variable "tags" {
  description = "Further tags of everything that is created."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for name in ["Name", "Environment", "ManagedBy", "Purpose"] : !contains(keys(var.tags), name)])
    error_message = "tags must leave out Name, Environment, ManagedBy and Purpose: the module sets them."
  }

  validation {
    condition     = alltrue([for name, value in var.tags : length(name) >= 1 && length(name) <= 128 && length(value) <= 256 && !startswith(lower(name), "aws:")])
    error_message = "tags must have names of 1 to 128 characters, not beginning with aws:, and values of at most 256."
  }
}
