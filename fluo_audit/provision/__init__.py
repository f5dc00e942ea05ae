"""Find the key that is meant, and make it and what belongs to it what it should be.

Finding: `find.py` asks AWS by every name, `key_name.py` and `files/` read the names that files give.

Making: `spec.py` (the variables) -> `documents.py` and `desired.py` (what should exist) -> `look.py` and `kinds/` (what
does) -> `plan.py` (the difference, and the writes that follow) -> `plan_file.py` (on disk) -> `preflight.py` (who would
be denied) -> `apply.py` and `journal.py` (carried out) -> `outputs.py` (what others need to know).

`defects/` holds any set-up against the 14 defects of the original module.
"""
