"""A metadata service for one instance, IMDSv2 only.

Used by `hypervisor.py`, one per instance on a separate loopback port, and by
`tests/machine`, at the real address in a namespace. Must never answer a request
without a session token: such requests are rejected and counted, because the programs
under test must not make any.
"""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN_SECONDS_MAX = 21600
TOKEN_HEADER = "x-aws-ec2-metadata-token"
TTL_HEADER = "x-aws-ec2-metadata-token-ttl-seconds"
ROLE = "worker"


@dataclass
class Metadata:
    """The metadata of the instance, and the valid session tokens."""

    instance_id: str
    region: str
    zone: str
    account: str
    user_data: str
    credential_seconds: float
    v1_refused: int = 0
    tokens: dict[str, float] = field(default_factory=dict)
    # Called for every request: method, path, status; "v1" is appended if it had no token.
    log: Callable[[str], None] = lambda _: None

    def paths(self) -> dict[str, str]:
        """Return the text of every path; credentials are new each time."""
        now = datetime.now(UTC).replace(microsecond=0)
        credentials = {
            "Code": "Success",
            "Type": "AWS-HMAC",
            "AccessKeyId": "test",
            "SecretAccessKey": "test",
            "Token": "t",
            "LastUpdated": stamp(now),
            "Expiration": stamp(now + timedelta(seconds=self.credential_seconds)),
        }
        identity = {
            "instanceId": self.instance_id,
            "region": self.region,
            "availabilityZone": self.zone,
            "accountId": self.account,
            "architecture": "x86_64",
            "version": "2017-09-30",
        }
        roles = "/latest/meta-data/iam/security-credentials/"
        paths = {
            "/latest/meta-data/instance-id": self.instance_id,
            "/latest/meta-data/placement/region": self.region,
            "/latest/meta-data/placement/availability-zone": self.zone,
            roles: ROLE,
            roles + ROLE: json.dumps(credentials),
            "/latest/dynamic/instance-identity/document": json.dumps(identity),
        }
        # EC2 has no such path for an instance launched without user data.
        return paths | ({"/latest/user-data": self.user_data} if self.user_data else {})


def stamp(time_utc: datetime) -> str:
    """Format a time as the service does."""
    return time_utc.strftime("%Y-%m-%dT%H:%M:%SZ")


class Handler(BaseHTTPRequestHandler):
    """The service's HTTP handler; `metadata` is set in the subclass that `serve` creates."""

    protocol_version = "HTTP/1.1"
    metadata: Metadata

    def do_PUT(self) -> None:  # noqa: N802
        """Return a session token."""
        seconds = self.headers.get(TTL_HEADER, "")
        if self.path != "/latest/api/token":
            self.answer(404)
        elif not seconds.isdigit() or not 1 <= int(seconds) <= TOKEN_SECONDS_MAX:
            self.answer(400)
        else:
            token = secrets.token_urlsafe(32)
            self.metadata.tokens[token] = time.monotonic() + int(seconds)
            self.answer(200, token, {TTL_HEADER: seconds})

    def do_GET(self) -> None:  # noqa: N802
        """Return metadata to a client with a token."""
        token = self.headers.get(TOKEN_HEADER)
        if token is None:
            self.metadata.v1_refused += 1
        if self.metadata.tokens.get(token or "", 0) < time.monotonic():
            self.answer(401)
            return
        text = self.metadata.paths().get(self.path)
        self.answer(404) if text is None else self.answer(200, text)

    def answer(self, status: int, text: str = "", headers: dict[str, str] | None = None) -> None:
        """Send a complete response."""
        is_v1 = self.command == "GET" and TOKEN_HEADER not in self.headers
        self.metadata.log(f"{self.command} {self.path} {status}{' v1' if is_v1 else ''}")
        body = text.encode()
        self.send_response(status)
        for name, value in {"Content-Type": "text/plain", "Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Log nothing: user data could be part of a path."""


def serve(metadata: Metadata, host: str = "127.0.0.1", port: int = 0) -> tuple[ThreadingHTTPServer, str]:
    """Start the service and return it with its URL; `shutdown` and `server_close` end it."""
    server = ThreadingHTTPServer((host, port), type("Bound", (Handler,), {"metadata": metadata}))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True).start()
    return server, f"http://{host}:{server.server_port}"
