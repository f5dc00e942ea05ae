-- Calls that AWS denied, by UTC day and caller. CloudTrail records both spellings of the code.
SELECT
  CAST(event_time AS DATE) AS day, issuer_arn, event_name, error_code,
  sum(calls) AS calls,
  min(event_time) AS first_time,
  min_by(event_id, ROW(event_time, event_id)) AS first_event_id
FROM kms_calls
WHERE error_code IN ('AccessDenied', 'AccessDeniedException')
GROUP BY CAST(event_time AS DATE), issuer_arn, event_name, error_code
ORDER BY day, issuer_arn, event_name, error_code
