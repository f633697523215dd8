"""A container's environment: envFrom, then env with references expanded, then the services' variables.

Pure: the objects that are referred to come in as a look-up. Source:
https://kubernetes.io/docs/tasks/inject-data-application/define-environment-variable-container/
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Mapping

from pybernetes.kubelet.environment.expansion import expand
from pybernetes.kubelet.environment.fields import FieldUnknown, pod_field, resource_field
from pybernetes.kubelet.machine.model import Object

Lookup = Callable[[str, str], Object | None]
"""`("configmap" | "secret", name)` -> the object, None when there is none."""


class ConfigurationMissing(Exception):
    """Something that the container's environment refers to is not there: CreateContainerConfigError."""


def references(container: Object) -> set[tuple[str, str]]:
    """What `build` will look up: ("configmap", name) or ("secret", name)."""
    found = set()
    for source in container.get("envFrom") or ():
        for field, kind in (("configMapRef", "configmap"), ("secretRef", "secret")):
            if source.get(field):
                found.add((kind, source[field]["name"]))
    for variable in container.get("env") or ():
        value = variable.get("valueFrom") or {}
        for field, kind in (("configMapKeyRef", "configmap"), ("secretKeyRef", "secret")):
            if value.get(field):
                found.add((kind, value[field]["name"]))
    return found


def data_of(kind: str, obj: Object) -> dict[str, bytes]:
    """The payload of a config map or secret, as bytes."""
    if kind == "secret":
        return {key: base64.b64decode(value or "") for key, value in (obj.get("data") or {}).items()}
    data = {key: str(value).encode() for key, value in (obj.get("data") or {}).items()}
    data.update({key: base64.b64decode(value) for key, value in (obj.get("binaryData") or {}).items()})
    return data


def build(
    pod: Object,
    container: Object,
    lookup: Lookup,
    services: Iterable[Object],
    *,
    ips: tuple[str, ...],
    host_ips: tuple[str, ...],
    allocatable: Mapping[str, int],
) -> dict[str, str]:
    """Name -> value. Raises ConfigurationMissing with upstream's words."""
    service_variables = service_environment(pod, services)
    result: dict[str, str] = {}
    for source in container.get("envFrom") or ():
        for field, kind in (("configMapRef", "configmap"), ("secretRef", "secret")):
            if source.get(field):
                result.update(_all_keys(source[field], kind, source.get("prefix") or "", lookup))
    known = dict(service_variables)
    known.update(result)
    for variable in container.get("env") or ():
        name = variable["name"]
        if variable.get("valueFrom"):
            value = _value_from(pod, container, variable["valueFrom"], lookup, ips, host_ips, allocatable)
            if value is None:
                continue
        else:
            value = expand(str(variable.get("value") or ""), known)
        known[name] = result[name] = value
    return {**service_variables, **result}


def _all_keys(reference: Object, kind: str, prefix: str, lookup: Lookup) -> dict[str, str]:
    obj = lookup(kind, reference["name"])
    if obj is None:
        if reference.get("optional"):
            return {}
        raise ConfigurationMissing(f'{kind} "{reference["name"]}" not found')
    return {prefix + key: value.decode(errors="surrogateescape") for key, value in data_of(kind, obj).items()}


def _value_from(
    pod: Object,
    container: Object,
    source: Object,
    lookup: Lookup,
    ips: tuple[str, ...],
    host_ips: tuple[str, ...],
    allocatable: Mapping[str, int],
) -> str | None:
    try:
        if source.get("fieldRef"):
            return pod_field(pod, source["fieldRef"]["fieldPath"], ips=ips, host_ips=host_ips)
        if source.get("resourceFieldRef"):
            return resource_field(pod, source["resourceFieldRef"], container["name"], allocatable)
    except FieldUnknown as error:
        raise ConfigurationMissing(str(error)) from error
    for field, kind, word in (
        ("configMapKeyRef", "configmap", "ConfigMap"),
        ("secretKeyRef", "secret", "Secret"),
    ):
        reference = source.get(field)
        if not reference:
            continue
        obj = lookup(kind, reference["name"])
        if obj is None:
            if reference.get("optional"):
                return None
            raise ConfigurationMissing(f'{kind} "{reference["name"]}" not found')
        data = data_of(kind, obj)
        if reference["key"] not in data:
            if reference.get("optional"):
                return None
            where = f"{pod['metadata'].get('namespace', 'default')}/{reference['name']}"
            raise ConfigurationMissing(f"couldn't find key {reference['key']} in {word} {where}")
        return data[reference["key"]].decode(errors="surrogateescape")
    return None


def service_environment(pod: Object, services: Iterable[Object]) -> dict[str, str]:
    """`NAME_SERVICE_HOST` and the older Docker links, for the services that the pod's namespace sees."""
    namespace = pod["metadata"].get("namespace", "default")
    links = pod["spec"].get("enableServiceLinks", True)
    chosen: dict[str, Object] = {}
    for service in services:
        meta, address = service["metadata"], service["spec"].get("clusterIP")
        if not address or address == "None" or not service["spec"].get("ports"):
            continue
        if meta.get("namespace") == namespace and links:
            chosen[meta["name"]] = service
        elif meta.get("namespace") == "default" and meta["name"] == "kubernetes":
            chosen.setdefault("kubernetes", service)
    result: dict[str, str] = {}
    for name in sorted(chosen):
        result.update(_service_variables(chosen[name]))
    return result


def _variable(name: str) -> str:
    return name.upper().replace("-", "_").replace(".", "_")


def _service_variables(service: Object) -> dict[str, str]:
    name = _variable(service["metadata"]["name"])
    host, ports = service["spec"]["clusterIP"], service["spec"]["ports"]
    result = {f"{name}_SERVICE_HOST": host, f"{name}_SERVICE_PORT": str(ports[0]["port"])}
    for port in ports:
        if port.get("name"):
            result[f"{name}_SERVICE_PORT_{_variable(port['name'])}"] = str(port["port"])
    shown = f"[{host}]" if ":" in host else host
    for position, port in enumerate(ports):
        protocol = port.get("protocol", "TCP")
        url = f"{protocol.lower()}://{shown}:{port['port']}"
        if position == 0:
            result[f"{name}_PORT"] = url
        prefix = f"{name}_PORT_{port['port']}_{protocol}"
        result[prefix] = url
        result[f"{prefix}_PROTO"] = protocol.lower()
        result[f"{prefix}_PORT"] = str(port["port"])
        result[f"{prefix}_ADDR"] = host
    return result
