"""AWS over HTTP: what a request asks for, and how an answer or an error is written in each service's own protocol."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit
from xml.sax.saxutils import escape

from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import Request
from moto.core.routing import get_service_router
from moto.core.serialize import SerializationContext, get_serializer_class
from moto.core.utils import get_service_model
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import NotFound

from fluo_audit.sandbox import s3_requests

if TYPE_CHECKING:
    from collections.abc import Mapping

    from moto.core.model import OperationModel, ServiceModel

# The name in a request's signature -> the name of the service in botocore, where they differ.
_SIGNED_AS = {
    "monitoring": "cloudwatch",
    "events": "events",
    "access-analyzer": "accessanalyzer",
    "tagging": "resourcegroupstaggingapi",
}
_GLOBAL_HOSTS = {
    "iam": "iam.amazonaws.com",
    "ce": "ce.us-east-1.amazonaws.com",
    "organizations": "organizations.us-east-1.amazonaws.com",
}
_SUCCESS = 300  # HTTP statuses below this are answers, the others are errors


class AwsError(Exception):
    """An error as AWS would answer it: code, message and HTTP status."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One HTTP request; header names are in lower case."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """One HTTP answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Call:
    """One API call: which operation of which service, where, by which access key, with what parameters."""

    service: str
    operation: str
    region: str
    access_key: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    user_agent: str = ""

    @property
    def action(self) -> str:
        """Return the IAM action, such as `kms:GetKeyPolicy`."""
        return f"{self.service}:{self.operation}"

    @property
    def protocol(self) -> str:
        """Return the protocol of the service: json, query, rest-json or rest-xml."""
        return protocol_of(self.service)


@cache
def service_model(service: str) -> ServiceModel:
    """Return the botocore model of a service in moto's dress, which its serializers need."""
    return get_service_model(service)


@cache
def operation_model(service: str, operation: str) -> OperationModel:
    """Return the model of one operation."""
    return service_model(service).operation_model(operation)


@cache
def protocol_of(service: str) -> str:
    """Return the protocol a client speaks with the service, as botocore chooses it."""
    return str(service_model(service).resolved_protocol)


def read_call(request: HttpRequest) -> Call:
    """Return what a signed HTTP request asks for.

    Raises AwsError when the request is not signed or names no known operation, as AWS does.
    """
    access_key, region, service = _credential_scope(request.headers.get("authorization", ""))
    operation = _operation(service, request)
    return Call(
        service,
        operation,
        region,
        access_key,
        _parameters(service, operation, request),
        request.headers.get("user-agent", ""),
    )


def aws_url(headers: Mapping[str, str], path: str) -> str:
    """Return the URL at AWS for a request that was sent to another endpoint."""
    try:
        _, region, service = _credential_scope(headers.get("authorization", ""))
    except AwsError:
        return f"https://unknown.amazonaws.com{path}"
    return f"https://{host_of(service, region)}{path}"


def _credential_scope(authorization: str) -> tuple[str, str, str]:
    _, found, rest = authorization.partition("Credential=")
    scope = rest.split(",")[0].split("/")
    if not found or len(scope) != len(("key", "day", "region", "service", "aws4_request")):
        raise AwsError("MissingAuthenticationToken", "Request is missing Authentication Token", 403)
    access_key, _, region, service, _ = scope
    return access_key, region, _SIGNED_AS.get(service, service)


def _operation(service: str, request: HttpRequest) -> str:
    target = request.headers.get("x-amz-target", "")
    if target:
        return target.rsplit(".", 1)[-1]
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return dict(parse_qsl(request.body.decode())).get("Action", "")
    if service == "s3" and (common := s3_requests.common_operation(request.method, request.url)):
        return common
    try:
        routed, _ = get_service_router(service).match(
            Request.from_primitives(request.method, request.url, request.headers, request.body)
        )
    except (NotFound, NotImplementedError):
        raise AwsError(
            "UnknownOperationException", f"{service} has no operation at {urlsplit(request.url).path}", 404
        ) from None
    return str(routed.name)


