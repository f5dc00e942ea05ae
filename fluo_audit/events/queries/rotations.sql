-- Rotations of the key's material that CloudTrail recorded.
SELECT event_id, event_time, rotation_type, key_material_id, region
FROM kms_calls
WHERE event_name = 'RotateKey' AND error_code IS NULL
ORDER BY event_time, event_id
