"""Provision, watch and evidence the AWS KMS master key of the FLUO backend."""

__version__ = "0.1.0"
