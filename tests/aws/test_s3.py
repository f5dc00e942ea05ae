"""A bucket is read whole or an error says why not: against the simulated account, scripted answers, and a real socket."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse

from fluo_audit.aws.objects import LARGEST, ObjectError
from fluo_audit.aws.s3 import ATTEMPTS, S3Objects
from fluo_audit.aws.session import sealed_session
from fluo_audit.errors import RefusedError
from fluo_audit.sandbox.account import RawBody
from fluo_audit.sandbox.clock import SimulatedClock

BUCKET = "fluo-audit-logs"
LOG = "AWSLogs/123456789012/CloudTrail/us-east-1/2026/11/22/log.json.gz"
FULL_WAITS = [0.5, 1, 2, 4, 8, 16, 20]


def always(number: float) -> Callable[[], float]:
    return lambda: number


# --- the simulated account ---------------------------------------------------------------------------------------


@pytest.fixture
def bucket(account) -> S3Objects:
    """Give a bucket of nine objects in three folders, one of them deep; a page holds two of them."""
    s3 = account.session.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    account.clock.sleep(10)
    for number in range(9):
        s3.put_object(Bucket=BUCKET, Key=f"logs/{'abc'[number % 3]}/{number}", Body=b"x" * number)
    s3.put_object(Bucket=BUCKET, Key=LOG, Body=b"log", Metadata={"signature": "5ca1ab1e"})
    return of_two_a_page(S3Objects(account.session, BUCKET, account.clock, draw=always(1)))


def of_two_a_page(objects: S3Objects) -> S3Objects:
    objects._client.meta.events.register(
        "provide-client-params.s3.ListObjectsV2", lambda params, **_: {**params, "MaxKeys": 2}
    )
    return objects


def test_objects_of_every_page_come_once_and_in_order_of_their_keys(bucket: S3Objects):
    found = list(bucket.list("logs/"))

    assert [(info.key, info.size) for info in found] == [
        (f"logs/{folder}/{number}", number)
        for folder, start in (("a", 0), ("b", 1), ("c", 2))
        for number in (start, start + 3, start + 6)
    ]
    assert len({info.etag for info in found}) == 9
    assert not any('"' in info.etag for info in found)
    assert bucket.stats.requests == {"ListObjectsV2": 5}


def test_a_listing_goes_on_behind_a_key(bucket: S3Objects):
    assert [info.key for info in bucket.list("logs/", "logs/b/4")] == ["logs/b/7", "logs/c/2", "logs/c/5", "logs/c/8"]
    assert list(bucket.list("logs/", "logs/c/8")) == []
    assert list(bucket.list("nothing/")) == []


def test_folders_are_named_without_what_is_above_and_below_them(bucket: S3Objects):
    assert bucket.folders("logs/") == ("a", "b", "c")
    assert bucket.folders("AWSLogs/") == ("123456789012",)
    assert bucket.folders("logs/a/") == ()
    assert bucket.folders("") == ("AWSLogs", "logs")


def test_the_log_files_and_digests_of_a_day_are_read_from_the_bucket_of_the_trail(account):
    """A digest without the signature in its metadata would prove nothing."""
    trail = account.session.client("cloudtrail").describe_trails()["trailList"][0]
    objects = S3Objects(account.session, trail["S3BucketName"], account.clock)
    home = "AWSLogs/123456789012"
    logs = list(objects.list(f"{home}/CloudTrail/us-east-1/2026/11/22/"))
    digests = list(objects.list(f"{home}/CloudTrail-Digest/us-east-1/2026/11/22/"))

    with ThreadPoolExecutor(32) as executor:
        bodies = list(executor.map(lambda info: objects.get(info.key).body, logs))

    assert "us-east-1" in objects.folders(f"{home}/CloudTrail/")
    assert [len(body) for body in bodies] == [info.size for info in logs]
    assert len(logs) > 1
    assert all("Records" in json.loads(gzip.decompress(body)) for body in bodies)
    assert len(digests) == 24
    assert objects.get(digests[0].key).metadata.keys() >= {"signature", "signature-algorithm"}


def test_an_object_comes_with_its_metadata_and_its_bytes_are_counted(bucket: S3Objects):
    fetched = bucket.get(LOG)

    assert (fetched.body, fetched.metadata) == (b"log", {"signature": "5ca1ab1e"})
    assert bucket.get("logs/a/0").body == b""
    assert (bucket.stats.requests, bucket.stats.bytes, bucket.stats.retries) == ({"GetObject": 2}, 3, 0)


@pytest.mark.parametrize("fault", ["throttle", "5xx", "timeout", "malformed"])
def test_a_passing_trouble_of_a_listing_is_waited_out_on_the_clock(account, bucket: S3Objects, fault: str):
    account.fail("s3:ListObjectsV2", fault, times=3)
    before = account.clock.monotonic()

    assert len(list(bucket.list("logs/"))) == 9
    assert account.clock.monotonic() - before == sum(FULL_WAITS[:3])
    assert bucket.stats.retries == 3
    assert bucket.stats.throttled == (3 if fault == "throttle" else 0)
    assert bucket.stats.requests == {"ListObjectsV2": 5 + 3}


@pytest.mark.parametrize("fault", ["throttle", "5xx", "timeout"])
def test_a_passing_trouble_of_an_object_is_waited_out_on_the_clock(account, bucket: S3Objects, fault: str):
    account.fail("s3:GetObject", fault, times=2)
    before = account.clock.monotonic()

    assert bucket.get(LOG).body == b"log"
    assert account.clock.monotonic() - before == sum(FULL_WAITS[:2])


@pytest.mark.parametrize(
    ("fault", "code"), [("throttle", "SlowDown"), ("5xx", "InternalError"), ("timeout", "ConnectTimeout")]
)
def test_a_lasting_trouble_ends_with_its_reason(account, bucket: S3Objects, fault: str, code: str):
    account.fail("s3:GetObject", fault)
    before = account.clock.monotonic()

    with pytest.raises(ObjectError, match=f"{ATTEMPTS} attempts") as error:
        bucket.get(LOG)
    assert (error.value.api, error.value.code, error.value.is_gone) == ("s3:GetObject", code, False)
    assert account.clock.monotonic() - before == sum(FULL_WAITS)
    assert bucket.stats.requests == {"GetObject": ATTEMPTS}
    assert bucket.stats.throttled == (ATTEMPTS if fault == "throttle" else 0)


def test_waits_are_as_long_as_chance_says(account, bucket: S3Objects):
    """Threads that were throttled together must not come back together."""
    drawn = iter([0.0, 0.25, 1.0])
    objects = S3Objects(account.session, BUCKET, account.clock, draw=drawn.__next__)
    account.fail("s3:GetObject", "throttle", times=3)
    before = account.clock.monotonic()

    objects.get(LOG)

    assert account.clock.monotonic() - before == 0 + 0.25 * 1 + 1.0 * 2


def test_what_is_not_there_is_gone_and_asked_for_once(account, bucket: S3Objects):
    before = account.clock.monotonic()

    with pytest.raises(ObjectError) as error:
        bucket.get("logs/a/1")
    assert (error.value.api, error.value.code, error.value.is_gone) == ("s3:GetObject", "NoSuchKey", True)
    with pytest.raises(ObjectError) as error:
        list(S3Objects(account.session, "no-such-bucket", account.clock).list(""))
    assert (error.value.api, error.value.code) == ("s3:ListObjectsV2", "NoSuchBucket")
    assert account.clock.monotonic() == before


@pytest.mark.parametrize(
    ("action", "ask"),
    [("s3:GetObject", lambda bucket: bucket.get(LOG)), ("s3:ListObjectsV2", lambda bucket: bucket.folders(""))],
)
def test_a_refusal_is_not_asked_again(account, bucket: S3Objects, action: str, ask: Callable[[S3Objects], Any]):
    account.deny(action)
    before = account.clock.monotonic()

    with pytest.raises(ObjectError) as error:
        ask(bucket)
    assert (error.value.api, error.value.code) == (action, "AccessDenied")
    assert account.clock.monotonic() == before
    assert sum(bucket.stats.requests.values()) == 1


def test_a_refusal_by_the_key_of_the_bucket_names_the_action_of_the_key(account, bucket: S3Objects):
    refusal = "User: arn:aws:sts::1:x is not authorized to perform: kms:Decrypt on the resource associated with this ciphertext"
    account.deny("s3:GetObject", message=refusal)

    with pytest.raises(ObjectError) as error:
        bucket.get(LOG)
    assert (error.value.api, error.value.code) == ("kms:Decrypt", "AccessDenied")


@pytest.mark.parametrize(
    ("operation", "parameters"),
    [
        ("put_object", {"Key": "k", "Body": b""}),
        ("delete_object", {"Key": "k"}),
        ("delete_objects", {"Delete": {"Objects": [{"Key": "k"}]}}),
        ("put_bucket_policy", {"Policy": "{}"}),
        ("get_bucket_policy", {}),
        ("list_objects", {}),
        ("get_object_acl", {"Key": "k"}),
    ],
)
def test_nothing_but_the_reads_of_a_bucket_can_be_sent(account, bucket: S3Objects, operation: str, parameters: dict):
    before = len(account.sent)

    with pytest.raises(RefusedError, match="nothing was sent"):
        getattr(bucket._client, operation)(Bucket=BUCKET, **parameters)
    assert len(account.sent) == before
    assert bucket.stats.requests == {}


# --- answers of S3 that the simulated account does not give ------------------------------------------------------


class Script:
    """A session that gives scripted answers (status, headers, body), and notes the requests."""

    def __init__(self, *answers: tuple[int, dict[str, str], bytes]) -> None:
        self.session = sealed_session()
        self.session.events.register("before-send", self._answer)
        self.requests: list[Any] = []
        self._waiting = list(answers)

    def objects(self, bucket: str = BUCKET, clock: SimulatedClock | None = None) -> S3Objects:
        return S3Objects(self.session, bucket, clock or SimulatedClock(), region="us-east-1", draw=always(0))

    def _answer(self, request: Any, **_: Any) -> AWSResponse:
        self.requests.append(request)
        status, headers, body = self._waiting.pop(0) if len(self._waiting) > 1 else self._waiting[0]
        return AWSResponse(request.url, status, {"Content-Length": str(len(body))} | headers, RawBody(body))


def page(*keys: str, more: str | None = None, prefixes: Sequence[str] = ()) -> tuple[int, dict[str, str], bytes]:
    items = "".join(f"<Contents><Key>{key}</Key><Size>1</Size><ETag>&quot;e&quot;</ETag></Contents>" for key in keys)
    folders = "".join(f"<CommonPrefixes><Prefix>{each}</Prefix></CommonPrefixes>" for each in prefixes)
    token = "" if more is None else f"<NextContinuationToken>{more}</NextContinuationToken>"
    last = "false" if more is None else "true"
    body = f"<ListBucketResult>{items}{folders}<IsTruncated>{last}</IsTruncated>{token}</ListBucketResult>"
    return 200, {}, body.encode()


def error(
    status: int, code: str, message: str = "m", headers: dict[str, str] | None = None
) -> tuple[int, dict[str, str], bytes]:
    return status, headers or {}, f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()


def test_an_empty_page_that_is_not_the_last_is_not_the_end():
    script = Script(page(more="t"), page("a/1"))

    assert [info.key for info in script.objects().list("a/")] == ["a/1"]
    assert "continuation-token=t" in script.requests[1].url


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ([page("a/1", more="t"), page("a/2", more="t")], "itself"),
        ([page("a/1", more="t"), page("a/2", more="u"), page("a/1", more="t")], "'a/1' is listed behind 'a/2'"),
        ([page("a/1", "a/1")], "'a/1' is listed behind 'a/1'"),
        ([page("b/1")], "for the prefix 'a/'"),
        ([page(more="")], "does not say what comes after it"),
        ([(200, {}, b"<ListBucketResult/>")], "does not say what comes after it"),
        ([(200, {}, page("a/1")[2].replace(b"Size>", b"Length>"))], "without size or ETag"),
        ([(200, {}, page("a/1")[2].replace(b"Key>", b"Name>"))], "'' is listed behind ''"),
    ],
)
def test_a_listing_that_is_not_what_s3_documents_ends_with_an_error(answers: list, said: str):
    script = Script(*answers)

    with pytest.raises(ObjectError, match=said) as caught:
        list(script.objects().list("a/"))
    assert (caught.value.api, caught.value.code) == ("s3:ListObjectsV2", "malformed answer")
    assert len(script.requests) == len(answers)


def test_the_folders_of_every_page_are_given():
    script = Script(page(prefixes=["a/x/"], more="t"), page(prefixes=["a/y/"]))

    assert script.objects().folders("a/") == ("x", "y")


@pytest.mark.parametrize("status", [500, 502, 503, 504, 599])
@pytest.mark.parametrize("body", [b"", b"<html>bad gateway", b"<Error><Code>Unheard</Code></Error>"])
def test_every_error_of_the_server_is_asked_again(status: int, body: bytes):
    script = Script((status, {}, body), (200, {}, b"log"))

    assert script.objects().get("k").body == b"log"


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"\xff", b"<Error><Code><a>1</a></Code><Message><b/><b/></Message></Error>", b"<Error/>", b"<a/>"],
)
def test_an_error_that_is_malformed_is_still_an_error(body: bytes):
    script = Script((400, {}, body))

    with pytest.raises(ObjectError):
        script.objects().get("k")


@pytest.mark.parametrize("bucket", ["", "../x", "a b", "UPPER/case"])
def test_a_name_that_is_none_of_a_bucket_is_not_sent(bucket: str):
    script, clock = Script(page()), SimulatedClock()

    with pytest.raises(ObjectError):
        list(script.objects(bucket, clock).list(""))
    assert script.requests == []
    assert clock.monotonic() == 0


def test_an_object_without_a_length_is_not_read():
    script = Script((200, {}, b"log"))
    script.session.events.register(
        "before-parse.s3", lambda response_dict, **_: response_dict["headers"].pop("Content-Length")
    )

    with pytest.raises(ObjectError, match="without its length"):
        script.objects().get("k")


def test_a_bucket_in_another_region_is_asked_there_and_from_then_on_at_once():
    elsewhere = error(301, "PermanentRedirect", headers={"x-amz-bucket-region": "eu-central-1"})
    script = Script(elsewhere, page("a/1"), page("a/1"))
    objects = script.objects()

    assert [info.key for info in objects.list("a/")] == ["a/1"]
    assert [info.key for info in objects.list("a/")] == ["a/1"]
    hosts = [request.url.split("/")[2] for request in script.requests]
    assert hosts == [f"{BUCKET}.s3.amazonaws.com", *[f"{BUCKET}.s3.eu-central-1.amazonaws.com"] * 2]
    assert "/eu-central-1/s3/aws4_request" in script.requests[1].headers["Authorization"].decode()
    assert (objects.stats.requests, objects.stats.retries) == ({"ListObjectsV2": 3}, 0)


def test_a_bucket_whose_region_only_its_head_tells_is_asked_there():
    script = Script(
        error(301, "PermanentRedirect"), (403, {"x-amz-bucket-region": "eu-central-1"}, b""), (200, {}, b"log")
    )
    objects = script.objects()

    assert objects.get("k").body == b"log"
    assert objects.stats.requests == {"GetObject": 2, "HeadBucket": 1}


def test_a_bucket_whose_region_nobody_tells_is_an_error_in_the_words_of_s3():
    script = Script(error(301, "PermanentRedirect", "must be addressed using the specified endpoint"), (403, {}, b""))

    with pytest.raises(ObjectError, match="must be addressed using the specified endpoint") as caught:
        script.objects().get("k")
    assert caught.value.code == "PermanentRedirect"


# --- a real socket -----------------------------------------------------------------------------------------------


class Wire:
    """A server that says what it is told to, and counts how many requests it has in hand at once."""

    def __init__(self, *answers: Callable[[BaseHTTPRequestHandler], None]) -> None:
        self.requests = self.in_hand = self.most = 0
        self._answers = list(answers)
        self._lock = threading.Lock()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        with self._lock:
            self.requests += 1
            self.in_hand += 1
            self.most = max(self.most, self.in_hand)
            answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        try:
            answer(handler)
        finally:
            with self._lock:
                self.in_hand -= 1


@pytest.fixture
def serving() -> Callable[[Wire], AbstractContextManager[S3Objects]]:
    """Give a function that serves a wire on a socket of this machine, and gives the bucket behind it."""

    @contextmanager
    def serve(wire: Wire) -> Iterator[S3Objects]:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                wire.answer(self)

            def log_message(self, *_: object) -> None:
                """Stay quiet."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}"
        objects = S3Objects(
            sealed_session(), BUCKET, SimulatedClock(), region="us-east-1", endpoint_url=url, draw=always(0)
        )
        try:
            yield objects
        finally:
            objects._client.close()
            server.shutdown()
            server.server_close()
            thread.join()

    return serve


