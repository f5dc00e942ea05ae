-- Calls that changed the key or tried to, one by one: neither a use of it nor a look at it.
SELECT
  event_id, event_time, event_name, event_type, principal_type, principal_arn, issuer_arn, invoked_by, source_ip,
  error_code, error_message, region
FROM kms_calls
WHERE is_change
ORDER BY event_time, event_id
