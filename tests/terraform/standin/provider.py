"""The provider: its configuration, and the clients it talks through. `python -m standin.provider` serves Terraform."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, Any

from tf import runner
from tf.iface import Provider
from tf.schema import Schema
from typing_extensions import override

from standin import cloudtrail, data, iam, kms, monitoring, s3
from standin.schema import optional

if TYPE_CHECKING:
    from tf.utils import Diagnostics


class Aws(Provider):
    """Answers at AWS_ENDPOINT_URL and nowhere else. Each configuration of the provider is a process of its own."""

    def __init__(self) -> None:
        self.region = os.environ.get("AWS_REGION", "us-east-1")
        self.client = cache(self._client)

    def full_name(self) -> str:
        """Return the address that the module requires."""
        return "registry.terraform.io/hashicorp/aws"

    def get_model_prefix(self) -> str:
        """Return what the names of all resources begin with."""
        return "aws_"

    @override
    def get_provider_schema(self, diags: Diagnostics) -> Schema:
        """Return the arguments of a provider block."""
        return Schema([optional("region")])

    @override
    def validate_config(self, diags: Diagnostics, config: dict[str, Any]) -> None:
        """Refuse to run without an endpoint: the real AWS is not what these tests are about."""
        if not os.environ.get("AWS_ENDPOINT_URL", "").startswith("http://127.0.0.1:"):
            diags.add_error("AWS_ENDPOINT_URL must be on 127.0.0.1")

    @override
    def configure_provider(self, diags: Diagnostics, config: dict[str, Any]) -> None:
        """Take the Region."""
        self.region = config["region"] or self.region

    def get_resources(self) -> list[Any]:
        """Return the kinds of resources."""
        return [*kms.RESOURCES, *iam.RESOURCES, *monitoring.RESOURCES, *cloudtrail.RESOURCES, *s3.RESOURCES]

    def get_data_sources(self) -> list[Any]:
        """Return the kinds of data sources."""
        return list(data.SOURCES)

    def _client(self, service: str, region: str = "") -> Any:
        import boto3  # here: `terraform validate` needs none, and it takes half of the time to start

        return boto3.client(service, region or self.region, endpoint_url=os.environ["AWS_ENDPOINT_URL"])


if __name__ == "__main__":
    runner.run_provider(Aws())
