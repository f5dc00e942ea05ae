"""Read the facts: one module per service, each function one source, through the read door only.

A collector gives `Have` or lets a failed read pass, which ends as `Missing`. `all.py` lists the collectors in
order and runs them, against AWS or against a snapshot: it cannot tell the difference.
"""
