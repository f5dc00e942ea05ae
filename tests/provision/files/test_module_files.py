"""A module's folder is read for blocks and uses of variables, whatever else its files say."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from fluo_audit.errors import UsageError
from fluo_audit.provision.files.module_files import Module, blocks_of, read_module


def module(text: str) -> Module:
    return Module(tuple(blocks_of("main.tf", text)))


def test_blocks_have_kind_labels_and_plain_arguments():
    text = 'resource "aws_kms_key" "fluo" {\n  description = "the ${var.name} \\"key\\""\n  rotation = 90\n  tags { a = "b" }\n}\nlocals { x = 1 }'

    key, local = blocks_of("main.tf", text)

    assert (key.address, key.name, key.uses) == ("resource aws_kms_key fluo", "fluo", {"name"})
    assert key.arguments == {"description": 'the ${var.name} "key"', "rotation": ""}
    assert local.address == "locals"


@pytest.mark.parametrize(
    ("text", "used"),
    [
        ("x = var.a", True),
        ('x = "${var.a}"', True),
        ('x = "%{ if var.a }y%{ endif }"', True),
        ('x = "${f("}", var.a)}"', True),
        ("x = <<EOT\n  text ${var.a}\nEOT", True),
        ('x { y = [for z in [1] : { "k" = var.a }] }', True),
        ('x = "var.a"', False),
        ('x = "$${var.a}"', False),
        ('x = "\\"${"var.a"}"', False),
        ("x = 1 # var.a", False),
        ("x = 1 // var.a", False),
        ("/* var.a\n var.a */ x = 1", False),
        ("x = <<-EOT\n  var.a\n  EOT", False),
        ("x = module.var.a", False),
        ("x = var.ab", False),
        ("x = variable.a", False),
    ],
)
def test_a_variable_is_used_where_code_reads_it(text: str, used: bool):
    found = module(f'variable "a" {{}}\nlocals {{\n{text}\n}}\n')

    assert found.unused == (() if used else ("a",))


def test_what_a_variable_says_of_itself_is_no_use():
    own = 'variable "a" {\n  validation {\n    condition = var.a > 1\n  }\n}\n'

    assert module(own).unused == ("a",)
    assert module(own + "output x { value = var.a }").unused == ()


def test_a_heredoc_is_taken_as_it_stands():
    text = 'output "validation_commands" {\n  value = <<-EOT\n    aws kms x \\\\\n      --key ${a.b["c"]}\n  EOT\n}\n'

    assert module(text).validation_commands == '    aws kms x \\\\\n      --key ${a.b["c"]}\n'
    assert module('output "validation_commands" { value = join("", []) }').validation_commands is None


def test_two_blocks_of_one_address_are_doubled():
    found = module(
        'module "x" {}\noutput "x" {}\nmodule "x" {}\nprovider "aws" {}\nprovider "aws" {}\nlocals {}\nlocals {}\n'
    )

    assert found.doubled == ("module x",)


def test_a_folder_is_read_without_those_in_it(tmp_path: Path):
    (tmp_path / "a.tf").write_text(
        'variable "a" {}\nmodule "m" { source = "./there" }\nmodule "n" { source = "../gone" }\n'
    )
    (tmp_path / "b.tf").write_text('module "r" { source = "hashicorp/consul/aws" }\n')
    (tmp_path / "notes.txt").write_text('variable "b" {}\n')
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "c.tf").write_text('variable "c" {}\n')

    found = read_module(tmp_path)

    assert (found.declared, found.missing) == (("a",), ("../gone",))


def test_a_source_that_is_no_possible_path_is_missing(tmp_path: Path):
    (tmp_path / "a.tf").write_text(
        f'module "m" {{ source = "./{"x" * 5000}" }}\nmodule "n" {{ source = "./\\u0000" }}\n'
    )

    assert len(read_module(tmp_path).missing) == 2


def test_a_folder_that_cannot_be_read_is_a_usage_error(tmp_path: Path):
    with pytest.raises(UsageError, match=r"no \.tf file"):
        read_module(tmp_path)
    with pytest.raises(UsageError, match="cannot be read"):
        read_module(tmp_path / "gone")
    os.mkfifo(tmp_path / "pipe.tf")
    with pytest.raises(UsageError, match=r"no \.tf file"):
        read_module(tmp_path)
    (tmp_path / "a.tf").write_text("")
    (tmp_path / "b.tf.json").write_text("{}")
    with pytest.raises(UsageError, match=r"\.tf\.json"):
        read_module(tmp_path)


@pytest.mark.parametrize(
    "text",
    ['"${' * 50_000, "<<A\n" * 50_000, "/*" * 100_000, "{" * 100_000, "}" * 100_000, "x = <<EOT\n" + "${" * 50_000, '"\\', "variable x {\n" * 20_000,
     '"' + "$$" * 100_000 + "{", "\0\ud800\u202e"],
    ids=["texts in texts", "heredocs", "comments", "open", "closed", "code in a heredoc", "cut", "blocks in blocks", "dollars", "no text"],
)  # fmt: skip
def test_hostile_text_ends_soon_and_says_nothing(text: str):
    began = time.process_time()

    assert module(text).declared in {(), ("x",)}
    assert time.process_time() - began < 20, "linear: well below a second on an idle machine"
