"""The frameworks: one TOML file each says which check speaks to which control, how far, why, and whose reading that is.

Titles and notes are in our own words: the texts of the AICPA and of the PCI council are theirs. `load` reads the
files strictly. To add a control or a mapping line, edit the file; to add a framework, add a file named after its id.
"""
