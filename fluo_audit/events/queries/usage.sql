-- Calls of each UTC day, operation and error code.
SELECT CAST(event_time AS DATE) AS day, event_name, error_code, sum(calls) AS calls
FROM kms_calls
GROUP BY CAST(event_time AS DATE), event_name, error_code
ORDER BY day, event_name, error_code
