"""The query and path parameters of operations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pybernetes.api.openapi.schemas import V3

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter; `{kind}` in the description stands for the kind."""

    name: str
    description: str
    type: str = "string"
    place: str = "query"
    required: bool = False

    def definition(self, version: int, kind: str = "") -> Object:
        result: Object = {
            "name": self.name,
            "in": self.place,
            "description": self.description.replace("{kind}", kind),
        }
        if self.required:
            result["required"] = True
        if version == V3:
            result["schema"] = {"type": self.type, "uniqueItems": True}
        else:
            result["type"] = self.type
            result["uniqueItems"] = True
        return result


PATH_PARAMETERS = {
    "name": Parameter("name", "name of the {kind}", place="path", required=True),
    "namespace": Parameter(
        "namespace", "object name and auth scope, such as for teams and projects", place="path", required=True
    ),
    "pretty": Parameter("pretty", "If 'true', the answer is indented for people to read."),
}

_DRY_RUN = Parameter(
    "dryRun",
    "When present, nothing is stored. The only valid value is 'All': every stage of the request is run.",
)
_FIELD_MANAGER = Parameter(
    "fieldManager",
    "The name of the actor that makes these changes: at most 128 printable characters.",
)
_FIELD_VALIDATION = Parameter(
    "fieldValidation",
    "What is done about unknown and duplicate fields: 'Ignore' drops them, 'Warn' drops them and warns (the "
    "default), 'Strict' refuses the request.",
)

WRITE_PARAMETERS = (_DRY_RUN, _FIELD_MANAGER, _FIELD_VALIDATION)
PATCH_PARAMETERS = (
    *WRITE_PARAMETERS,
    Parameter("force", "Takes over fields that other managers own; only for apply patches.", "boolean"),
)
DELETE_PARAMETERS = (
    _DRY_RUN,
    Parameter(
        "gracePeriodSeconds",
        "Seconds until the object is deleted; 0 is at once. By default the kind's own time.",
        "integer",
    ),
    Parameter(
        "ignoreStoreReadErrorWithClusterBreakingPotential",
        "Deletes an object that cannot be read from storage, without its finalizers and preconditions.",
        "boolean",
    ),
    Parameter("orphanDependents", "Deprecated: use propagationPolicy.", "boolean"),
    Parameter(
        "propagationPolicy",
        "What becomes of dependents: 'Orphan', 'Background' or 'Foreground'.",
    ),
)
LIST_PARAMETERS = (
    Parameter("allowWatchBookmarks", "Asks for events of type BOOKMARK in a watch.", "boolean"),
    Parameter("continue", "The token of an earlier answer: asks for the next page."),
    Parameter("fieldSelector", "Restricts the answer to objects with these fields."),
    Parameter("labelSelector", "Restricts the answer to objects with these labels."),
    Parameter("limit", "The most objects in one page.", "integer"),
    Parameter("resourceVersion", "The state that the answer has to be of."),
    Parameter("resourceVersionMatch", "How resourceVersion is meant in a list: 'Exact' or 'NotOlderThan'."),
    Parameter(
        "sendInitialEvents",
        "Begins a watch with the objects that there are, followed by a bookmark.",
        "boolean",
    ),
    Parameter("timeoutSeconds", "Ends the call after so long, whatever it was doing.", "integer"),
    Parameter("watch", "Answers changes as a stream of events instead of a list.", "boolean"),
)

SELECTION_PARAMETERS = tuple(
    one for one in LIST_PARAMETERS if one.name not in ("allowWatchBookmarks", "watch")
)
"""Which objects a deletion of many is about."""

_STREAMS = (
    Parameter("stderr", "Redirects the standard error stream of the container.", "boolean"),
    Parameter("stdin", "Redirects the standard input stream of the container.", "boolean"),
    Parameter("stdout", "Redirects the standard output stream of the container.", "boolean"),
    Parameter("tty", "Whether a TTY is used for the process.", "boolean"),
)
_CONTAINER = Parameter("container", "The container; by default the only one of the pod.")

CONNECT_PARAMETERS: dict[str, tuple[Parameter, ...]] = {
    "attach": (_CONTAINER, *_STREAMS),
    "exec": (Parameter("command", "The command to run, with its arguments."), _CONTAINER, *_STREAMS),
    "log": (
        _CONTAINER,
        Parameter("follow", "Follows the log.", "boolean"),
        Parameter("insecureSkipTLSVerifyBackend", "Trusts any certificate of the kubelet.", "boolean"),
        Parameter("limitBytes", "The most bytes to read.", "integer"),
        Parameter("previous", "The log of the container's previous run.", "boolean"),
        Parameter("sinceSeconds", "Only what is not older than so many seconds.", "integer"),
        Parameter("stream", "Which stream: 'All', 'Stdout' or 'Stderr'."),
        Parameter("tailLines", "The number of lines from the end.", "integer"),
        Parameter("timestamps", "Puts the time in front of every line.", "boolean"),
    ),
    "portforward": (Parameter("ports", "The ports to forward.", "integer"),),
    "proxy": (Parameter("path", "The URL path to ask for."),),
}
