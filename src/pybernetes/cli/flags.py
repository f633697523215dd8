"""Flags that several verbs share, and the forms of their values: durations, sizes, lists."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from dataclasses import MISSING, fields
from typing import Any

from pybernetes.cluster.layout import DEFAULT_NAME

SIZES = {
    "": 1,
    "Ki": 1 << 10,
    "Mi": 1 << 20,
    "Gi": 1 << 30,
    "Ti": 1 << 40,
    "k": 10**3,
    "M": 10**6,
    "G": 10**9,
}


def duration(text: str) -> float:
    """Seconds, of upstream's form: 40s, 1m30s, 500ms; a bare number is seconds."""
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    from pybernetes.api.times import parse_duration

    try:
        seconds = parse_duration(text)
    except ValueError:
        seconds = -1
    if seconds < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a duration such as 40s or 1m30s")
    return seconds


def size(text: str) -> int:
    """Bytes, of the form of a quantity: 512Mi, 2Gi, 1000000."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([KMGT]i|[kMG])?", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size such as 512Mi or 2Gi")
    return int(float(match[1]) * SIZES[match[2] or ""])


def whole(text: str) -> int:
    """A whole number from 0."""
    if not re.fullmatch(r"\d{1,9}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0")
    return int(text)


def count(text: str) -> int:
    """A whole number from 1."""
    if not re.fullmatch(r"\d{1,9}", text) or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return int(text)


def percentage(text: str) -> int:
    if not re.fullmatch(r"\d{1,3}", text) or int(text) > 100:
        raise argparse.ArgumentTypeError(f"{text!r} is not a percentage from 0 to 100")
    return int(text)


def cpus(text: str) -> float:
    """Cores, of the form of a quantity: 2, 0.5, 500m."""
    match = re.fullmatch(r"(\d{1,6}(?:\.\d+)?)(m?)", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of cpus such as 2, 0.5 or 500m")
    return float(match[1]) / (1000 if match[2] else 1)


def registry(text: str) -> str:
    """HOST or HOST:PORT."""
    match = re.fullmatch(r"([A-Za-z0-9]([-.A-Za-z0-9]*[A-Za-z0-9])?|\[[0-9a-fA-F:]+\])(:(\d{1,5}))?", text)
    if match is None or int(match[4] or 1) not in range(1, 65536):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a registry's address such as registry.example:5000"
        )
    return text


def truth(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false")
    return text.lower() == "true"


def names(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def add_cluster(parser: argparse.ArgumentParser) -> None:
    """Which cluster is meant."""
    parser.add_argument("--name", default=DEFAULT_NAME, help=f"the cluster's name (default: {DEFAULT_NAME})")
    parser.add_argument(
        "--data-dir", metavar="DIR", help="where its data is (default: /var/lib/pybernetes/NAME)"
    )


def add_server(parser: argparse.ArgumentParser) -> None:
    """Upstream's flags of the API server; unset ones are None."""
    group = parser.add_argument_group("API server")
    group.add_argument("--bind-address", metavar="IP", help="listen on this address (default: 0.0.0.0)")
    group.add_argument("--secure-port", type=int, metavar="PORT", help="listen on this port (default: 6443)")
    group.add_argument(
        "--service-cluster-ip-range",
        metavar="CIDR[,CIDR]",
        help="addresses of services: IPv4, or IPv4 and IPv6 (default: 10.96.0.0/16)",
    )
    group.add_argument(
        "--cluster-cidr",
        metavar="CIDR[,CIDR]",
        help="addresses of pods: IPv4, or IPv4 and IPv6 (default: 10.244.0.0/16)",
    )
    group.add_argument(
        "--token-auth-file", metavar="FILE", help='further users: lines of token,user,uid,"group1,group2"'
    )
    group.add_argument("--client-ca-file", metavar="FILE", help="a further CA that signs client certificates")
    for flag, state in (("not-ready", "not ready"), ("unreachable", "out of reach")):
        group.add_argument(
            f"--default-{flag}-toleration-seconds",
            type=whole,
            metavar="SECONDS",
            help=f"how long pods stay on a node that is {state}, unless they say themselves (default: 300)",
        )


def add_controllers(parser: argparse.ArgumentParser) -> None:
    """Upstream's flags of the controller manager: one for each field of its options."""
    from pybernetes.controllers.options import Options

    group = parser.add_argument_group("controllers (upstream's names and defaults)")
    for field in fields(Options):
        if field.name in OWN_CONTROLLER_FIELDS:
            continue
        default = field.default if field.default is not MISSING else None
        group.add_argument(
            "--" + field.name.replace("_", "-"),
            dest="controllers__" + field.name,
            type=_form(field.name, default),
            metavar="VALUE",
            help=argparse.SUPPRESS
            if field.name.startswith("concurrent_")
            else f"(default: {_shown(field.name, default)})",
        )


OWN_CONTROLLER_FIELDS = {
    "cluster_cidr",
    "service_cluster_ip_range",
    "cluster_signing_cert_file",
    "cluster_signing_key_file",
    "root_ca_file",
    "service_account_private_key_file",
}
"""Fields that the composition fills in."""


def _form(name: str, default: Any) -> Any:
    if isinstance(default, bool):
        return truth
    if isinstance(default, tuple):
        return names
    if isinstance(default, int):
        return int
    if isinstance(default, float):
        return float if name.endswith(("_rate", "_threshold", "_tolerance")) else duration
    return str


def _shown(name: str, default: Any) -> str:
    """The default as one would type it."""
    if isinstance(default, tuple):
        return ",".join(default)
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, float):
        return shown_duration(default) if _form(name, default) is duration else f"{default:g}"
    return str(default) or "none"


def shown_duration(seconds: float) -> str:
    """40s, 5m, 8760h: in the largest unit that divides it."""
    for unit, length in (("h", 3600), ("m", 60)):
        if seconds and seconds % length == 0:
            return f"{seconds / length:g}{unit}"
    return f"{seconds:g}s"


def controller_flags(arguments: argparse.Namespace) -> dict[str, Any]:
    """Those flags of `add_controllers` that were given."""
    return _given(arguments, "controllers__")


def _given(arguments: argparse.Namespace, prefix: str) -> dict[str, Any]:
    return {
        key.removeprefix(prefix): value
        for key, value in vars(arguments).items()
        if key.startswith(prefix) and value is not None
    }


KUBELET_FLAGS: dict[str, Callable[[str], Any]] = {
    "node_status_update_frequency": duration,
    "image_gc_high_threshold": percentage,
    "image_gc_low_threshold": percentage,
    "max_pods": count,
    "container_log_max_size": size,
    "container_log_max_files": count,
}
"""The kubelet's flags that `up` and `node` pass on, with their forms."""


def add_kubelet(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("nodes (the kubelet's names and defaults)")
    for name, form in KUBELET_FLAGS.items():
        group.add_argument("--" + name.replace("_", "-"), dest="kubelet__" + name, type=form, metavar="VALUE")


def kubelet_flags(arguments: argparse.Namespace) -> dict[str, Any]:
    return _given(arguments, "kubelet__")
