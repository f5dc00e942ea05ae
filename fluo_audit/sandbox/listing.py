"""One page of a listing of a bucket: objects and common prefixes in one order, from where the last page ended."""

from __future__ import annotations

from dataclasses import dataclass
from heapq import merge
from itertools import groupby, islice
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from xml.sax.saxutils import escape

from fluo_audit.sandbox.wire import HttpAnswer

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from fluo_audit.sandbox.delivery import Delivery
    from fluo_audit.sandbox.stored_object import StoredObject

PAGE = 1000
TOLD = ("LastModified", "ETag", "Size", "StorageClass")
"""What a listing tells of an object, besides its key."""
_XML = '<?xml version="1.0" encoding="UTF-8"?>\n'
_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_LAST = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of a listing: an object, or a common prefix if there is no object."""

    name: str
    told: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked for: at most `most` entries that begin with `prefix` and come after `after`."""

    bucket: str
    prefix: str = ""
    delimiter: str = ""
    after: str = ""
    most: int = PAGE

    def common(self, key: str) -> str:
        """Return the common prefix that stands for a key, empty when the key stands for itself."""
        end = key.find(self.delimiter, len(self.prefix)) if self.delimiter else -1
        return key[: end + len(self.delimiter)] if end >= 0 else ""

    def entry(self, key: str, told: Mapping[str, Any]) -> Entry | None:
        """Return the entry for an object, or None when it is not asked for."""
        common = self.common(key)
        if not key.startswith(self.prefix) or key <= self.after or common == self.after != "":
            return None
        return Entry(common) if common else Entry(key, told)


@dataclass(frozen=True, slots=True)
class Page:
    """The entries of one page."""

    entries: tuple[Entry, ...]
    is_last: bool

    @property
    def end(self) -> str:
        """Return where the next page begins; empty after the last one."""
        return "" if self.is_last else self.entries[-1].name

    def answer(self, asked: Mapping[str, Any], query: Query, **more: Any) -> HttpAnswer:
        """Return the answer to either operation; `more` is what only one of them has, or None.

        Written here, because moto's serializer takes ten times as long for a page of a thousand.
        """
        write = encoder(asked)
        members = {
            "Name": query.bucket,
            "Prefix": write(query.prefix),
            "Delimiter": write(query.delimiter) or None,
            "MaxKeys": asked.get("MaxKeys", PAGE),
            "EncodingType": asked.get("EncodingType"),
            "IsTruncated": str(not self.is_last).lower(),
            **more,
        }
        lines = [_element(name, value) for name, value in members.items() if value is not None]
        lines.extend(_line(write(one.name), one.told) for one in self.entries)
        body = f'{_XML}<ListBucketResult xmlns="{_NAMESPACE}">{"".join(lines)}</ListBucketResult>'
        return HttpAnswer(200, {"Content-Type": "application/xml"}, body.encode())


def _line(name: str, told: Mapping[str, Any] | None) -> str:
    if told is None:
        return f"<CommonPrefixes>{_element('Prefix', name)}</CommonPrefixes>"
    modified = told["LastModified"].strftime("%Y-%m-%dT%H:%M:%S.000Z")
    members = {"Key": name, **told, "LastModified": modified}
    return f"<Contents>{''.join(_element(*member) for member in members.items())}</Contents>"


def _element(name: str, value: object) -> str:
    return f"<{name}>{escape(str(value))}</{name}>"


def encoder(asked: Mapping[str, Any]) -> Callable[[str], str]:
    """Return how keys are to be written in the answer."""
    return quote if asked.get("EncodingType") == "url" else str


def page_of(query: Query, delivery: Delivery, hidden: Collection[str], others: Iterable[Entry]) -> Page:
    """Return a page of what was delivered, but for the hidden keys, and of the other entries, in order of names."""
    ordered = merge(_delivered(query, delivery, hidden), others, key=lambda entry: entry.name)
    distinct = (next(same) for _, same in groupby(ordered, key=lambda entry: entry.name))
    found = tuple(islice(distinct, query.most + 1))
    return Page(found[: query.most], is_last=len(found) <= query.most or not query.most)


def _told(found: StoredObject) -> dict[str, Any]:
    return dict(zip(TOLD, (found.modified, found.etag, len(found.body), "STANDARD"), strict=True))


def _delivered(query: Query, delivery: Delivery, hidden: Collection[str]) -> Iterator[Entry]:
    for path in delivery.folders(query.bucket):
        begins = path.startswith(query.prefix)
        if not (begins or query.prefix.startswith(path)) or path + _LAST <= query.after:
            continue
        common = query.common(path) if begins else ""
        if common and path > query.after and not any(key.startswith(path) for key in hidden):
            # The whole folder is behind one common prefix: nobody has to look into it.
            if common != query.after and not delivery.is_empty(query.bucket, path):
                yield Entry(common)
            continue
        for key, found in delivery.objects(query.bucket, path).items():
            if key not in hidden and (entry := query.entry(key, _told(found))):
                yield entry
