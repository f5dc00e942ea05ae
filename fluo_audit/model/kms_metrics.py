"""The metrics that AWS documents for KMS: an alarm on any other one in AWS/KMS never leaves INSUFFICIENT_DATA."""

from __future__ import annotations

# https://docs.aws.amazon.com/kms/latest/developerguide/monitoring-cloudwatch.html, read 2026-11
KMS_METRICS = frozenset(
    {
        "CloudHSMKeyStoreThrottle",
        "ExternalKeyStoreThrottle",
        "SecondsUntilKeyMaterialExpiration",
        "SuccessfulRequest",
        "XksExternalKeyManagerStates",
        "XksProxyCertificateDaysToExpire",
        "XksProxyCredentialAge",
        "XksProxyErrors",
        "XksProxyLatency",
    }
)
