"""Judge facts: checks give findings, findings give conclusions about controls, and both make the report. Pure.

`registry` says what a check is and runs them, `checks/` holds one check a file, `controls` maps findings to
framework controls, `report` puts everything the report says into plain values.
"""
