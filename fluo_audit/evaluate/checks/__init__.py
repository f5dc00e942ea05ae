"""One check a file, named after its id. `all.py` lists them in the order of the report."""
