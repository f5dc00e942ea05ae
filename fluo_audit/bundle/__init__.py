"""Pack evidence so that anyone can check it without this tool: a BagIt folder, its zip, and their verification.

`bag` names the parts of a bag, `write` makes one, `zip` makes one file of it, `verify` checks a folder or a zip
(read by `unzip`, which unpacks nothing), and `VERIFY.md` is the page that tells an auditor how to do the same by
hand. Hashes and atomic writing come from `fluo_audit.storage`.
"""
