# Alarms on throttled and on otherwise failed requests for the key. AWS/KMS has no such metric, so they count the records
# of CloudTrail: a trail delivers to a log group, two metric filters count in it, two alarms watch the counts.

locals {
  # A failed record may lack resources, and names the key as the caller did: by id, ARN or alias. A comparison with a
  # field that the record lacks is false, != included. The asterisk matches any text, and none, before or after the rest:
  # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
  about_the_key = join(" || ", [
    "($.resources[0].ARN = \"${aws_kms_key.fluo_master_key.arn}\")",
    "($.requestParameters.keyId = \"*${aws_kms_key.fluo_master_key.key_id}*\")",
    "($.requestParameters.keyId = \"*${local.alias}\")",
    "($.errorMessage = \"*${aws_kms_key.fluo_master_key.key_id}*\")",
  ])

  alarms = {
    throttle = {
      description = "AWS KMS throttled requests for the FLUO key"
      error       = "($.errorCode = \"ThrottlingException\")"
      metric      = "ThrottledRequests-${var.environment}"
      threshold   = 10
      periods     = 2
      seconds     = 300
    }
    errors = {
      description = "Requests for the FLUO key failed"
      error       = "($.errorCode = \"*\") && ($.errorCode != \"ThrottlingException\")"
      metric      = "FailedRequests-${var.environment}"
      threshold   = 5
      periods     = 1
      seconds     = 60
    }
  }
  enabled_alarms = { for name, alarm in local.alarms : name => alarm if var.enable_alarms }
  alarm_group    = var.enable_audit_trail ? aws_cloudwatch_log_group.trail[0].name : var.trail_log_group
}

resource "aws_cloudwatch_log_metric_filter" "kms" {
  for_each = local.enabled_alarms

  name           = "fluo-kms-${each.key}-${var.environment}"
  log_group_name = local.alarm_group
  pattern        = "{ ($.eventSource = \"kms.amazonaws.com\") && ${each.value.error} && (${local.about_the_key}) }"

  metric_transformation {
    namespace     = "FLUO/KMS"
    name          = each.value.metric
    value         = "1"
    default_value = "0"
  }
}

resource "aws_cloudwatch_metric_alarm" "kms" {
  for_each = local.enabled_alarms

  alarm_name          = "fluo-kms-${each.key}-${var.environment}"
  alarm_description   = each.value.description
  namespace           = "FLUO/KMS"
  metric_name         = aws_cloudwatch_log_metric_filter.kms[each.key].metric_transformation[0].name
  statistic           = "Sum"
  period              = each.value.seconds
  evaluation_periods  = each.value.periods
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.threshold
  treat_missing_data  = "notBreaching" # no records, no requests
  alarm_actions       = var.alarm_actions
  tags                = merge(local.tags, { Name = "fluo-kms-${each.key}-${var.environment}" })
}
