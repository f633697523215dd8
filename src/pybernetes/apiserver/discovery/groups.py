"""Discovery documents: the table of resources in, API groups and resource lists out, plain and aggregated.

https://kubernetes.io/docs/concepts/overview/kubernetes-api/#discovery-api
"""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from pybernetes.api.kind import Subresource
from pybernetes.api.kinds import Kind
from pybernetes.apiserver.resources import Resource, Resources

Object = dict[str, Any]


def core_versions(address: str) -> Object:
    """/api"""
    return {
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}],
    }


def group(name: str, versions: list[str], typed: bool = True) -> Object:
    """/apis/GROUP, and an element of /apis."""
    found = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    answer: Object = {"name": name, "versions": found, "preferredVersion": found[0]}
    return {"kind": "APIGroup", "apiVersion": "v1", **answer} if typed else answer


def group_list(resources: Resources) -> Object:
    """/apis"""
    groups = [group(name, versions, typed=False) for name, versions in resources.groups().items() if name]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}


def resource_list(resources: Resources, group_name: str, version: str) -> Object:
    """/api/v1 and /apis/GROUP/VERSION"""
    found: list[Object] = []
    for resource in resources.in_version(group_name, version):
        found.append(_plain(resource))
        found.extend(_plain_subresources(resource))
    group_version = f"{group_name}/{version}" if group_name else version
    answer = {"kind": "APIResourceList", "groupVersion": group_version, "resources": found}
    return {**answer, "apiVersion": "v1"} if group_name else answer


def _plain(resource: Resource) -> Object:
    kind = resource.kind
    found: Object = {
        "name": kind.resource,
        "singularName": kind.singular,
        "namespaced": kind.namespaced,
        "kind": kind.kind,
        "verbs": list(kind.verbs),
    }
    found.update(_further_names(kind))
    if resource.stored:
        found["storageVersionHash"] = _storage_hash(resource)
    return found


def _further_names(kind: Kind) -> dict[str, list[str]]:
    names = {"shortNames": list(kind.short_names), "categories": list(kind.categories)}
    return {field: given for field, given in names.items() if given}


_HASHED_AS = {
    "CustomResourceDefinition": "v1beta1",
    "MutatingAdmissionPolicy": "v1beta1",
    "MutatingAdmissionPolicyBinding": "v1beta1",
}
"""Kinds whose hash upstream still makes from an older version."""


def _storage_hash(resource: Resource) -> str:
    stored = resource.stored_as
    version = _HASHED_AS.get(stored.kind, stored.version)
    digest = hashlib.sha256(f"{stored.group}/{version}/{stored.kind}".encode()).digest()
    return base64.b64encode(digest[:8]).decode()


def _plain_subresources(resource: Resource) -> list[Object]:
    kind = resource.kind
    found: list[Object] = []
    for sub in sorted(kind.subresources, key=lambda one: one.name):
        entry: Object = {
            "name": f"{kind.resource}/{sub.name}",
            "singularName": "",
            "namespaced": kind.namespaced,
        }
        if sub.group:
            entry |= {"group": sub.group, "version": sub.version}
        entry |= {"kind": sub.kind or kind.kind, "verbs": list(sub.verbs)}
        found.append(entry)
    return found


def aggregated(resources: Resources, core: bool) -> Object:
    """/api (core) or /apis with everything in it, as apidiscovery.k8s.io/v2 says it."""
    items = []
    for name, versions in resources.groups().items():
        if bool(name) == core:
            continue
        items.append(
            {
                "metadata": {"name": name} if name else {},
                "versions": [_aggregated_version(resources, name, one) for one in versions],
            }
        )
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": items,
    }


def _aggregated_version(resources: Resources, name: str, version: str) -> Object:
    found = [_aggregated_resource(resource) for resource in resources.in_version(name, version)]
    return {"version": version, "resources": found, "freshness": "Current"}


def _of_own_group(kind: str) -> Object:
    """Group and version are left empty where they are those of the list."""
    return {"group": "", "version": "", "kind": kind}


def _answered_by(kind: Kind, sub: Subresource) -> Object:
    if not sub.kind or (sub.group, sub.version) == (kind.group, kind.version):
        return _of_own_group(sub.kind or kind.kind)
    return {"group": sub.group, "version": sub.version, "kind": sub.kind}


def _aggregated_resource(resource: Resource) -> Object:
    kind = resource.kind
    found: Object = {
        "resource": kind.resource,
        "responseKind": _of_own_group(kind.kind),
        "scope": "Namespaced" if kind.namespaced else "Cluster",
        "singularResource": kind.singular,
        "verbs": list(kind.verbs),
    }
    found.update(_further_names(kind))
    if kind.subresources:
        found["subresources"] = [
            {
                "subresource": sub.name,
                "responseKind": _answered_by(kind, sub),
                "verbs": list(sub.verbs),
            }
            for sub in sorted(kind.subresources, key=lambda one: one.name)
        ]
    return found
