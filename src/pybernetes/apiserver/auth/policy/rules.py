"""A short way to write a PolicyRule down. Groups, resources and verbs are words with spaces between."""

from __future__ import annotations

Rule = dict[str, list[str]]

READ = "get list watch"
WRITE = "create delete deletecollection patch update"
ALL = "create delete deletecollection get list patch update watch"


def rule(verbs: str, groups: str, resources: str, names: str = "") -> Rule:
    """A rule on resources; `core` is the group without a name."""
    made = {
        "verbs": verbs.split(),
        "apiGroups": ["" if group == "core" else group for group in groups.split()],
        "resources": resources.split(),
    }
    if names:
        made["resourceNames"] = names.split()
    return made


def urls(verbs: str, paths: str) -> Rule:
    """A rule on paths that are no resources, such as /healthz."""
    return {"verbs": verbs.split(), "nonResourceURLs": paths.split()}


EVENTS = rule("create patch update", "core events.k8s.io", "events")
"""Every component may say what happened."""
