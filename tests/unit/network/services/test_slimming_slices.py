"""A node keeps little of a slice."""

from pybernetes.network.services.slimming import EndpointSliceSlimmer


def test_endpoints_keep_what_the_node_needs_and_share_the_rest() -> None:
    ready = {"ready": True, "serving": True, "terminating": False}
    slice_ = {
        "metadata": {
            "name": "a",
            "namespace": "default",
            "labels": {"kubernetes.io/service-name": "a"},
            "annotations": {"x": "y"},
            "resourceVersion": "7",
            "ownerReferences": [{"uid": "1"}],
        },
        "addressType": "IPv4",
        "ports": [{"port": 80}],
        "endpoints": [
            {
                "addresses": [f"10.0.0.{number}"],
                "nodeName": "n1",
                "conditions": dict(ready),
                "hostname": "db-0",
                "hints": {"forZones": [{"name": "z"}]},
                "targetRef": {"kind": "Pod", "name": "p", "uid": "u"},
                "zone": "z",
            }
            for number in (1, 2)
        ],
    }
    kept = EndpointSliceSlimmer().slim(slice_, None)
    assert kept["metadata"].keys() == {"name", "namespace", "labels", "resourceVersion"}
    assert kept["ports"] == [{"port": 80}]
    first, second = kept["endpoints"]
    assert first == {
        "addresses": ["10.0.0.1"],
        "nodeName": "n1",
        "conditions": ready,
        "hostname": "db-0",
        "hints": {"forZones": [{"name": "z"}]},
    }
    assert first["conditions"] is second["conditions"]
