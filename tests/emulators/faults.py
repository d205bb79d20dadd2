"""Fault rules: which calls go wrong, how, and how often.

Used by `proxy.py`, which carries the faults out. The first rule that fires
decides; rules after it do not see that call (but every `replace` is carried
out). Must never fire on its own account: without rules every call passes.

    {"service": "s3", "operation": "PutObject", "fault": "lose_answer", "times": 2, "skip": 1}

`service` and `operation` may be `*`; `times` is 1 unless given, -1 is always;
`skip` lets that many matching calls pass first. Faults and their parameters:

| fault       | parameters                   | effect                                              |
|-------------|------------------------------|-----------------------------------------------------|
| lose_answer |                              | done by the emulator, connection closed unanswered  |
| error       | status, code, message        | not forwarded; the protocol's own error (500)       |
| cut         | bytes (half of the body)     | full Content-Length, that many bytes, then closed   |
| slow        | seconds                      | waits before forwarding                             |
| scarce      |                              | RunInstances finds room for its MinCount (on moto)  |
| replace     | pattern, with                | `re.sub` on the text of the answer                  |
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any
from xml.sax.saxutils import escape

from recognise import Call

REQUEST_ID = "00000000-fault-proxy"
# Fault: (parameters it must have, parameters it may have).
PARAMETERS: dict[str, tuple[set[str], set[str]]] = {
    "lose_answer": (set(), set()),
    "error": (set(), {"status", "code", "message"}),
    "cut": (set(), {"bytes"}),
    "slow": ({"seconds"}, set()),
    "scarce": (set(), set()),
    "replace": ({"pattern", "with"}, set()),
}
COMMON = {"service", "operation", "fault", "times", "skip"}


@dataclass
class Rule:
    """One rule and how often it has fired."""

    service: str
    operation: str
    fault: str
    times: int
    skip: int
    parameters: dict[str, Any]
    fired: int = 0

    def fires(self, call: Call) -> bool:
        """Whether this call is struck; counts it either way."""
        matches = self.service in ("*", call.service) and self.operation in ("*", call.operation)
        if not matches or 0 <= self.times <= self.fired:
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        self.fired += 1
        return True

    def as_json(self) -> dict[str, Any]:
        """The rule as it was given, with what is left of `skip`, and `fired`."""
        own = {name: getattr(self, name) for name in ("service", "operation", "fault", "times", "skip", "fired")}
        return own | self.parameters


def parse_rule(given: dict[str, Any]) -> Rule:
    """A rule from its JSON; ValueError on a wrong one, for a test must not pass by a misspelt fault."""
    required, optional = PARAMETERS.get(given.get("fault", ""), (None, set()))
    if required is None:
        raise ValueError(f"unknown fault in {given}")
    parameters = {name: value for name, value in given.items() if name not in COMMON}
    if not {"service", "operation"} <= given.keys() or not required <= parameters.keys() <= required | optional:
        raise ValueError(f"missing or unknown field in {given}")
    re.compile(parameters.get("pattern", ""))
    return Rule(
        given["service"], given["operation"], given["fault"], given.get("times", 1), given.get("skip", 0), parameters
    )


@dataclass
class Faults:
    """All rules, in the order in which they came."""

    rules: list[Rule] = field(default_factory=list)

    def pick(self, call: Call) -> Rule | None:
        """The rule that strikes this call, if any."""
        return next((rule for rule in self.rules if rule.fault != "replace" and rule.fires(call)), None)

    def replacements(self, call: Call) -> list[Rule]:
        """The replacements in this call's answer: all of them, in order."""
        return [rule for rule in self.rules if rule.fault == "replace" and rule.fires(call)]


def render_error(call: Call, status: int, code: str, message: str) -> tuple[dict[str, str], bytes]:
    """Headers and body of an error in the form of the call's protocol."""
    if call.is_json:
        headers = {"Content-Type": "application/x-amz-json-1.0", "x-amzn-errortype": code}
        return headers | {"x-amzn-requestid": REQUEST_ID}, json.dumps({"__type": code, "message": message}).encode()
    inner = f"<Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
    kind = "Sender" if status < 500 else "Receiver"
    if call.service == "s3":
        text = f"<Error>{inner}<RequestId>{REQUEST_ID}</RequestId></Error>"
    elif call.service == "ec2":
        text = f"<Response><Errors><Error>{inner}</Error></Errors><RequestID>{REQUEST_ID}</RequestID></Response>"
    else:
        error = f"<Error><Type>{kind}</Type>{inner}</Error>"
        text = f"<ErrorResponse>{error}<RequestId>{REQUEST_ID}</RequestId></ErrorResponse>"
    return {"Content-Type": "text/xml"}, f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'.encode()
