"""Bodies, patches, queries and byte streams that no sound client sends, as lists that tests go through."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

from pybernetes.api import protobuf

DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "labels": {"app": "web"}, "annotations": {"a": "b"}},
    "spec": {
        "replicas": 2,
        "selector": {"matchLabels": {"app": "web"}},
        "strategy": {"rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 1}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {
                "containers": [
                    {
                        "name": "c",
                        "image": "i",
                        "resources": {"limits": {"cpu": "1", "memory": "1Gi"}},
                        "ports": [{"containerPort": 80, "protocol": "TCP"}],
                    }
                ]
            },
        },
    },
}
DEEP = 10_000
_NESTS = ('{"a":', "[", '[{"a":')
_TAILS = {'{"a":': "}", "[": "]", '[{"a":': "}]"}


def truncated(data: bytes, step: int) -> Iterator[bytes]:
    """Beginnings of a body."""
    for end in range(1, len(data), step):
        yield data[:end]


def mutated(data: bytes, count: int, seed: int = 1) -> Iterator[bytes]:
    """The body with some bytes changed, dropped or doubled; always the same for a seed."""
    dice = random.Random(seed)
    for _ in range(count):
        broken = bytearray(data)
        for _ in range(dice.randint(1, 4)):
            at = dice.randrange(len(broken))
            what = dice.random()
            if what < 0.5:
                broken[at] = dice.randrange(256)
            elif what < 0.75:
                del broken[at : at + dice.randint(1, 8)]
            else:
                broken[at:at] = broken[at : at + dice.randint(1, 8)]
            if not broken:
                broken = bytearray(b"x")
        yield bytes(broken)


def nested(depth: int = DEEP) -> Iterator[bytes]:
    """Values that are nested deeply, closed and open, in places that have a type and in places that have none."""
    for start in _NESTS:
        for end in ("", _TAILS[start] * depth):
            deep = start * depth + ("1" if end else "") + end
            yield deep.encode()
            yield f'{{"metadata":{deep}}}'.encode()
            yield f'{{"metadata":{{"name":"x","annotations":{deep}}}}}'.encode()
            yield f'{{"metadata":{{"name":"x"}},"revision":1,"data":{deep}}}'.encode()
            yield f'{{"metadata":{{"name":"x"}},"spec":{{"template":{deep}}}}}'.encode()
            yield f'{{"metadata":{{"name":"x","managedFields":[{{"fieldsV1":{deep}}}]}}}}'.encode()


def odd_json() -> Iterator[bytes]:
    """Whole bodies that JSON, or Kubernetes, does not know."""
    yield from (
        b"",
        b" ",
        b"\x00",
        b"null",
        b"true",
        b'""',
        b"0",
        b"[]",
        b"{}",
        b"{}{}",
        b"{},",
        b"\xef\xbb\xbf{}",
    )
    values = (
        b"NaN",
        b"Infinity",
        b"-Infinity",
        b"1e400",
        b"-1e400",
        b"1" * 400,
        b"-" + b"9" * 30,
        b"1.5",
        b"0x10",
        b"01",
        b'"\xff\xfe"',
        b'"\\ud800"',
        b'"\\udc00\\ud800"',
        b'"\\u0000"',
        b'"\x01"',
        b'"' + b"a" * 200_000 + b'"',
        b"[[[]]]",
        b"{}",
        b"null",
        b"true",
        b'{"":""}',
        b'{"a":{"a":{"a":{}}}}',
    )
    places = (
        b'{"metadata":%s}',
        b'{"metadata":{"name":%s}}',
        b'{"metadata":{"generateName":%s}}',
        b'{"metadata":{"name":"x","labels":%s}}',
        b'{"metadata":{"name":"x","labels":{"a":%s}}}',
        b'{"metadata":{"name":"x","annotations":{"a":%s}}}',
        b'{"metadata":{"name":"x","ownerReferences":%s}}',
        b'{"metadata":{"name":"x","ownerReferences":[%s]}}',
        b'{"metadata":{"name":"x","finalizers":[%s]}}',
        b'{"metadata":{"name":"x","managedFields":[%s]}}',
        b'{"metadata":{"name":"x","managedFields":[{"manager":"a","operation":"Apply","fieldsV1":%s}]}}',
        b'{"metadata":{"name":"x","creationTimestamp":%s}}',
        b'{"metadata":{"name":"x","resourceVersion":%s}}',
        b'{"metadata":{"name":"x","uid":%s}}',
        b'{"metadata":{"name":"x","deletionGracePeriodSeconds":%s}}',
        b'{"metadata":{"name":"x"},"spec":%s}',
        b'{"metadata":{"name":"x"},"spec":{"replicas":%s}}',
        b'{"metadata":{"name":"x"},"spec":{"selector":%s}}',
        b'{"metadata":{"name":"x"},"spec":{"template":%s}}',
        b'{"metadata":{"name":"x"},"spec":{"template":{"spec":%s}}}',
        b'{"metadata":{"name":"x"},"spec":{"template":{"spec":{"containers":%s}}}}',
        b'{"metadata":{"name":"x"},"spec":{"template":{"spec":{"containers":[%s]}}}}',
        b'{"metadata":{"name":"x"},"spec":{"ports":%s}}',
        b'{"metadata":{"name":"x"},"spec":{"clusterIPs":[%s]}}',
        b'{"metadata":{"name":"x"},"data":%s}',
        b'{"metadata":{"name":"x"},"data":{"a":%s}}',
        b'{"metadata":{"name":"x"},"binaryData":{"a":%s}}',
        b'{"metadata":{"name":"x"},"subsets":[%s]}',
        b'{"metadata":{"name":"x"},"rules":[%s]}',
        b'{"metadata":{"name":"x"},"webhooks":[%s]}',
        b'{"apiVersion":%s}',
        b'{"kind":%s}',
        b"{%s:1}",
        b'{"a":1,"a":%s}',
    )
    for place in places:
        for value in values:
            yield place % value


def odd_yaml() -> Iterator[bytes]:
    laughs = [b"a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    for number in range(1, 12):
        laughs.append(b"a%d: &a%d [%s]" % (number, number, b", ".join([b"*a%d" % (number - 1)] * 10)))
    yield b"\n".join(laughs)
    yield from (
        b"&a [*a]",
        b"a: &a {b: *a}",
        b"*unknown",
        b"a: [",
        b"? {a: b}\n: c",
        b"a: !!python/object/apply:os.system [id]",
        b"!!binary x",
        b"a: .nan",
        b"- a",
        b"--- a\n--- b",
        b"\t",
        b"%YAML 9.9\n---\na",
        b"a: 1\na: 2",
        b"<<: 1",
        b"\x00",
        b"\xff\xfe",
        b"[" * 100_000,
        b"{a: " * 100_000,
        b"- " * 100_000,
        b"a: '" + b"x" * 100_000,
        b"a: 1\n" * 5_000,
        b"metadata: {name: 2001-01-01}",
        b"metadata: {name: 12:30:45}",
        b"metadata: {name: y}",
    )


def odd_protobuf() -> Iterator[bytes]:
    good = protobuf.encode(DEPLOYMENT)
    yield from truncated(good, 7)
    yield from mutated(good, 200)
    yield from (
        b"k8s\x00",
        b"k8s\x01" + good[4:],
        good[4:],
        b"k8s\x00" + b"\xff" * 100,
        b"k8s\x00" + b"\x0a" + b"\xff\xff\xff\xff\x0f",
        b"k8s\x00" + b"\x0b" * 100_000,
        b"k8s\x00" + b"\x12\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01",
        good + b"\x00",
        good + good,
    )


def odd_json_patches() -> Iterator[Any]:
    operations = ("add", "remove", "replace", "move", "copy", "test", "none", "", None, 1, {}, [])
    paths = (
        "",
        "/",
        "//",
        "data",
        "/data",
        "/data/",
        "/data/~",
        "/data/~2",
        "/metadata",
        "/metadata/name",
        "/metadata/resourceVersion",
        "/metadata/managedFields/0/fieldsV1",
        "/metadata/managedFields/-",
        "/metadata/managedFields/-1",
        "/metadata/managedFields/01",
        "/metadata/managedFields/99999999999999999999",
        "/metadata/managedFields/²",
        "/nothing/at/all",
        "/apiVersion",
        None,
        1,
        {},
    )
    values: tuple[Any, ...] = (None, 1, "a", [], {}, [[]], {"a": None})
    for operation in operations:
        for number, path in enumerate(paths):
            yield [{"op": operation, "path": path, "from": "/data", "value": values[number % len(values)]}]
    yield from ([], [[]], [1], ["a"], [None], {}, None, 1)
    yield [{"op": "copy", "from": "", "path": "/data/a"}] * 40
    yield [{"op": "add", "path": "/data/x", "value": "1"}] * 10_001


def odd_merge_patches() -> Iterator[Any]:
    odd: tuple[Any, ...] = (None, 1, "a", [], [None], [[1]], {}, {"a": 1}, {"$patch": "delete"})
    for value in odd:
        yield value
        for path in (
            ("metadata",),
            ("metadata", "name"),
            ("metadata", "labels"),
            ("metadata", "finalizers"),
            ("metadata", "ownerReferences"),
            ("metadata", "managedFields"),
            ("metadata", "resourceVersion"),
            ("spec",),
            ("spec", "replicas"),
            ("spec", "selector"),
            ("spec", "template", "spec"),
            ("spec", "template", "spec", "containers"),
            ("apiVersion",),
            ("kind",),
        ):
            patch: Any = value
            for step in reversed(path):
                patch = {step: patch}
            yield patch


def odd_directives() -> Iterator[Any]:
    """Strategic merge patches whose directives are not what they should be."""
    odd: tuple[Any, ...] = (None, 1, "a", "merge", "replace", "delete", [], ["a"], [1], [{}], {}, {"a": 1})
    containers = "$setElementOrder/containers"
    for value in odd:
        yield {"$patch": value}
        yield {"spec": {"$patch": value}}
        yield {"spec": {"strategy": {"$retainKeys": value, "type": "Recreate"}}}
        yield {"spec": {"template": {"spec": {containers: value}}}}
        yield {"spec": {"template": {"spec": {containers: value, "containers": [{"name": "d"}]}}}}
        yield {"spec": {"template": {"spec": {"containers": [{"$patch": value, "name": "c"}]}}}}
        yield {"spec": {"template": {"spec": {"containers": [{"name": value}]}}}}
        yield {"spec": {"template": {"spec": {"containers": value}}}}
        yield {"metadata": {"$deleteFromPrimitiveList/finalizers": value}}
        yield {"metadata": {"$setElementOrder/finalizers": value, "finalizers": ["a/b"]}}
        yield {"metadata": {"labels": {"$patch": value, "a": "b"}}}


def odd_configurations() -> Iterator[Any]:
    """What is sent to be applied."""
    named = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}}
    yield from (None, [], 1, "a", {}, {"metadata": None}, named)
    for value in (None, 1, "a", [], [None], {}, {"a": {}}):
        yield {**named, "spec": value}
        yield {**named, "metadata": {"name": "web", "managedFields": value}}
        yield {**named, "spec": {"template": {"spec": {"containers": value}}}}
        yield {**named, "spec": {"template": {"spec": {"containers": [value]}}}}
        yield {**named, "spec": {"template": {"spec": {"containers": [{"name": value, "ports": [value]}]}}}}
        yield {**named, "unknown": value}
    twice = [{"name": "c", "image": "i"}, {"name": "c", "image": "j"}]
    yield {**named, "spec": {"template": {"spec": {"containers": twice}}}}


QUERIES = (
    "limit=x",
    "limit=-1",
    "limit=99999999999999999999",
    "limit=1&continue=x",
    "continue=%7B%7D",
    "continue=e30",
    "continue=bnVsbA",
    "continue=eyJ2IjoibWV0YS5rOHMuaW8vdjEifQ",
    "continue=eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6IngiLCJzdGFydCI6MX0",
    "continue=eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6LTUsInN0YXJ0IjoiYSJ9",
    "continue=eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6OTk5OTk5OTk5OTk5LCJzdGFydCI6ImEifQ",
    "continue=" + "A" * 5000,
    "continue=%FF%FE",
    "resourceVersion=x",
    "resourceVersion=-1",
    "resourceVersion=1.5",
    "resourceVersion=%C2%B2",
    "resourceVersion=99999999999999999999999",
    "resourceVersionMatch=Exact",
    "resourceVersionMatch=Never&resourceVersion=1",
    "resourceVersionMatch=Exact&resourceVersion=0",
    "labelSelector=a+in",
    "labelSelector=a+in+(",
    "labelSelector=a+in+()+b",
    "labelSelector=!",
    "labelSelector=%2C%2C",
    "labelSelector=a%3D%3D%3Db",
    "labelSelector=a+gt+b",
    "labelSelector=%00",
    "labelSelector=%FF",
    "labelSelector=" + "a%2C" * 3000,
    "labelSelector=a+in+(" + "(" * 1000,
    "fieldSelector=a",
    "fieldSelector=a%3D%3D%3Db",
    "fieldSelector=metadata.name",
    "fieldSelector=metadata.name%3D%5C",
    "fieldSelector=status.none%3Da",
    "fieldSelector=%00%3D%00",
    "timeoutSeconds=x",
    "watch=1&timeoutSeconds=1&resourceVersion=x",
    "watch=1&timeoutSeconds=1&resourceVersionMatch=Exact",
    "watch=1&timeoutSeconds=1&sendInitialEvents=1",
    "sendInitialEvents=true",
    "%",
    "%zz=%zz",
    "&&&===;;;",
    "a" * 20_000,
)
"""Of a list; none may be answered with a 5xx, and most with a 400."""

STREAMS: tuple[bytes, ...] = (
    b"\r\n\r\n",
    b"GET\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET /\r\n\r\n",
    b"BREW / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /\x00 HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /%zz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    b"GET / HTTP/1.1\r\nBad Header\r\n\r\n",
    b"GET / HTTP/1.1\r\nA: \x00\r\n\r\n",
    b"GET / HTTP/1.1\r\n: empty\r\n\r\n",
    b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nA: " + b"a" * 100_000 + b"\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 20_000 + b"\r\n",
    b"POST %s HTTP/1.1\r\nContent-Length: -1\r\n\r\n{}",
    b"POST %s HTTP/1.1\r\nContent-Length: x\r\n\r\n{}",
    b"POST %s HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n{}",
    b"POST %s HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    b"POST %s HTTP/1.1\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST %s HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n{}",
    b"POST %s HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    b"POST %s HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n",
    b"POST %s HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}XX0\r\n\r\n",
    b"POST %s HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n{}",
    b"POST %s HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2;" + b"x" * 100_000 + b"\r\n{}\r\n0\r\n\r\n",
    b"POST %s HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\n{\r\n" * 20_000 + b"0\r\n\r\n",
    b"POST %s HTTP/1.1\r\nContent-Length: 2\r\nContent-Encoding: gzip\r\n\r\n{}",
    b"POST %s HTTP/1.1\r\nExpect: the-unexpected\r\nContent-Length: 2\r\n\r\n{}",
    b"GET %s?watch=1 HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    b"GET %s?watch=1 HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: x\r\n\r\n",
    b"GET /api/v1/namespaces/default/pods/x/exec HTTP/1.1\r\nUpgrade: nonsense\r\nConnection: Upgrade\r\n\r\n",
    b"GET /api/v1/namespaces/default/pods/x/log?tailLines=x&sinceSeconds=-1&limitBytes=0 HTTP/1.1\r\n\r\n",
)
"""Bytes on a connection; `%s` is a collection's path. `Authorization` is put in before the last line of a head."""

CONTENT_TYPES = (
    "text/plain",
    "application/xml",
    "multipart/form-data; boundary=x",
    "application/x-www-form-urlencoded",
    "nonsense",
    "/",
    ";",
    "application/",
    "application/json; charset=latin-1",
    "application/json-patch+json",
    "application/cbor",
    "a" * 5000,
)


def encoded(value: Any) -> bytes:
    return json.dumps(value).encode()
