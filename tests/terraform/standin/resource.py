"""What all resources and data sources share: states are dicts, AWS's errors become Terraform's, tags are looked after."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from botocore.exceptions import ClientError
from tf.iface import DataSource, Resource
from tf.schema import Attribute, NestedBlock, Schema
from tf.types import Unknown
from typing_extensions import override

from standin.schema import TEXT_MAP, computed, optional

if TYPE_CHECKING:
    from standin.provider import Aws

State = dict[str, Any]
# NoSuchEntity, NotFoundException, ResourceNotFoundException, NoSuchBucket, NoSuchPublicAccessBlockConfiguration ...
_GONE = ("NotFound", "NoSuch", "NotExist")


class Gone(Exception):  # noqa: N818 - it is an answer
    """The resource is not there."""


class AwsResource(Resource):
    """A resource. Subclasses say how it is made, looked at, changed and removed; a state is a dict of attributes."""

    NAME: ClassVar[str]
    ATTRIBUTES: ClassVar[tuple[Attribute, ...]]
    BLOCKS: ClassVar[tuple[NestedBlock, ...]] = ()
    TAGGED: ClassVar[bool] = True

    def __init__(self, aws: Aws) -> None:
        self.aws = aws

    @abstractmethod
    def make(self, state: State) -> str:
        """Create the resource and return its id."""

    @abstractmethod
    def look(self, state: State) -> State:
        """Return what AWS says now. Raises ClientError or Gone when the resource is not there."""

    @abstractmethod
    def change(self, before: State, after: State) -> None:
        """Make the resource what `after` says."""

    @abstractmethod
    def remove(self, state: State) -> None:
        """Delete the resource."""

    @classmethod
    def get_name(cls) -> str:
        """Return the name without the provider's prefix."""
        return cls.NAME

    @classmethod
    def get_schema(cls) -> Schema:
        """Return the attributes, `id` and, for most, `tags`."""
        tags = (optional("tags", TEXT_MAP), computed("tags_all", TEXT_MAP)) if cls.TAGGED else ()
        return Schema(version=0, attributes=[computed("id"), *cls.ATTRIBUTES, *tags], block_types=list(cls.BLOCKS))

    @override
    def plan(self, ctx: Any, current: State | None, planned: State) -> State:
        """Return the plan, with the consequence that `tags` has."""
        return planned | {"tags_all": planned["tags"] or {}} if self.TAGGED else planned

    def create(self, ctx: Any, planned: State) -> State | None:
        """Make the resource, and return what AWS says about it."""
        state = _known(planned)

        def made() -> State:
            state["id"] = self.make(state)
            return self._seen(state)

        return self._reported(ctx, made, None)

    def read(self, ctx: Any, current: State) -> State | None:
        """Return what AWS says now, or None when the resource is gone."""

        def seen() -> State | None:
            try:
                return self._seen(current)
            except Gone:
                return None
            except ClientError as error:
                if any(word in error.response["Error"]["Code"] for word in _GONE):
                    return None
                raise

        return self._reported(ctx, seen, current)

    def update(self, ctx: Any, current: State, planned: State) -> State | None:
        """Change the resource, and return what AWS says about it."""
        state = _known(planned)

        def changed() -> State:
            self.change(current, state)
            return self._seen(state)

        return self._reported(ctx, changed, current)

    def delete(self, ctx: Any, current: State) -> None:
        """Delete the resource."""
        self._reported(ctx, lambda: self.remove(current), None)

    @override
    def upgrade(self, ctx: Any, version: int, old: State) -> State:
        """Return the state: there is one version."""
        return old

    def _seen(self, state: State) -> State:
        seen = state | self.look(state)
        if self.TAGGED:
            seen["tags_all"] = seen["tags"] or {}
            seen["tags"] = seen["tags"] or state["tags"]  # none and an empty map are the same to AWS
        return seen

    def _reported(self, ctx: Any, act: Callable[[], State | None], otherwise: State | None) -> State | None:
        try:
            return act()
        except ClientError as error:
            ctx.diagnostics.add_error(f"aws_{self.NAME}: {error.response['Error']['Code']}", str(error))
            return otherwise


class AwsData(DataSource):
    """A data source. Subclasses say what it looks up."""

    NAME: ClassVar[str]
    ATTRIBUTES: ClassVar[tuple[Attribute, ...]]

    def __init__(self, aws: Aws) -> None:
        self.aws = aws

    @classmethod
    def get_name(cls) -> str:
        """Return the name without the provider's prefix."""
        return cls.NAME

    @classmethod
    def get_schema(cls) -> Schema:
        """Return the attributes and `id`."""
        return Schema([computed("id"), *cls.ATTRIBUTES])

    @abstractmethod
    def find(self, config: State) -> State:
        """Return what was looked up."""

    def read(self, ctx: Any, config: State) -> State | None:
        """Return what was looked up, and the arguments."""
        try:
            return config | self.find(config)
        except ClientError as error:
            ctx.diagnostics.add_error(f"aws_{self.NAME}: {error.response['Error']['Code']}", str(error))
            return None


def key_values(tags: dict[str, str] | None) -> list[dict[str, str]]:
    """Return tags as most services take them."""
    return [{"Key": name, "Value": value} for name, value in (tags or {}).items()]


def tag_map(listed: list[dict[str, str]]) -> dict[str, str]:
    """Return tags as Terraform keeps them, from either spelling of the services."""
    return {one.get("Key") or one["TagKey"]: one.get("Value") or one.get("TagValue", "") for one in listed}


def _known(planned: State) -> State:
    """Return a plan with null for what only AWS knows."""
    return {name: None if value is Unknown else value for name, value in planned.items()}
