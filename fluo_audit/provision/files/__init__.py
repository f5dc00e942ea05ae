"""Files of the user's: Terraform's outputs, state and modules, and the backend's properties and environment files.

`key_files.py` reads what each calls the key; `properties.py` also writes the one block that is ours. State files hold
secrets: nothing but the names asked for is kept, and no message repeats what a file says.
"""
