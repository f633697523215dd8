"""What an API server is told when it starts: a plain value that the composition fills in.

Keys and certificates come as PEM bytes, so that a test needs no files; `read_pem` reads one from a file.
Everything has a default that makes a server for tests: open to nobody but client certificates and
tokens that it is given, with keys of its own made at start.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

ISSUER = "https://kubernetes.default.svc.cluster.local"


@dataclass
class Options:
    """`APIServer(store, clock, options)`.

    Addresses:
      service_cidr       addresses of Services; the first one is the `kubernetes` service
      node_ports         first and last node port
      advertise_address  where clients inside the cluster reach this server ("" leaves the `kubernetes`
                         endpoints alone); advertise_port is its port
    Who may come in:
      client_ca          CA certificates (PEM) that sign client certificates; b"" accepts none
      front_proxy_ca     CA certificates (PEM) of authenticating proxies, which say in X-Remote- headers who asks;
                         front_proxy_names are the common names that they may have, none allow any
      token_file         upstream's --token-auth-file: CSV lines `token,user,uid,"group1,group2"`
      anonymous          unauthenticated requests become system:anonymous instead of 401
      authorization      "RBAC", or "AlwaysAllow" for tests
    Service account tokens:
      sa_signing_key     private key (PEM, RSA or EC); b"" makes one at start
      sa_keys            further public keys (PEM) that tokens may be signed with
      issuer, audiences  of tokens; no audiences means the issuer itself
    To the nodes:
      cluster_ca         CA certificate (PEM) that kubelets' serving certificates are checked with, and that
                         pods get as ca.crt; b"" does not check
      kubelet_client_certificate, kubelet_client_key   what this server shows to kubelets (PEM)
    What it does by itself:
      bootstrap          create system namespaces, roles, priority classes and the `kubernetes` service
      event_ttl          seconds that Events are kept
      not_ready_toleration, unreachable_toleration   seconds that pods stay on a node that is not ready or cannot be
                         reached, unless they say themselves
      admission_off      names of admission plugins to leave out
      max_in_flight, max_mutating_in_flight   requests under way at once (0 is no limit)
      request_timeout    seconds that a request other than watch, log, exec... may take
      heartbeat_gathering   seconds that renewals of leases wait for each other (heartbeats.py)
      min_watch_timeout  watches without timeoutSeconds end after this many seconds up to twice that
    """

    service_cidr: str = "10.96.0.0/16"
    node_ports: tuple[int, int] = (30000, 32767)
    advertise_address: str = ""
    advertise_port: int = 6443

    client_ca: bytes = b""
    front_proxy_ca: bytes = b""
    front_proxy_names: tuple[str, ...] = ()
    token_file: Path | None = None
    anonymous: bool = True
    authorization: str = "RBAC"

    sa_signing_key: bytes = b""
    sa_keys: tuple[bytes, ...] = ()
    issuer: str = ISSUER
    audiences: tuple[str, ...] = ()

    cluster_ca: bytes = b""
    kubelet_client_certificate: bytes = b""
    kubelet_client_key: bytes = b""

    bootstrap: bool = True
    event_ttl: float = 3600
    not_ready_toleration: int = 300
    unreachable_toleration: int = 300
    admission_off: frozenset[str] = field(default_factory=frozenset)
    max_in_flight: int = 400
    max_mutating_in_flight: int = 200
    request_timeout: float = 60
    heartbeat_gathering: float = 0
    min_watch_timeout: float = 1800

    @property
    def token_audiences(self) -> tuple[str, ...]:
        return self.audiences or (self.issuer,)


def read_pem(path: Path | str) -> bytes:
    """A PEM file's bytes; a missing file is an OSError that names it."""
    return Path(path).read_bytes()
