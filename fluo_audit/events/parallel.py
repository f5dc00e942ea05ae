"""Do the same to many items at once with threads, and take the results in the order of the items."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_order(
    function: Callable[[Item], Result], items: Iterable[Item], workers: int, ahead: int
) -> Generator[Result, None, None]:
    """Give `function(item)` for every item, in the order of the items, which are taken only as they are needed.

    `workers` threads work at once. At most `ahead` items are begun or done and not yet taken, so memory is bounded
    however many items there are. An exception of `function` is raised where the result of its item would come, one of
    `items` at once. After an exception, or when the iterator is closed, what has not begun is never begun, and what
    has is waited for.
    """
    with ThreadPoolExecutor(workers) as executor:
        waiting: deque[Future[Result]] = deque()
        try:
            for item in items:
                if len(waiting) == ahead:
                    yield waiting.popleft().result()
                waiting.append(executor.submit(function, item))
            while waiting:
                yield waiting.popleft().result()
        finally:
            executor.shutdown(cancel_futures=True)
