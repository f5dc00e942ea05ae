"""What is wrong with the module that FLUO documented first, as one check a defect, for any set-up, whoever wrote it.

`policies.py` asks the policies on the key what they allow, `account.py` looks at roles and alarms, `files.py` at the
module and at what it gives the backend. `check.py` is what they have in common, `review.py` puts them in order, over
the facts in `set_up.py`, which `observe.py` gathers.
"""
