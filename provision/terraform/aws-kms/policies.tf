# The policy documents of the key and of its users.
#
# Two rules make the encryption context count. The Allow in the key policy carries the condition, because a statement of
# the key policy suffices by itself in the key's account. And a Deny repeats it, because the root statement lets identity
# policies allow the same calls without it; StringNotEquals also matches when the context lacks the key. Two keys in one
# Deny would both have to be wrong, so each has a Deny of its own.

locals {
  purposes = sort(distinct(concat(var.encryption_context_purposes, var.extra_context_purposes)))
  tenants  = sort(distinct(var.allowed_tenant_ids))

  # Encryption context key -> its allowed values; empty when nothing is enforced.
  context = {
    for key, values in { purpose = local.purposes, tenantId = local.tenants } : key => values
    if var.enforce_encryption_context && length(values) > 0
  }
  context_condition = {
    for element, condition in { Condition = { StringEquals = { for key, values in local.context : "kms:EncryptionContext:${key}" => values } } } : element => condition
    if length(local.context) > 0
  }

  use_actions = ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"]
  read_actions = [
    "kms:DescribeKey", "kms:GetKeyLastUsage", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus", "kms:ListGrants",
    "kms:ListKeyPolicies", "kms:ListKeyRotations", "kms:ListResourceTags",
  ]
  # Nothing that uses, disables or deletes the key.
  administer_actions = [
    "kms:CancelKeyDeletion", "kms:CreateAlias", "kms:DescribeKey", "kms:EnableKey", "kms:EnableKeyRotation",
    "kms:GetKeyLastUsage", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus", "kms:ListGrants", "kms:ListKeyPolicies",
    "kms:ListKeyRotations", "kms:ListResourceTags", "kms:PutKeyPolicy", "kms:ReplicateKey", "kms:RevokeGrant",
    "kms:RotateKeyOnDemand", "kms:TagResource", "kms:UntagResource", "kms:UpdateKeyDescription",
  ]
  denied_actions = [
    "kms:CancelKeyDeletion", "kms:CreateGrant", "kms:DeleteAlias", "kms:DeleteImportedKeyMaterial", "kms:DisableKey",
    "kms:DisableKeyRotation", "kms:PutKeyPolicy", "kms:ReplicateKey", "kms:ScheduleKeyDeletion", "kms:UpdateAlias",
    "kms:UpdatePrimaryRegion",
  ]
  # What AWS documents for encrypted log groups:
  # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
  log_actions = ["kms:Decrypt*", "kms:Describe*", "kms:Encrypt*", "kms:GenerateDataKey*", "kms:ReEncrypt*"]

  root_statement = {
    Sid       = "EnableIAMUserPermissions"
    Effect    = "Allow"
    Principal = { AWS = "arn:${local.partition}:iam::${local.account}:root" }
    Action    = "kms:*"
    Resource  = "*"
  }

  backend_statements = concat(
    [
      {
        Sid       = "AllowFluoBackendDescribe"
        Effect    = "Allow"
        Principal = { AWS = local.fluo_roles }
        Action    = "kms:DescribeKey"
        Resource  = "*"
      },
      merge({
        Sid       = "AllowFluoBackendKeyUsage"
        Effect    = "Allow"
        Principal = { AWS = local.fluo_roles }
        Action    = local.use_actions
        Resource  = "*"
      }, local.context_condition),
    ],
    [
      for denied in [
        { sid = "DenyFluoBackendOtherPurpose", key = "purpose" },
        { sid = "DenyFluoBackendOtherTenant", key = "tenantId" },
        ] : {
        Sid       = denied.sid
        Effect    = "Deny"
        Principal = { AWS = local.fluo_roles }
        Action    = ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
        Resource  = "*"
        Condition = { StringNotEquals = { "kms:EncryptionContext:${denied.key}" = local.context[denied.key] } }
      } if contains(keys(local.context), denied.key)
    ],
    [
      for sid in ["DenyFluoBackendKeyAdministration"] : {
        Sid       = sid
        Effect    = "Deny"
        Principal = { AWS = local.fluo_roles }
        Action    = local.denied_actions
        Resource  = "*"
      } if var.deny_key_administration
    ],
  )

  people_statements = [
    for people in [
      { sid = "AllowKeyAdministration", arns = var.key_admin_arns, actions = local.administer_actions },
      { sid = "AllowAuditorRead", arns = var.auditor_role_arns, actions = local.read_actions },
      ] : {
      Sid       = people.sid
      Effect    = "Allow"
      Principal = { AWS = sort(people.arns) }
      Action    = people.actions
      Resource  = "*"
    } if length(people.arns) > 0
  ]

  # Region -> key policy. A replica has a policy of its own, which differs in the Region of CloudWatch Logs.
  key_policies = {
    for region in toset(concat([local.region], var.replica_regions)) : region => jsonencode({
      Version = "2012-10-17"
      Id      = "fluo-${var.environment}"
      Statement = concat([local.root_statement], local.backend_statements, local.people_statements, [
        for prefix in [var.log_group_prefix] : {
          Sid       = "AllowCloudWatchLogs"
          Effect    = "Allow"
          Principal = { Service = "logs.${region}.${data.aws_partition.current.dns_suffix}" }
          Action    = local.log_actions
          Resource  = "*"
          Condition = { ArnLike = { "kms:EncryptionContext:aws:logs:arn" = "arn:${local.partition}:logs:${region}:${local.account}:log-group:${prefix}*" } }
        } if var.enable_cloudwatch_logs
      ])
    })
  }

  access_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "FluoKmsDescribe"
        Effect   = "Allow"
        Action   = "kms:DescribeKey"
        Resource = concat([aws_kms_key.fluo_master_key.arn], values(local.replica_arns))
      },
      merge({
        Sid      = "FluoKmsUse"
        Effect   = "Allow"
        Action   = local.use_actions
        Resource = concat([aws_kms_key.fluo_master_key.arn], values(local.replica_arns))
      }, local.context_condition),
    ]
  })

  # Services send no external id, so only trusted accounts are asked for it:
  # https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_common-scenarios_third-party.html
  trust_policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        for sid in ["AllowServices"] : {
          Sid       = sid
          Effect    = "Allow"
          Principal = { Service = sort(var.fluo_service_principals) }
          Action    = "sts:AssumeRole"
        } if length(var.fluo_service_principals) > 0
      ],
      [
        for sid in ["AllowTrustedAccounts"] : {
          Sid       = sid
          Effect    = "Allow"
          Principal = { AWS = sort([for name in var.trusted_principals : startswith(name, "arn:") ? name : "arn:${local.partition}:iam::${name}:root"]) }
          Action    = "sts:AssumeRole"
          Condition = { StringEquals = { "sts:ExternalId" = var.external_id } }
        } if length(var.trusted_principals) > 0
      ],
    )
  })
}
