"""Recognizes which AWS call a signed HTTP request is.

Used by `proxy.py` to count requests and to choose where faults apply. Pure: reads
method, target, headers and body; must never change a byte of them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote

SCOPE = re.compile(r"Credential=[^/]+/\d{8}/[^/]*/([^/]+)/aws4_request")
FORM = "application/x-www-form-urlencoded"
# Query parameters that do not turn an object request into one on a subresource.
PLAIN_PARAMETER = re.compile(r"(?i)x-id|versionId|partNumber|uploadId|response-.*|x-amz-.*")


class Call(NamedTuple):
    """One AWS call: `service` as in the credential scope, `operation` as in the API reference."""

    service: str
    operation: str
    form: dict[str, str]
    is_json: bool


def recognise(method: str, target: str, headers: Mapping[str, str], body: bytes) -> Call:
    """Return the call that a request makes; an unsigned one has the service `unknown`."""
    scope = SCOPE.search(headers.get("Authorization", "")) or SCOPE.search(unquote(target))
    service = scope[1] if scope else "unknown"
    json_target = headers.get("X-Amz-Target", "")
    if json_target:
        return Call(service, json_target.rpartition(".")[2], {}, True)
    if service == "s3":
        return Call(service, s3_operation(method, target, headers), {}, False)
    form: dict[str, str] = {}
    if headers.get("Content-Type", "").startswith(FORM):
        form = dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))
    return Call(service, form.get("Action", "Other"), form, False)


def s3_operation(method: str, target: str, headers: Mapping[str, str]) -> str:
    """Return the S3 operation of a path-style request, as far as tests distinguish them."""
    path, _, query_text = target.partition("?")
    query = dict(parse_qsl(query_text, keep_blank_values=True))
    is_object = bool(path.removeprefix("/").partition("/")[2])
    return (object_operation if is_object else bucket_operation)(method, query, headers)


def bucket_operation(method: str, query: dict[str, str], _headers: Mapping[str, str]) -> str:
    """Return the operation of a request on a bucket."""
    if method == "GET" and query.get("list-type") == "2":
        return "ListObjectsV2"
    return "ListMultipartUploads" if method == "GET" and "uploads" in query else "Other"


def object_operation(method: str, query: dict[str, str], headers: Mapping[str, str]) -> str:
    """Return the operation of a request on an object."""
    if method == "POST" and "uploads" in query:
        return "CreateMultipartUpload"
    if "X-Amz-Copy-Source" in headers or not all(PLAIN_PARAMETER.fullmatch(name) for name in query):
        return "Other"
    of_upload = {"PUT": "UploadPart", "POST": "CompleteMultipartUpload", "DELETE": "AbortMultipartUpload"}
    of_object = {"GET": "GetObject", "HEAD": "HeadObject", "PUT": "PutObject", "DELETE": "DeleteObject"}
    return (of_upload if "uploadId" in query else of_object).get(method, "Other")
