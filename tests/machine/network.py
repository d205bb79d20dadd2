"""The worker's network, in which every packet is counted.

Used by `boot.py` and `nspawn.py`. A separate network namespace without a route out
is everything that a worker can reach, like the VPC and its endpoints on AWS:

    10.0.0.1        the router, through which the worker, 10.0.0.20, sends everything
    10.0.0.10       interface endpoints (EC2, SQS, SNS, KMS), port 80
    gateways        S3 and DynamoDB, port 80, at addresses outside the VPC: gateway
                    endpoints keep public addresses, those of the prefix lists
    169.254.169.254 the metadata service, port 80

The worker has a /32 address, so that even a packet to a neighbor goes to the router
and is counted. All of port 80 is forwarded to the proxy on loopback. Must never
reach this machine's own network, nor outlive the test: the namespace has no name and
ends with its processes.
"""

from __future__ import annotations

import ipaddress
import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from common import Command, LacksError, Running, need_programs, need_root, run

ROUTER = "10.0.0.1"
ENDPOINTS = "10.0.0.10"
WORKER = "10.0.0.20"
METADATA = "169.254.169.254"
PROXY_PORT = 4567
EMULATOR_PORT = 4566
# The outer and inner end of the worker's link.
OUTER = "worker0"
INNER = "eth0"
# The kernel itself sends IPv6 neighbor and multicast messages and IGMP; no program can change their
# contents.
KERNEL_ICMPV6 = (
    "nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert, mld-listener-report, mld-listener-done, "
    "mld2-listener-report"
)
COUNTERS = ("imds", "endpoints", "gateways", "kernel", "stray")
# Keeps a namespace as long as the process runs.
HOLD = ("unshare", "--net", "sh", "-c", "ip link set lo up && echo ready && exec cat")
RULES = """
table inet machine {{
    {counters}
    set gateways {{ type ipv4_addr; elements = {{ {gateways} }}; }}
    set strays {{ type ipv4_addr . inet_proto . inet_service; flags dynamic; size 1024; }}
    chain from_worker {{
        type filter hook prerouting priority raw; policy accept;
        iifname != "{outer}" accept
        ip daddr {metadata} tcp dport 80 counter name imds accept
        ip daddr {endpoints} tcp dport 80 counter name endpoints accept
        ip daddr @gateways tcp dport 80 counter name gateways accept
        icmpv6 type {{ {kernel_icmpv6} }} counter name kernel drop
        ip protocol igmp counter name kernel drop
        counter name stray
        add @strays {{ ip daddr . ip protocol . th dport }}
        drop
    }}
    chain to_proxy {{
        type nat hook prerouting priority dstnat; policy accept;
        iifname "{outer}" ip daddr {endpoints} tcp dport 80 dnat ip to 127.0.0.1:{proxy}
        iifname "{outer}" ip daddr @gateways tcp dport 80 dnat ip to 127.0.0.1:{proxy}
    }}
    chain nowhere {{ type filter hook forward priority filter; policy drop; }}
}}
"""
# Network settings of the worker; all static, because there is neither DHCP nor DNS.
NETWORKD = f"""[Match]
Name={INNER}

[Network]
Address={WORKER}/32
LinkLocalAddressing=no
IPv6AcceptRA=no
LLMNR=no
MulticastDNS=no

[Route]
Gateway={ROUTER}
GatewayOnLink=yes
"""


def need() -> None:
    """Require what a namespace with a link needs."""
    need_root()
    need_programs({"ip": "iproute2", "nft": "nftables", "nsenter": "util-linux", "unshare": "util-linux"})


def need_tap() -> None:
    """Require what QEMU's end of the link needs."""
    try:
        os.close(os.open("/dev/net/tun", os.O_RDWR))
    except OSError as error:
        make = "mkdir -p /dev/net && mknod /dev/net/tun c 10 200"
        raise LacksError(f"/dev/net/tun: {error.strerror} ({make}; modprobe tun)") from None


class Network:
    """One namespace, which ends with this object."""

    def __init__(self, logs: Path) -> None:
        """Create a network with only a loopback, and an empty namespace for a container."""
        need()
        log = logs / "network.log"
        self.holder, self.container_holder = Running(HOLD, log), Running(HOLD, log)
        self.namespace = namespace(self.holder)
        self.container = namespace(self.container_holder)

    def __enter__(self) -> Network:
        """Return the network itself."""
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        """Release the namespaces."""
        self.container_holder.stop()
        self.holder.stop()

    def inside(self, command: Command) -> Command:
        """Return the command that runs in the namespace."""
        return ["nsenter", f"--net={self.namespace}", *command]

    def run(self, *command: str | Path, given: str | None = None, env: Mapping[str, str] | None = None) -> str:
        """Run a program in the namespace until it ends, and return its output."""
        return run(self.inside(command), given=given, env=env).stdout

    def plug(self, kind: str, gateways: list[str]) -> None:
        """Connect the next worker, and count from 0: "tap" for QEMU, "veth" for a container."""
        self.run("sh", "-c", f"ip link delete {OUTER} 2>/dev/null || true")
        if kind == "tap":
            self.run("ip", "tuntap", "add", "dev", OUTER, "mode", "tap")
        else:
            self.run("ip", "link", "add", OUTER, "type", "veth", "peer", "name", INNER)
            self.run("ip", "link", "set", INNER, "netns", str(self.container_holder.process.pid))
        for address in (f"{ROUTER}/24", f"{ENDPOINTS}/24", f"{METADATA}/32", *(f"{one}/32" for one in gateways)):
            self.run("ip", "address", "add", address, "dev", OUTER)
        # The kernel forwards to loopback only with this setting; the proxy listens there.
        self.run("sh", "-c", f"echo 1 >/proc/sys/net/ipv4/conf/{OUTER}/route_localnet")
        self.run("ip", "link", "set", OUTER, "up")
        self.run("nft", "-f", "-", given="flush ruleset\n" + rules(gateways))

    def counters(self) -> dict[str, int]:
        """Return the number of packets from the worker since `plug`, by destination."""
        listed = json.loads(self.run("nft", "--json", "list", "counters"))["nftables"]
        return {item["counter"]["name"]: item["counter"]["packets"] for item in listed if "counter" in item}

    def strays(self) -> list[str]:
        """Return the destinations of stray IPv4 packets, as `address . protocol . port`."""
        listed = json.loads(self.run("nft", "--json", "list", "set", "inet", "machine", "strays"))["nftables"]
        sets = [item["set"].get("elem", []) for item in listed if "set" in item]
        return [" . ".join(map(str, one["concat"])) for elements in sets for one in elements]


def namespace(holder: Running) -> Path:
    """Return the network namespace of a process."""
    return Path(f"/proc/{holder.process.pid}/ns/net")


def rules(gateways: list[str]) -> str:
    """Return the counting rules."""
    return RULES.format(
        counters="\n    ".join(f"counter {name} {{ }}" for name in COUNTERS),
        gateways=", ".join(gateways),
        outer=OUTER,
        metadata=METADATA,
        endpoints=ENDPOINTS,
        proxy=PROXY_PORT,
        kernel_icmpv6=KERNEL_ICMPV6,
    )


def first_host(cidr: str) -> str:
    """Return an address in a range, for a gateway endpoint."""
    return str(ipaddress.ip_network(cidr)[10])
