"""The door to AWS: read-only by construction, and everything that passes through it is recorded.

`permissions` lists the operations that may be sent at all, `door` is what collectors call, `live` sends requests,
`replay` answers them from a snapshot, `snapshot` keeps the recorded answers on disk.
"""
