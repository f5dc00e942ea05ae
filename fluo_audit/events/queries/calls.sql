-- Calls of the key: like calls of one UTC day in one row, which shows the first of them. What changes the key, and what
-- KMS does of its own accord, stands one by one. One scan of kms_events, because Athena and Lake bill what is scanned.
SELECT
  first_call.event_id, event_time, event_name, event_type, read_only, principal_type, first_call.principal_arn,
  issuer_arn, invoked_by, first_call.access_key_suffix, first_call.source_ip, first_call.user_agent, error_code,
  first_call.error_message, first_call.encryption_context, key_material_id, first_call.rotation_type, tls_version,
  region, recipient_account, first_call.request_id, first_call.shared_event_id, first_call.event_version, calls,
  last_time, purpose, has_context, is_change
FROM (
  SELECT
    event_name, event_type, read_only, principal_type, issuer_arn, invoked_by, error_code, key_material_id, tls_version,
    region, recipient_account, purpose, has_context, is_change,
    count(*) AS calls,
    min(event_time) AS event_time,
    max(event_time) AS last_time,
    CAST(min_by(
      ROW(event_id, principal_arn, access_key_suffix, source_ip, user_agent, error_message, encryption_context,
        rotation_type, request_id, shared_event_id, event_version),
      ROW(event_time, event_id)
    ) AS ROW(event_id VARCHAR, principal_arn VARCHAR, access_key_suffix VARCHAR, source_ip VARCHAR, user_agent VARCHAR,
      error_message VARCHAR, encryption_context VARCHAR, rotation_type VARCHAR, request_id VARCHAR,
      shared_event_id VARCHAR, event_version VARCHAR)) AS first_call
  FROM (
    SELECT *, CASE WHEN is_change OR event_type = 'AwsServiceEvent' THEN event_id END AS alone
    FROM (
      SELECT *, coalesce(NOT (
        event_name LIKE 'Describe%' OR event_name LIKE 'Get%' OR event_name LIKE 'List%' OR event_name IN (
          'Decapsulate', 'Decrypt', 'DeriveSharedSecret', 'Encapsulate', 'Encrypt', 'GenerateDataKey',
          'GenerateDataKeyPair', 'GenerateDataKeyPairWithoutPlaintext', 'GenerateDataKeyWithoutPlaintext',
          'GenerateMac', 'GenerateRandom', 'ReEncrypt', 'ReEncryptFrom', 'ReEncryptTo', 'Sign', 'Verify', 'VerifyMac'
        )), TRUE) AS is_change
      FROM kms_events
    ) AS told
  ) AS sorted
  GROUP BY
    CAST(event_time AS DATE), event_name, event_type, read_only, principal_type, issuer_arn, invoked_by, error_code,
    key_material_id, tls_version, region, recipient_account, purpose, has_context, is_change, alone
) AS grouped