def _parameters(service: str, operation: str, request: HttpRequest) -> Mapping[str, Any]:
    """Return the parsed parameters of the RPC protocols, and of S3 those in the URL; others stay unread."""
    protocol = protocol_of(service)
    if service == "s3":
        try:
            return s3_requests.parameters_of(operation_model(service, operation), request.url)
        except ValueError:
            raise AwsError("InvalidArgument", "Argument is not an integer") from None
    if protocol not in {"json", "query"}:
        return {}
    if operation not in service_model(service).operation_names:
        raise AwsError("UnknownOperationException", f"{service} has no operation {operation!r}", 404)
    form = MultiDict(parse_qsl(request.body.decode(), keep_blank_values=True)) if protocol == "query" else MultiDict()
    parser = PROTOCOL_PARSERS[protocol](operation_model(service, operation), timestamp_parser=_utc)
    parsed: Mapping[str, Any] = parser.parse(
        {"body": request.body.decode(), "values": form, "headers": request.headers}
    )
    return parsed


def _utc(value: str | float) -> datetime:
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC)
    moment = datetime.fromisoformat(value)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def write_request(call: Call) -> HttpRequest:
    """Return the HTTP request a client would send for the call, without a valid signature."""
    protocol = call.protocol
    parts = create_serializer(protocol, include_validation=False).serialize_to_request(
        dict(call.parameters), operation_model(call.service, call.operation)
    )
    body = urlencode(parts["body"]) if protocol == "query" else parts["body"]
    separator = "&" if "?" in parts["url_path"] else "?"  # the path of some operations has a query already
    query = f"{separator}{urlencode(parts['query_string'])}" if parts["query_string"] else ""
    model = service_model(call.service)
    headers = {name.lower(): str(value) for name, value in parts["headers"].items()}
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={call.access_key}/20000101/{call.region}/{model.signing_name}/aws4_request, "
        "Signature=0"
    )
    url = f"https://{host_of(call.service, call.region)}{parts['url_path']}{query}"
    return HttpRequest(parts["method"], url, headers, body if isinstance(body, bytes) else body.encode())


def host_of(service: str, region: str) -> str:
    """Return the host AWS answers the service under."""
    return _GLOBAL_HOSTS.get(service) or f"{service_model(service).endpoint_prefix}.{region}.amazonaws.com"


def read_answer(call: Call, answer: HttpAnswer) -> dict[str, Any]:
    """Return an answer as boto3 would give it, without ResponseMetadata. Raises AwsError when it is an error."""
    shape = operation_model(call.service, call.operation).output_shape
    parsed: dict[str, Any] = create_parser(call.protocol).parse(
        {"headers": answer.headers, "status_code": answer.status, "body": answer.body}, shape
    )
    parsed.pop("ResponseMetadata", None)
    if answer.status >= _SUCCESS:
        error = parsed.get("Error", {})
        raise AwsError(error.get("Code", "InternalFailure"), error.get("Message", ""), answer.status)
    return parsed


def write_answer(call: Call, result: Mapping[str, Any], request_id: str) -> HttpAnswer:
    """Return a result in the protocol of the service."""
    model = operation_model(call.service, call.operation)
    serializer = get_serializer_class(call.service, call.protocol)(model, SerializationContext(request_id))
    written = serializer.serialize(result)
    body, headers = written["body"], dict(written["headers"])
    if call.protocol == "json":
        headers["Content-Type"] = _json_type(call)  # moto writes "text" for services that speak several protocols
    return HttpAnswer(written["status_code"], headers, body if isinstance(body, bytes) else body.encode())


def write_json(call: Call, body: str) -> HttpAnswer:
    """Return a JSON body that is already written."""
    return HttpAnswer(200, {"Content-Type": _json_type(call)}, body.encode())


def _json_type(call: Call) -> str:
    return f"application/x-amz-json-{service_model(call.service).metadata['jsonVersion']}"


def write_error(protocol: str, error: AwsError, request_id: str) -> HttpAnswer:
    """Return an error in the given protocol."""
    if protocol in {"json", "rest-json"}:
        body = json.dumps({"__type": error.code, "message": error.message})
        # The last header is for services that once spoke the query protocol: clients take the code from it.
        headers = {
            "Content-Type": "application/x-amz-json-1.1",
            "x-amzn-ErrorType": error.code,
            "x-amzn-query-error": f"{error.code};Sender",
        }
        return HttpAnswer(error.status, headers, body.encode())
    inner = f"<Code>{escape(error.code)}</Code><Message>{escape(error.message)}</Message>"
    if protocol == "rest-xml":
        body = f"<Error>{inner}<RequestId>{request_id}</RequestId></Error>"
    else:
        body = (
            f"<ErrorResponse><Error><Type>Sender</Type>{inner}</Error>"
            f"<RequestId>{request_id}</RequestId></ErrorResponse>"
        )
    return HttpAnswer(error.status, {"Content-Type": "text/xml"}, body.encode())
