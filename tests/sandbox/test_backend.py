"""The simulated backend: its endpoints in both shapes, and that it really uses the key."""

from __future__ import annotations

from dataclasses import replace

import pytest
import urllib3

from fluo_audit.sandbox.backend import PURPOSES, BackendServer, BackendState, serving


@pytest.fixture
def ask():
    """Give a function that asks a server: (method, path) to (status, document or None)."""
    with urllib3.PoolManager(retries=False, timeout=5) as pool:

        def request(server, method, path, **headers):
            answer = pool.request(method, server.url + path, headers=headers, redirect=False)
            is_json = answer.headers["content-type"].startswith("application/json")
            return answer.status, answer.json() if is_json else None

        yield request


@pytest.fixture
def server():
    with serving(BackendServer(BackendState(key="arn:k"))) as server:
        yield server


@pytest.fixture
def using(account):
    """Give a backend that uses the production key of a simulated account."""
    state = BackendState(key=account.truth.key_arn, shape="source")
    with serving(BackendServer(state, account.session_as("fluo-backend").client("kms"))) as server:
        yield server


def test_it_binds_the_loopback_address_only(server):
    assert server.socket.getsockname()[0] == "127.0.0.1"


def test_the_documented_answers(server, ask):
    health = ask(server, "GET", "/q/health/ready")[1]["checks"]
    validated = ask(server, "POST", "/api/admin/kms/validate")[1]

    assert {"name": "kms", "status": "UP", "data": {"provider": "aws", "masterKeyId": "arn:k"}} in health
    assert ask(server, "GET", "/api/admin/kms/status")[1]["cache"] == {"cache_size": 250, "cache_hit_rate": 0.85}
    assert (validated["overall_status"], set(validated["tests"].values())) == ("PASS", {"PASS"})


def test_the_answers_of_the_source(server, ask):
    server.state = replace(server.state, shape="source", provider="local")

    status = ask(server, "GET", "/api/admin/kms/status")[1]

    assert (status["provider"], status["status"], status["cache_size"]) == ("local", "WARNING", 250)
    assert "cache_hit_rate" not in status
    assert ask(server, "POST", "/api/admin/kms/validate")[1]["overall"] == "PASS"


def test_it_uses_the_key_under_the_purposes_of_its_source(using, account, ask):
    ask(using, "GET", "/q/health/ready")
    ask(using, "POST", "/api/admin/kms/validate")

    account.clock.sleep(600)
    events = account.session.client("cloudtrail").lookup_events(
        LookupAttributes=[{"AttributeKey": "ResourceName", "AttributeValue": account.truth.key_arn}],
        StartTime=account.clock.now().replace(hour=0, minute=0),
    )["Events"]
    used = [each["CloudTrailEvent"] for each in events if each["EventName"] in {"GenerateDataKey", "Encrypt"}]
    for purpose in filter(None, PURPOSES.values()):
        assert any(f'"{purpose}"' in record for record in used)


def test_a_denied_key_turns_it_down_and_stops_the_validation(using, account, ask):
    account.deny("kms:Encrypt")
    status, validated = ask(using, "POST", "/api/admin/kms/validate")
    assert (status, validated["overall"]) == (200, "FAIL")
    assert list(validated["tests"]) == ["generate_data_key", "encrypt"]

    account.deny("kms:GenerateDataKey")
    status, health = ask(using, "GET", "/q/health/ready")
    assert (status, health["status"]) == (503, "DOWN")
    assert "not authorized" in health["checks"][-1]["data"]["error"]


def test_with_local_keys_kms_is_not_asked(using, account, ask):
    account.deny("kms:*")
    using.state = replace(using.state, provider="local")

    assert ask(using, "GET", "/q/health/ready")[0] == 200


def test_the_adapter_of_the_source_refuses_to_encrypt_without_tenant(using, ask):
    using.state = replace(using.state, needs_tenant=True)

    validated = ask(using, "POST", "/api/admin/kms/validate")[1]

    assert validated["tests"]["encrypt"].startswith("FAIL: Encryption context must contain 'tenantId'")


def test_a_token_is_asked_for(server, ask):
    server.state = replace(server.state, token="secret")

    assert ask(server, "GET", "/q/health/ready")[0] == 401
    assert ask(server, "GET", "/q/health/ready", Authorization="Bearer secret")[0] == 200


def test_other_paths_and_methods_are_unknown(server, ask):
    assert ask(server, "GET", "/api/admin/kms/validate")[0] == 404
    assert ask(server, "POST", "/q/health/ready")[0] == 404
