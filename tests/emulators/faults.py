"""Fault rules: which calls fail, how, and how often.

Used by `proxy.py`, which injects the faults. The first rule that fires applies; later
rules do not see that call (except that every `replace` is applied). Must never fire
without rules: then every call passes.

    {"service": "s3", "operation": "PutObject", "fault": "lose_answer", "times": 2, "skip": 1}

`service` and `operation` may be `*`; `times` defaults to 1, -1 means always; `skip`
lets that many matching calls pass first. Faults and their parameters:

| fault       | parameters                   | effect                                              |
|-------------|------------------------------|-----------------------------------------------------|
| lose_answer |                              | done by the emulator, connection closed unanswered  |
| error       | status, code, message        | not forwarded; the protocol's own error (500)       |
| cut         | bytes (half of the body)     | full Content-Length, that many bytes, then closed   |
| slow        | seconds                      | waits before forwarding                             |
| scarce      |                              | RunInstances has capacity for its MinCount (Moto)   |
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
# Fault: (required parameters, optional parameters).
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
        """Return whether the rule applies to this call; counts the call either way."""
        matches = self.service in ("*", call.service) and self.operation in ("*", call.operation)
        if not matches or 0 <= self.times <= self.fired:
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        self.fired += 1
        return True

    def as_json(self) -> dict[str, Any]:
        """Return the rule as given, with the remaining `skip`, and `fired`."""
        own = {name: getattr(self, name) for name in ("service", "operation", "fault", "times", "skip", "fired")}
        return own | self.parameters


def parse_rule(given: dict[str, Any]) -> Rule:
    """Parse a rule from JSON; ValueError if it is invalid, so that no test passes because of a misspelled fault."""
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
    """All rules, in order of arrival."""

    rules: list[Rule] = field(default_factory=list)

    def pick(self, call: Call) -> Rule | None:
        """Return the rule that applies to this call, if any."""
        return next((rule for rule in self.rules if rule.fault != "replace" and rule.fires(call)), None)

    def replacements(self, call: Call) -> list[Rule]:
        """Return the replacements in this call's response: all of them, in order."""
        return [rule for rule in self.rules if rule.fault == "replace" and rule.fires(call)]


def render_error(call: Call, status: int, code: str, message: str) -> tuple[dict[str, str], bytes]:
    """Return headers and body of an error in the form of the call's protocol."""
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
