"""Reconciliation: what CloudTrail recorded of the key, held against other sources that count the same thing.

One module a comparison, each a pure function of facts that were read in full; `all` has the list and runs it.
"""