def sends(body: bytes, length: int | None = None, **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    """Return an answer with a body. One that is shorter than its length breaks the connection off."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)
        handler.close_connection = length is not None

    return answer


def hangs_up(handler: BaseHTTPRequestHandler) -> None:
    handler.close_connection = True


def test_a_body_comes_as_it_is_stored_whatever_its_headers_say(serving):
    """CloudTrail stores its log files with Content-Encoding: gzip. A digest is about the bytes as they are stored."""
    stored = gzip.compress(b'{"Records": []}')
    wire = Wire(sends(stored, Content_Encoding="gzip", X_Amz_Meta_Signature="5CA1AB1E"))

    with serving(wire) as objects:
        fetched = objects.get("k")

    assert fetched.body == stored
    assert fetched.metadata == {"signature": "5CA1AB1E"}


def test_a_body_that_breaks_off_is_fetched_again(serving):
    wire = Wire(sends(b"half", length=8), hangs_up, sends(b"half+all"))

    with serving(wire) as objects:
        assert objects.get("k").body == b"half+all"

    assert (wire.requests, objects.stats.retries, objects.stats.bytes) == (3, 2, 8)


def test_a_body_that_breaks_off_for_ever_is_an_error(serving):
    wire = Wire(sends(b"half", length=8))

    with serving(wire) as objects, pytest.raises(ObjectError, match="4 bytes read, 4 more expected") as caught:
        objects.get("k")

    assert (caught.value.code, wire.requests, objects.stats.bytes) == ("ResponseStreaming", ATTEMPTS, 0)


def test_a_body_that_is_not_what_its_checksum_says_is_fetched_again(serving):
    damaged = sends(b"lag", x_amz_checksum_crc32="5AB5VA==")
    wire = Wire(damaged, sends(b"log"))

    with serving(wire) as objects:
        assert objects.get("k").body == b"log"


def test_a_listing_that_breaks_off_is_asked_for_again(serving):
    whole = page("a/1", "a/2")[2]
    wire = Wire(sends(whole[:60], length=len(whole)), sends(whole))

    with serving(wire) as objects:
        assert [info.key for info in objects.list("a/")] == ["a/1", "a/2"]


@pytest.mark.parametrize("size", [LARGEST + 1, 2**30, 2**62])
def test_what_is_too_large_for_a_log_file_is_refused_unread(serving, size: int):
    """The server sends nothing after the headers: whoever reads gets an incomplete body, and asks again."""
    wire = Wire(sends(b"", length=size))

    with serving(wire) as objects, pytest.raises(ObjectError) as caught:
        objects.get("k")

    assert (caught.value.code, wire.requests) == ("too large", 1)


def test_as_many_threads_as_there_are_workers_are_served_at_once(serving):
    """No answer goes out before 32 requests are in hand: with one connection fewer this would never end."""
    together = threading.Barrier(32, timeout=30)

    def answer(handler: BaseHTTPRequestHandler) -> None:
        together.wait()
        sends(handler.path.encode())(handler)

    wire, keys = Wire(answer), [f"k{number}" for number in range(64)]
    with serving(wire) as objects, ThreadPoolExecutor(32) as executor:
        bodies = list(executor.map(lambda key: objects.get(key).body, keys))

    assert bodies == [f"/{BUCKET}/{key}".encode() for key in keys]
    assert (wire.most, wire.requests) == (32, 64)
    assert objects.stats.requests == {"GetObject": 64}
    assert objects.stats.bytes == sum(map(len, bodies))
