"""Measurements: each figure beside a floor or a goal from the same run, because machines differ and are noisy.

`figures` and `trail` say what is measured against what, `measure` runs programs and reads their time and memory,
`table` prints the result and writes docs/performance.md. `generate` writes a trail's bucket of any size out of
`records`, and `count` counts what is in one without any code of the product.
"""
