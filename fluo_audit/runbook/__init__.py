"""The runbooks of the FLUO backend: after deployment, when something fails, and on the way from local KMS to AWS.

`validate`, `access`, `rotation`, `cost` and `migrate` are functions over facts that were collected and over answers of
the backend; each gives `Step`s (step.py): what was looked at, how it ended, and the command that puts it right.
`backend` asks the backend over HTTP, and `answers` reads what it says: both shapes that its answers have had.
"""
