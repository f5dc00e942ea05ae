-- Which purpose the encryption context named in successful calls that take one; a row without purpose counts those that
-- named none, and has_context says whether they had a context at all.
SELECT event_name, issuer_arn, has_context, purpose, sum(calls) AS calls
FROM kms_calls
WHERE error_code IS NULL
  AND event_name IN ('Decrypt', 'Encrypt', 'GenerateDataKey', 'GenerateDataKeyPair',
    'GenerateDataKeyPairWithoutPlaintext', 'GenerateDataKeyWithoutPlaintext', 'ReEncrypt', 'ReEncryptFrom',
    'ReEncryptTo')
GROUP BY event_name, issuer_arn, has_context, purpose
ORDER BY event_name, issuer_arn, has_context, purpose
