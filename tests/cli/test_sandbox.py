"""fluo-audit sandbox: the simulated account for any AWS client."""

from __future__ import annotations

import signal

from fluo_audit.errors import ExitCode


def test_another_command_can_use_it_as_its_endpoint(start, monkeypatch):
    server = start("sandbox", "--port", "0")
    address = next(line for line in server.stderr if "127.0.0.1" in line).split(",")[0].rpartition(" ")[2]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "any")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "any")
    monkeypatch.setenv("AWS_REGION", "us-east-1")

    client = start("--endpoint-url", address, "--environment", "production", "find")
    out, err = client.communicate()
    server.send_signal(signal.SIGINT)
    server.communicate()

    assert server.returncode == ExitCode.OK

    assert client.returncode == ExitCode.OK, err
    assert "alias/fluo-production" in out


def test_an_empty_account_can_be_provisioned_into(start, monkeypatch):
    server = start("sandbox", "--port", "0", "--empty")
    address = next(line for line in server.stderr if "127.0.0.1" in line).split(",")[0].rpartition(" ")[2]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "any")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "any")
    monkeypatch.setenv("AWS_REGION", "us-east-1")

    words = ("--environment", "dev", "provision", "apply", "--yes", "--fluo-role-arn")
    client = start("--endpoint-url", address, *words, "arn:aws:iam::123456789012:role/fluo-backend")
    out, err = client.communicate()
    server.send_signal(signal.SIGINT)
    server.communicate()

    assert client.returncode == ExitCode.OK, err
    assert "everything is as planned" in out


def test_a_port_in_use_is_an_error(start):
    server = start("sandbox", "--port", "0")
    address = next(line for line in server.stderr if "127.0.0.1" in line).split(",")[0]

    second = start("sandbox", "--port", address.rpartition(":")[2])
    _, err = second.communicate()
    server.send_signal(signal.SIGINT)
    server.communicate()

    assert second.returncode == ExitCode.COULD_NOT_RUN
    assert "another --port" in err
