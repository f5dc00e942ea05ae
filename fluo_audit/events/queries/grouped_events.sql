-- The events of the key with like calls of a day in one row.
SELECT
  event_id, event_time, event_name, event_type, read_only, principal_type, principal_arn, issuer_arn, invoked_by,
  access_key_suffix, source_ip, user_agent, error_code, error_message, encryption_context, key_material_id,
  rotation_type, tls_version, region, recipient_account, request_id, shared_event_id, event_version,
  calls, last_time
FROM kms_calls
ORDER BY event_time, event_id
