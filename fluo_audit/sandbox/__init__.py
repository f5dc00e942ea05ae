"""A simulated AWS account: the demo, the tests and `fluo-audit sandbox` run against it, no AWS account is needed.

Start at `account.py`, which puts everything together. `story.py` says what happened to the key, `chronicle.py` writes
it down as events in the one `ledger.py`, and every answer about the past is derived from there: Event history
(`cloudtrail.py`), what trails delivered, metrics (`cloudwatch.py`), the bill (`billing.py`, `costexplorer.py`) and the
last use of keys and roles (`kms.py`, `iam.py`). `truth.py` says what a perfect report finds. Requests come in at
`gateway.py`, which asks the account's own operations first and moto (`emulator.py`, `seams.py`) for the rest; `wire.py`
and `s3_requests.py` know the AWS protocols, `faults.py` breaks answers on demand, `server.py` serves the account on
127.0.0.1.

`delivery.py` fills the buckets of trails, when somebody looks: log files (`logfiles.py`) and signed digests
(`digests.py`, `signing.py`), as `trail_history.py` reads from the ledger. `s3_objects.py` and `listing.py` serve them,
`athena.py` and `athena_catalog.py` query them, and `lake.py` queries the ledger; `trino.py` and `hive.py` run the SQL.

An empty account is there to be provisioned into, so what AWS refuses is refused: use of a key that no policy allows
(`authorization.py`, from roles and policies in `directory.py`), key policies (`keypolicy.py`), trails and log groups
that a service could not write (`trails.py`, `logs.py`, `services.py`), and what is too new to be found (`settling.py`,
`tagging.py`). `orphans.py` deletes a role that key policies name. `replicas.py`, `encryption.py`, `keys.py` and
`buckets.py` correct moto where that matters. `backend.py` is the FLUO backend that uses the key.
"""
