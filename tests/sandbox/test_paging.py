import pytest

from fluo_audit.sandbox.paging import BadMarkerError, kms_page, page_of
from fluo_audit.sandbox.wire import AwsError


def test_pages_join_to_the_whole_list():
    items, marker, seen = list(range(7)), None, []
    while True:
        page, marker = page_of(items, 3, marker, {"KeyId": "a"})
        seen += page
        if marker is None:
            break
    assert seen == items


@pytest.mark.parametrize("marker", ["", "garbage", "Zm9v", "é", "AAAA.1"])
def test_a_marker_nobody_gave_out_is_refused(marker):
    if marker:
        with pytest.raises(BadMarkerError):
            page_of([1, 2], 1, marker, {})
    else:
        assert page_of([1, 2], 1, marker, {})[0] == [1]


def test_a_marker_belongs_to_its_request():
    _, marker = page_of([1, 2], 1, None, {"KeyId": "a"})
    with pytest.raises(BadMarkerError):
        page_of([1, 2], 1, marker, {"KeyId": "b"})


def test_a_kms_list_says_whether_there_is_more():
    first = kms_page({"Limit": 2}, "Keys", ["a", "b", "c"])
    assert first["Truncated"] is True
    second = kms_page({"Limit": 2, "Marker": first["NextMarker"]}, "Keys", ["a", "b", "c"])
    assert second == {"Keys": ["c"], "Truncated": False}


@pytest.mark.parametrize("limit", [0, 1001])
def test_a_limit_out_of_bounds_is_refused(limit):
    with pytest.raises(AwsError, match="ValidationException"):
        kms_page({"Limit": limit}, "Keys", [])
