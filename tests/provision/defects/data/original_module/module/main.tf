# rotation_period_in_days could be var.key_rotation_period_days, and the window var.deletion_window_days.

resource "aws_kms_key" "fluo_master_key" {
  description             = "Key of ${var.environment}"
  enable_key_rotation     = true
  rotation_period_in_days = 90
  deletion_window_in_days = 7
  multi_region            = var.multi_region_enabled
  policy                  = data.aws_iam_policy_document.key.json
  tags                    = var.tags
}

data "aws_iam_policy_document" "key" {
  statement {
    actions = ["kms:*"]
    principals {
      type        = "AWS"
      identifiers = var.fluo_role_arns
    }
  }
}

data "aws_iam_policy_document" "access" {
  dynamic "statement" {
    for_each = var.enforce_encryption_context ? [1] : []
    content {
      condition {
        test     = "StringEquals"
        variable = "kms:EncryptionContext:purpose"
        values   = ["pii_redaction", "compliance_evidence"]
      }
    }
  }
}

resource "aws_iam_role" "fluo_backend" {
  count              = var.create_iam_role ? 1 : 0
  name               = "fluo-backend-${var.environment}"
  assume_role_policy = jsonencode({ services = var.fluo_service_principals, asked = var.external_id })
}

resource "aws_iam_role_policy_attachment" "existing" {
  count      = var.attach_to_role ? 1 : 0
  role       = var.fluo_iam_role_name
  policy_arn = "arn:aws:iam::123456789012:policy/fluo/fluo-kms-access-${var.environment}"
}

resource "aws_iam_role_policy_attachment" "logs" {
  count      = var.create_iam_role && var.enable_cloudwatch_logs ? 1 : 0
  role       = aws_iam_role.fluo_backend[0].name
  policy_arn = "arn:aws:iam::aws:policy/CloudWatchLogsFullAccess"
}
