"""Find the files that ship beside the code: report templates and provisioning files."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

_IN_WHEEL = {"templates": ("_data", "templates"), "provision": ("_data", "provision")}
_IN_CHECKOUT = {"templates": ("..", "reports", "templates"), "provision": ("..", "provision")}


def resource_dir(name: str) -> Traversable:
    """Return the folder `name` ("templates" or "provision") from the wheel, or from the checkout when editable.

    Read files from it as text or bytes: in a zipped wheel it has no path of its own.
    """
    package = files("fluo_audit")
    for layout in (_IN_WHEEL, _IN_CHECKOUT):
        folder = package.joinpath(*layout[name])
        if folder.is_dir():
            return folder
    raise FileNotFoundError(name)
