"""Measurements: each figure beside a floor or a goal from the same run, because machines differ and are noisy.

`measure` runs programs and reads their time and memory, `figures` says what is measured against what, `table`
prints the result and writes docs/performance.md.
"""
