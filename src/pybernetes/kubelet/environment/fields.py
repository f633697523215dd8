"""fieldRef and resourceFieldRef: parts of a pod as text, for variables and downwardAPI files.

Source: https://kubernetes.io/docs/concepts/workloads/pods/downward-api/
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from pybernetes.api import quantity
from pybernetes.kubelet.machine.model import Object
from pybernetes.semantics.pods import containers_of

_SUBSCRIPT = re.compile(r"^metadata\.(labels|annotations)\['(.*)'\]$")


class FieldUnknown(Exception):
    """The path names nothing that may be asked for."""


def _quoted(values: Mapping[str, str]) -> str:
    import msgspec

    return "\n".join(f"{name}={msgspec.json.encode(values[name]).decode()}" for name in sorted(values))


def pod_field(pod: Object, path: str, *, ips: tuple[str, ...], host_ips: tuple[str, ...]) -> str:
    """The text of a fieldPath; addresses come from the node, which knows them before the API does."""
    meta, spec = pod["metadata"], pod["spec"]
    subscript = _SUBSCRIPT.match(path)
    if subscript:
        return str((meta.get(subscript.group(1)) or {}).get(subscript.group(2), ""))
    match path:
        case "metadata.name" | "metadata.namespace" | "metadata.uid":
            return str(meta.get(path.removeprefix("metadata."), ""))
        case "metadata.labels" | "metadata.annotations":
            return _quoted(meta.get(path.removeprefix("metadata.")) or {})
        case "spec.nodeName":
            return str(spec.get("nodeName", ""))
        case "spec.serviceAccountName":
            return str(spec.get("serviceAccountName", "default"))
        case "status.hostIP":
            return host_ips[0] if host_ips else ""
        case "status.hostIPs":
            return ",".join(host_ips)
        case "status.podIP":
            return ips[0] if ips else ""
        case "status.podIPs":
            return ",".join(ips)
    raise FieldUnknown(f"unsupported fieldPath: {path}")


def resource_field(
    pod: Object, reference: Object, default_container: str, allocatable: Mapping[str, int]
) -> str:
    """A container's request or limit in units of the divisor, rounded up; without a limit, the node's share.

    `allocatable` has cpu in thousandths and memory and ephemeral-storage in bytes.
    """
    name = reference.get("containerName") or default_container
    spec = pod["spec"]
    everyone = containers_of(spec)
    container = next((one for one in everyone if one["name"] == name), None)
    if container is None:
        raise FieldUnknown(f"container {name} not found")
    which, _, resource = str(reference["resource"]).partition(".")
    stated = ((container.get("resources") or {}).get(which) or {}).get(resource)
    if stated is None and which == "limits":
        amount = allocatable.get(resource, 0)
        nanos = amount * quantity.NANO // (1000 if resource == "cpu" else 1)
    else:
        nanos = quantity.nano_value(stated) if stated is not None else 0
    divisor = quantity.nano_value(reference.get("divisor") or "1") or quantity.NANO
    return str(-(-nanos // divisor))
