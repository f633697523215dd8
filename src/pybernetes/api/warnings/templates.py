"""Kinds that carry a pod template."""

from __future__ import annotations

from typing import Any

from pybernetes.api.fields import ROOT, FieldPath
from pybernetes.api.names import is_dns1123_label
from pybernetes.api.warnings.pods import of_spec

Object = dict[str, Any]


def _of_template(template: Object | None, path: FieldPath) -> list[str]:
    if not template:
        return []
    annotations = (template.get("metadata") or {}).get("annotations") or {}
    return of_spec(template.get("spec") or {}, annotations, path)


def _of_name(new: Object, old: Object | None) -> list[str]:
    """The names of pods begin with that of a new workload."""
    wrong = is_dns1123_label(new["metadata"].get("name") or "") if old is None else []
    if not wrong:
        return []
    return [
        "metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label "
        f"is recommended: [{' '.join(wrong)}]"
    ]


def _unchanged(new: Object, old: Object | None) -> bool:
    return old is not None and new["metadata"].get("generation") == old["metadata"].get("generation")


def pod_template(new: Object, old: Object | None) -> list[str]:
    return _of_template(new.get("template"), ROOT.child("template"))


def workload(new: Object, old: Object | None) -> list[str]:
    """With `spec.template`."""
    if _unchanged(new, old):
        return []
    return _of_template((new.get("spec") or {}).get("template"), ROOT.child("spec", "template"))


def stateful_set(new: Object, old: Object | None) -> list[str]:
    """As `workload`; its history may be endless."""
    found = workload(new, old)
    if ((new.get("spec") or {}).get("revisionHistoryLimit") or 0) < 0:
        why = "a negative value retains all historical revisions; a value >= 0 is recommended"
        found.append(f"spec.revisionHistoryLimit: {why}")
    return found


def controller(new: Object, old: Object | None) -> list[str]:
    """As `workload`, whose pods are named after it."""
    return _of_name(new, old) + workload(new, old)


def replication_controller(new: Object, old: Object | None) -> list[str]:
    """As `controller`, only that upstream looks at the former template when one changes."""
    return _of_name(new, old) + ([] if _unchanged(new, old) else workload(old or new, None))


def cron_job(new: Object, old: Object | None) -> list[str]:
    job = (new.get("spec") or {}).get("jobTemplate") or {}
    path = ROOT.child("spec", "jobTemplate", "spec", "template")
    template = [] if _unchanged(new, old) else _of_template((job.get("spec") or {}).get("template"), path)
    return _of_name(new, old) + template
