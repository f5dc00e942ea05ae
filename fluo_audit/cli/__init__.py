"""The command line: one module a command, each parses, calls the pipeline and ends with an exit code.

Nothing heavy is imported when a module loads: `--help` and `--version` answer at once.
"""
