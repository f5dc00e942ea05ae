"""The values every stage speaks in: scope, evidence, facts, findings and the report.

Frozen, plain Python: no frames, no AWS. A fact is either `Have` (a value with its proof) or `Missing`
(an operation with a reason), and only the first is ever judged.
"""
