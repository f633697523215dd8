"""The server on real sockets of the loopback interface, with resolvers that the test plays."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import dnslib
import pytest
from informers import HandInformers

from pybernetes.api.kinds import ENDPOINT_SLICES, SERVICES
from pybernetes.lib.clock import RealClock
from pybernetes.network.dns import forward, message
from pybernetes.network.dns.server import DNSServer, Options

Object = dict[str, Any]
WEB = "web.default.svc.cluster.local"


class Upstream(asyncio.DatagramProtocol):
    """A resolver that knows one.example and answers everything else with NXDOMAIN."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.silent = False

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        packet = dnslib.DNSRecord.parse(data)
        name = str(packet.q.qname)
        self.asked.append(name)
        if self.silent:
            return
        answer = packet.reply()
        if name == "one.example.":
            answer.add_answer(*dnslib.RR.fromZone("one.example. 60 A 192.0.2.1"))
        else:
            answer.header.rcode = message.NAME_ERROR
        self.transport.sendto(b"\0\0" + answer.pack()[2:], addr)  # somebody else's answer: ignored
        self.transport.sendto(answer.pack(), addr)


class World:
    def __init__(self, server: DNSServer, informers: HandInformers, upstream: Upstream) -> None:
        self.server, self.upstream = server, upstream
        self.services = informers.informer(SERVICES)
        self.slices = informers.informer(ENDPOINT_SLICES)

    async def ask(self, name: str, kind: str = "A", *, tcp: bool = False, edns: int = 0) -> dnslib.DNSRecord:
        query = dnslib.DNSRecord.question(name, kind)
        if edns:
            query.add_ar(dnslib.EDNS0(udp_len=edns))
        address = ("127.0.0.1", self.server.port)
        async with RealClock().timeout(5):
            exchange = forward._by_tcp if tcp else forward._by_udp
            return dnslib.DNSRecord.parse(await exchange(query.pack(), *address))

    async def addresses(self, name: str, **how: Any) -> list[str]:
        return [str(one.rdata) for one in (await self.ask(name, **how)).rr]


@pytest.fixture
async def world() -> AsyncIterator[World]:
    loop = asyncio.get_running_loop()
    transport, upstream = await loop.create_datagram_endpoint(Upstream, local_addr=("127.0.0.1", 0))
    informers = HandInformers()
    options = Options(
        addresses=("127.0.0.1",),
        port=0,
        own_addresses=False,
        resolvers=(transport.get_extra_info("sockname"),),
    )
    server = DNSServer(informers, options, RealClock())
    world = World(server, informers, upstream)
    world.services.put(service("web", "10.96.0.5"))
    await server._start()
    yield world
    await server.close()
    transport.close()


def service(name: str, address: str, **spec: Any) -> Object:
    return {
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"clusterIP": address, "clusterIPs": [address], **spec},
    }


def members(name: str, *addresses: str) -> Object:
    return {
        "metadata": {
            "name": f"{name}-1",
            "namespace": "default",
            "labels": {"kubernetes.io/service-name": name},
        },
        "addressType": "IPv4",
        "endpoints": [{"addresses": [one]} for one in addresses],
    }


async def test_a_service_answers_by_udp_and_tcp(world: World) -> None:
    for tcp in (False, True, False, True):
        answer = await world.ask(WEB.upper(), tcp=tcp)
        assert str(answer.rr[0].rdata) == "10.96.0.5"
        assert answer.header.aa
        assert answer.header.rcode == 0


async def test_a_change_is_answered_at_once(world: World) -> None:
    assert await world.addresses(WEB) == ["10.96.0.5"]
    world.services.put(service("web", "10.96.0.7"))
    assert await world.addresses(WEB) == ["10.96.0.7"]
    world.services.delete("default/web")
    assert (await world.ask(WEB)).header.rcode == message.NAME_ERROR
    world.services.put(service("web", "10.96.0.8"))
    assert await world.addresses(WEB) == ["10.96.0.8"]


