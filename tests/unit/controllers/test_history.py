"""ControllerRevisions as values."""

from __future__ import annotations

import json

from pybernetes.controllers.history import data_of, template_of


def test_a_revisions_data_is_in_the_one_order_that_clients_compare_bytes_in():
    container = {"name": "c", "image": "x", "env": [{"value": "1", "name": "A"}], "args": ["b", "a"]}
    template = {"spec": {"restartPolicy": "Always", "containers": [container]}, "metadata": {"labels": {}}}
    data = data_of(template)
    assert json.dumps(data) == json.dumps(data, sort_keys=True)
    assert template_of({"data": data}) == {"metadata": {}, "spec": template["spec"]}
