"""Real nft takes every transaction, and many of them lead to the same table as writing it anew."""

from __future__ import annotations

import asyncio
import json
import random
from typing import Any

import pytest
from namespaces import World, run

from pybernetes.network.nft import Nft
from pybernetes.network.services.delta import Services
from pybernetes.network.services.model import NOTHING, Place, Wanted, desired
from pybernetes.semantics.services import SERVICE_NAME

PLACE = Place("n1", "", 4, ("192.0.2.11",), ("10.244.0.0/16",), ("10.96.0.0/16",), ("10.96.0.10",))
TABLE = ("ip", "pybernetes-services")


def wanted(number: int, choose: random.Random) -> Wanted:
    if choose.random() < 0.15:
        return NOTHING
    kind = choose.choice(("ClusterIP", "NodePort", "LoadBalancer"))
    spec: dict[str, Any] = {
        "type": kind,
        "clusterIP": f"10.96.1.{number}",
        "ports": [{"port": 80, "protocol": choose.choice(("TCP", "UDP"))}],
    }
    if kind != "ClusterIP":
        spec["ports"][0]["nodePort"] = 30000 + number
        spec["externalTrafficPolicy"] = choose.choice(("Cluster", "Local"))
    if choose.random() < 0.3:
        spec["sessionAffinity"] = "ClientIP"
    if kind == "LoadBalancer" and choose.random() < 0.5:
        spec["loadBalancerSourceRanges"] = ["10.0.0.0/8", "192.0.2.0/24"]
    if choose.random() < 0.2:
        spec["externalIPs"] = ["203.0.113.5"]
    ingress = [{"ip": f"198.51.100.{number}"}] if kind == "LoadBalancer" else []
    members = choose.sample(range(2, 40), choose.randint(0, 12))
    piece = {
        "metadata": {"name": "x", "labels": {SERVICE_NAME: "x"}},
        "addressType": "IPv4",
        "ports": [{"name": "", "port": 8080, "protocol": spec["ports"][0]["protocol"]}],
        "endpoints": [
            {"addresses": [f"10.244.{one % 3}.{one}"], "nodeName": f"n{one % 3}"} for one in members
        ],
    }
    service = {
        "metadata": {"name": f"s{number}", "namespace": "default"},
        "spec": spec,
        "status": {"loadBalancer": {"ingress": ingress}},
    }
    return desired(service, [piece], PLACE)


def listed() -> dict[str, list[str]]:
    """Everything in the table, by kind, without the kernel's numbers and its order."""
    found: dict[str, list[str]] = {}
    for entry in json.loads(run("nft", "-j", "list", "table", *TABLE))["nftables"]:
        ((kind, content),) = entry.items()
        content.pop("handle", None)
        if "elem" in content:
            content["elem"] = sorted(json.dumps(one) for one in content["elem"])
        found.setdefault(kind, []).append(json.dumps(content, sort_keys=True))
    # Rules have an order, but only within their chain.
    return {
        kind: sorted(texts, key=lambda text: json.loads(text).get("chain", ""))
        if kind == "rule"
        else sorted(texts)
        for kind, texts in found.items()
    }


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_transactions_lead_to_the_table_written_anew(world: World, seed: int) -> None:
    choose = random.Random(seed)
    services, nft = Services(PLACE), Nft()
    await nft.apply(TABLE, services.full())
    for _ in range(25):
        changed = {f"default/s{n}": wanted(n, choose) for n in choose.sample(range(1, 12), 3)}
        text, _ = services.update(changed)
        if text:
            await nft.apply(TABLE, text)
    by_steps = listed()
    await nft.apply(TABLE, services.full())
    assert by_steps == listed()
    await asyncio.to_thread(run, "nft", "delete", "table", *TABLE)
