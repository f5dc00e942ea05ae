"""One module for each family of AWS resources: how it is read, and which writes lead from it to what is wanted.

`all.py` lists them. A kind never compares: planning does that, the same way for all.
"""
