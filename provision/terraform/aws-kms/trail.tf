# The audit trail: a multi-Region trail whose log files are signed, in an encrypted bucket, and whose events reach a log
# group. It has a key of its own: whoever reads the audit trail needs no access to the key that is audited.

locals {
  trail_name  = "fluo-audit-${var.environment}"
  trail_base  = "fluo-cloudtrail-${var.environment}"
  trail_tags  = merge(local.tags, { Name = local.trail_base, Purpose = "fluo-audit-trail" })
  trail_group = "/fluo/cloudtrail-${var.environment}"
  trail_arn   = "arn:${local.partition}:cloudtrail:${local.region}:${local.account}:trail/${local.trail_name}"
  bucket_name = "${local.trail_base}-${local.account}"
  bucket_arn  = "arn:${local.partition}:s3:::${local.bucket_name}"
  cloudtrail  = "cloudtrail.amazonaws.com" # in every partition
}

resource "aws_kms_key" "trail" {
  count = var.enable_audit_trail ? 1 : 0

  description             = "FLUO audit trail (${var.environment})"
  enable_key_rotation     = true
  rotation_period_in_days = var.key_rotation_period_days
  deletion_window_in_days = var.deletion_window_days
  tags                    = local.trail_tags

  # https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-kms-key-policy-for-cloudtrail.html
  policy = jsonencode({
    Version = "2012-10-17"
    Id      = "fluo-${var.environment}"
    Statement = [
      local.root_statement,
      {
        Sid       = "AllowCloudTrailEncrypt"
        Effect    = "Allow"
        Principal = { Service = local.cloudtrail }
        Action    = "kms:GenerateDataKey*"
        Resource  = "*"
        Condition = {
          StringEquals = { "aws:SourceArn" = local.trail_arn }
          StringLike   = { "kms:EncryptionContext:aws:cloudtrail:arn" = "arn:${local.partition}:cloudtrail:*:${local.account}:trail/*" }
        }
      },
      {
        Sid       = "AllowCloudTrailDescribe"
        Effect    = "Allow"
        Principal = { Service = local.cloudtrail }
        Action    = "kms:DescribeKey"
        Resource  = "*"
        Condition = { StringEquals = { "aws:SourceArn" = local.trail_arn } }
      },
      {
        Sid       = "AllowCloudWatchLogs"
        Effect    = "Allow"
        Principal = { Service = "logs.${local.region}.${data.aws_partition.current.dns_suffix}" }
        Action    = local.log_actions
        Resource  = "*"
        Condition = { ArnLike = { "kms:EncryptionContext:aws:logs:arn" = "arn:${local.partition}:logs:${local.region}:${local.account}:log-group:${local.trail_group}" } }
      },
    ]
  })

  lifecycle {
    prevent_destroy = true # without it nobody reads the trail's past
  }
}

resource "aws_kms_alias" "trail" {
  count = length(aws_kms_key.trail)

  name          = "alias/${local.trail_base}"
  target_key_id = aws_kms_key.trail[count.index].key_id
}

resource "aws_s3_bucket" "trail" {
  count = var.enable_audit_trail ? 1 : 0

  bucket = local.bucket_name
  tags   = local.trail_tags

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_s3_bucket_public_access_block" "trail" {
  count = length(aws_s3_bucket.trail)

  bucket                  = aws_s3_bucket.trail[count.index].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_versioning" "trail" {
  count = length(aws_s3_bucket.trail)

  bucket = aws_s3_bucket.trail[count.index].id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "trail" {
  count = length(aws_s3_bucket.trail)

  bucket = aws_s3_bucket.trail[count.index].id

  rule {
    bucket_key_enabled = false # with one, CloudTrail would need kms:Decrypt to create the trail

    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = aws_kms_key.trail[count.index].arn
    }
  }
}

# https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-s3-bucket-policy-for-cloudtrail.html
resource "aws_s3_bucket_policy" "trail" {
  count = length(aws_s3_bucket.trail)

  bucket = aws_s3_bucket.trail[count.index].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "AllowCloudTrailAcl"
        Effect    = "Allow"
        Principal = { Service = local.cloudtrail }
        Action    = "s3:GetBucketAcl"
        Resource  = local.bucket_arn
        Condition = { StringEquals = { "aws:SourceArn" = local.trail_arn } }
      },
      {
        Sid       = "AllowCloudTrailWrite"
        Effect    = "Allow"
        Principal = { Service = local.cloudtrail }
        Action    = "s3:PutObject"
        Resource  = "${local.bucket_arn}/AWSLogs/${local.account}/*"
        Condition = { StringEquals = { "aws:SourceArn" = local.trail_arn, "s3:x-amz-acl" = "bucket-owner-full-control" } }
      },
      {
        Sid       = "DenyWithoutTls"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = [local.bucket_arn, "${local.bucket_arn}/*"]
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })

  depends_on = [aws_s3_bucket_public_access_block.trail] # S3 refuses two changes of this kind at once
}

resource "aws_cloudwatch_log_group" "trail" {
  count = var.enable_audit_trail ? 1 : 0

  name              = local.trail_group
  retention_in_days = 365
  kms_key_id        = aws_kms_key.trail[count.index].arn
  tags              = local.trail_tags
}

resource "aws_iam_role" "trail" {
  count = var.enable_audit_trail ? 1 : 0

  name                 = local.trail_base
  path                 = "/fluo/"
  description          = "CloudTrail to CloudWatch Logs"
  max_session_duration = 3600
  tags                 = local.trail_tags
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Sid = "AllowCloudTrail", Effect = "Allow", Principal = { Service = local.cloudtrail }, Action = "sts:AssumeRole" }]
  })
}

resource "aws_iam_role_policy" "trail" {
  count = length(aws_iam_role.trail)

  name = "deliver-events"
  role = aws_iam_role.trail[count.index].name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "DeliverEvents"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = "arn:${local.partition}:logs:${local.region}:${local.account}:log-group:${local.trail_group}:log-stream:*"
      },
    ]
  })
}

resource "aws_cloudtrail" "trail" {
  count = var.enable_audit_trail ? 1 : 0

  name                          = local.trail_name
  s3_bucket_name                = aws_s3_bucket.trail[count.index].id
  kms_key_id                    = aws_kms_key.trail[count.index].arn
  is_multi_region_trail         = true
  include_global_service_events = true
  enable_log_file_validation    = true
  enable_logging                = true
  cloud_watch_logs_group_arn    = "${aws_cloudwatch_log_group.trail[count.index].arn}:*"
  cloud_watch_logs_role_arn     = aws_iam_role.trail[count.index].arn
  tags                          = merge(local.trail_tags, { Name = local.trail_name })

  depends_on = [aws_s3_bucket_policy.trail, aws_iam_role_policy.trail]
}