async def test_what_does_not_exist_has_an_soa(world: World) -> None:
    answer = await world.ask("no.default.svc.cluster.local")
    assert answer.header.rcode == message.NAME_ERROR
    assert dnslib.QTYPE.get(answer.auth[0].rtype) == "SOA"
    empty = await world.ask(WEB, "AAAA")
    assert (empty.header.rcode, len(empty.rr), len(empty.auth)) == (0, 0, 1)


async def test_addresses_of_a_headless_service_take_turns(world: World) -> None:
    world.services.put(service("db", "None"))
    world.slices.put(members("db", "10.244.0.2", "10.244.0.3", "10.244.0.4"))
    firsts = [(await world.addresses("db.default.svc.cluster.local"))[0] for _ in range(9)]
    assert {firsts.count(one) for one in set(firsts)} == {3}


async def test_a_long_answer_is_truncated_by_udp_and_whole_by_tcp(world: World) -> None:
    many = [f"10.244.{number // 250}.{number % 250}" for number in range(300)]
    world.services.put(service("db", "None"))
    world.slices.put(members("db", *many))
    name = "db.default.svc.cluster.local"
    short = await world.ask(name)
    assert short.header.tc
    assert not short.rr
    assert sorted(await world.addresses(name, tcp=True)) == sorted(many)
    world.slices.put(members("db", *many[:50]))
    assert (await world.ask(name)).header.tc
    assert len(await world.addresses(name, edns=4096)) == 50


async def test_edns_is_answered_with_edns(world: World) -> None:
    assert not (await world.ask(WEB)).ar
    assert [dnslib.QTYPE.get(one.rtype) for one in (await world.ask(WEB, edns=4096)).ar] == ["OPT"]


async def test_other_names_are_asked_elsewhere_and_kept(world: World) -> None:
    assert await world.addresses("one.example") == ["192.0.2.1"]
    assert await world.addresses("one.example") == ["192.0.2.1"]
    assert world.upstream.asked == ["one.example."]
    assert (await world.ask("two.example")).header.rcode == message.NAME_ERROR


async def test_equal_questions_under_way_are_asked_once(world: World) -> None:
    results = await asyncio.gather(*(world.addresses("one.example") for _ in range(20)))
    assert results == [["192.0.2.1"]] * 20
    assert len(world.upstream.asked) == 1


async def test_an_external_name_comes_with_the_address_behind_it(world: World) -> None:
    world.services.put(service("out", "", type="ExternalName", externalName="one.example"))
    answer = await world.ask("out.default.svc.cluster.local")
    assert [str(one.rdata) for one in answer.rr] == ["one.example.", "192.0.2.1"]
    alias = await world.ask("out.default.svc.cluster.local", "CNAME")
    assert [str(one.rdata) for one in alias.rr] == ["one.example."]


async def test_without_a_resolver_that_answers_it_fails(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forward, "PATIENCE", 0.01)
    world.upstream.silent = True
    assert (await world.ask("one.example")).header.rcode == message.SERVER_FAILURE


async def test_rubbish_is_not_answered(world: World) -> None:
    for rubbish in (b"", b"\0" * 5, b"\xff" * 40, dnslib.DNSRecord.question("a.example").reply().pack()):
        assert await world.server.resolver.resolve(rubbish) is None


def test_name_servers_of_a_resolv_conf() -> None:
    text = "# nameserver 192.0.2.9\nnameserver 192.0.2.1 # one\nnameserver 10.96.0.10\nsearch a\n"
    text += "nameserver fe80::1%eth0\n"
    assert forward.resolvers_of(text, ["10.96.0.10"]) == [("192.0.2.1", 53), ("fe80::1", 53)]


def test_a_resolv_conf_is_read_again_when_it_changes(tmp_path: Path) -> None:
    file = tmp_path / "resolv.conf"
    resolvers = forward.ResolvConf(str(file), [])
    assert resolvers() == []
    file.write_text("nameserver 192.0.2.1\n")
    assert resolvers() == [("192.0.2.1", 53)]
    file.write_text("nameserver 192.0.2.2\n")
    os.utime(file, ns=(1, 1))
    assert resolvers() == [("192.0.2.2", 53)]
    file.unlink()
    assert resolvers() == [("192.0.2.2", 53)]
