"""Fault proxy between the programs under test and an AWS emulator.

    proxy.py --port P --to http://127.0.0.1:Q [--follow-stdin]

Used by the tests that run on an emulator: counts calls, injects faults (see
`faults.py`) and remembers launches (see `launches.py`). Prints "ready" when it
listens. Must never change what it forwards, because it is signed: Host, query and body
are passed on unchanged, responses are not decoded. A call that reached the proxy
reaches the emulator even if its client has disconnected.

Control, never forwarded:

    POST /-/faults      append a JSON list of rules    DELETE /-/faults    forget all
    GET  /-/faults      the rules, each with `fired`
    GET  /-/requests    {"total": n, "by": {service: {operation: n}}}
    DELETE /-/requests  count from 0 again
    GET  /-/instances   {id: {"user_data", "token", "tags"}} of every launch
    GET  /-/launches    the form of every RunInstances request, in order

Requests with the header `x-stand-in` come from the test's own hypervisor: they are not
counted, no fault applies to them, and the header is not forwarded.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import signal
from collections import Counter, defaultdict
from typing import Any

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from faults import Faults, Rule, parse_rule, render_error
from launches import Answer, Launches, with_room
from lifeline import follow_stdin
from recognise import Call, recognise

STAND_IN = "x-stand-in"
# Valid for one connection only, or obsolete because the proxy reads the whole body first.
HOP_HEADERS = {"connection", "keep-alive", "expect", "transfer-encoding", STAND_IN}
NOT_ADDED = ("Accept", "Accept-Encoding", "User-Agent", "Content-Type")
HEADER_BYTES_MAX = 65536
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"  # clients wait a second for it


class Proxy:
    """The proxy's state and its handler."""

    def __init__(self, to: str) -> None:
        """Forward to the emulator at `to`, once `run` has opened a session."""
        self.to = to.rstrip("/")
        self.faults = Faults()
        self.launches = Launches()
        self.counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.session: aiohttp.ClientSession

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request: control, fault or the emulator's response."""
        if "Expect" in request.headers and request.transport:
            request.transport.write(CONTINUE)
        body = await request.content.read()
        if request.raw_path.startswith("/-/"):
            return await self.control(request.method, request.raw_path, body)
        call = recognise(request.method, request.raw_path, request.headers, body)
        rule = None if STAND_IN in request.headers else self.count(call)
        if rule and rule.fault == "error":
            return error_response(call, **rule.parameters)
        if rule and rule.fault == "slow":
            await asyncio.sleep(rule.parameters["seconds"])
        try:
            answer = await self.answer(request, call, body, rule)
        except aiohttp.ClientError as error:
            return web.Response(status=502, text=f"emulator does not answer: {error!r}")
        if answer is None:
            text = "client token used before with other parameters"
            return error_response(call, 400, "IdempotentParameterMismatch", text)
        return await self.deliver(request, answer, rule)

    def count(self, call: Call) -> Rule | None:
        """Count a call and return the fault that applies to it."""
        self.counts[call.service][call.operation] += 1
        if call.operation == "RunInstances":
            self.launches.requests.append(call.form)
        return self.faults.pick(call)

    async def answer(self, request: web.BaseRequest, call: Call, body: bytes, struck: Rule | None) -> Answer | None:
        """Return the emulator's response, or the remembered one to a repeated launch."""
        if call.service == "ec2" and call.operation == "RunInstances":
            asked = body if struck and struck.fault == "scarce" else with_room(body)
            answer = await self.launches.run(call.form, lambda: self.forward(request, asked))
        else:
            answer = await self.forward(request, body)
        for rule in self.faults.replacements(call):
            answer = replaced(answer, **rule.parameters)
        return answer

    async def forward(self, request: web.BaseRequest, body: bytes) -> Answer:
        """Forward a request unchanged."""
        headers = CIMultiDict((n, v) for n, v in request.headers.items() if n.lower() not in HOP_HEADERS)
        if body:
            headers["Content-Length"] = str(len(body))
        url = URL(self.to + request.raw_path, encoded=True)
        async with self.session.request(
            request.method, url, headers=headers, data=body or None, allow_redirects=False
        ) as response:
            received = [(n.decode(), v.decode(errors="surrogateescape")) for n, v in response.raw_headers]
            kept = [(n, v) for n, v in received if n.lower() not in HOP_HEADERS]
            return Answer(response.status, response.reason, kept, await response.read())

    async def deliver(self, request: web.BaseRequest, answer: Answer, rule: Rule | None) -> web.StreamResponse:
        """Send the response to the client, or what the fault leaves of it."""
        fault = rule.fault if rule else ""
        headers = CIMultiDict(answer.headers)
        if rule and fault == "cut":
            headers["Content-Length"] = str(len(answer.body))
            response = web.StreamResponse(status=answer.status, reason=answer.reason, headers=headers)
            await response.prepare(request)
            await response.write(answer.body[: rule.parameters.get("bytes", len(answer.body) // 2)])
        else:
            response = web.Response(status=answer.status, reason=answer.reason, headers=headers, body=answer.body)
        if fault in ("cut", "lose_answer") and request.transport:
            # Close instead of abort: what was written before must arrive.
            request.transport.close()
        return response

    async def control(self, method: str, path: str, body: bytes) -> web.Response:
        """Answer a request to the proxy itself."""
        match method, path.removeprefix("/-/"):
            case "POST", "faults":
                return self.add_faults(body)
            case "DELETE", "faults":
                self.faults.rules.clear()
            case "DELETE", "requests":
                self.counts.clear()
            case "GET", "faults":
                return web.json_response([rule.as_json() for rule in self.faults.rules])
            case "GET", "requests":
                total = sum(counter.total() for counter in self.counts.values())
                return web.json_response({"total": total, "by": self.counts})
            case "GET", "instances":
                return web.json_response(self.launches.instances)
            case "GET", "launches":
                return web.json_response(self.launches.requests)
            case _:
                return web.Response(status=404, text="no such control path")
        return web.json_response({})

    def add_faults(self, body: bytes) -> web.Response:
        """Append rules, all or none."""
        try:
            rules = [parse_rule(given) for given in json_list(body)]
        except (ValueError, re.error) as error:
            return web.Response(status=400, text=str(error))
        self.faults.rules += rules
        return web.json_response({})


def json_list(body: bytes) -> list[dict[str, Any]]:
    """Parse a JSON list of objects; ValueError if it is anything else."""
    given = json.loads(body)
    if not isinstance(given, list) or not all(isinstance(item, dict) for item in given):
        raise ValueError("not a list of rules")
    return given


def replaced(answer: Answer, pattern: str, **with_: str) -> Answer:
    """Return the response with its text changed."""
    body = re.sub(pattern, with_["with"], answer.body.decode(errors="surrogateescape"))
    raw = body.encode(errors="surrogateescape")
    headers = [(n, v) for n, v in answer.headers if n.lower() != "content-length"]
    return answer._replace(headers=[*headers, ("Content-Length", str(len(raw)))], body=raw)


def error_response(
    call: Call, status: int = 500, code: str = "InternalError", message: str = "injected"
) -> web.Response:
    """Return an error in the form of the call's service."""
    headers, body = render_error(call, status, code, message)
    return web.Response(status=status, headers=headers, body=body)


async def run(port: int, to: str) -> None:
    """Serve until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    proxy = Proxy(to)
    proxy.session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=30),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=10),  # a long poll takes its time
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        skip_auto_headers=NOT_ADDED,
        max_line_size=HEADER_BYTES_MAX,
        max_field_size=HEADER_BYTES_MAX,
    )
    server = web.Server(
        proxy.handle,
        access_log=None,
        auto_decompress=False,
        keepalive_timeout=600,
        max_line_size=HEADER_BYTES_MAX,
        max_field_size=HEADER_BYTES_MAX,
    )
    runner = web.ServerRunner(server, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    print("ready", flush=True)
    await stop.wait()
    await proxy.session.close()
    await runner.cleanup()


def main() -> None:
    """Parse the command line and serve."""
    parser = argparse.ArgumentParser(description="fault proxy in front of an AWS emulator")
    parser.add_argument("--port", type=int, required=True, help="loopback port to listen on")
    parser.add_argument("--to", required=True, help="the emulator, http://127.0.0.1:PORT")
    parser.add_argument("--follow-stdin", action="store_true", help="exit when stdin ends")
    arguments = parser.parse_args()
    if arguments.follow_stdin:
        follow_stdin()
    asyncio.run(run(arguments.port, arguments.to))


if __name__ == "__main__":
    main()
