"""A stand-in for the Terraform provider hashicorp/aws, for the tests alone: it sends what it is told to an endpoint on
this machine. It knows the resources that the module uses, under the real provider's names, and no others.

Terraform starts it as it starts the real one. It runs in an environment of its own, .setup/terraform-venv.
"""
