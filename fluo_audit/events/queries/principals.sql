-- Who called which operation, how often, and how often in vain.
SELECT
  event_type, principal_type, issuer_arn, event_name,
  sum(calls) AS calls,
  sum(CASE WHEN error_code IS NULL THEN 0 ELSE calls END) AS failed,
  min(event_time) AS first_time,
  max(last_time) AS last_time
FROM kms_calls
GROUP BY event_type, principal_type, issuer_arn, event_name
ORDER BY issuer_arn, principal_type, event_type, event_name
