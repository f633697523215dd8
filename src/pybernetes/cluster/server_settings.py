"""The settings of a server, as the command line gives them and its processes read them: `server.json`.

Names are upstream's flag names with underscores. Whatever the controllers take as options may be given
under `controller_flags`, under upstream's names too.
"""

from __future__ import annotations

import ipaddress
import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from pybernetes.cluster import address_ranges
from pybernetes.cluster.failure import Failure

COMPONENTS = ("apiserver", "controllers", "scheduler")


@dataclass(frozen=True)
class ServerSettings:
    """`name` and `data_dir` say which cluster; `advertise_address` is where nodes and pods reach the server."""

    name: str
    data_dir: str
    bind_address: str = "0.0.0.0"
    secure_port: int = 6443
    advertise_address: str = ""
    service_cluster_ip_range: str = "10.96.0.0/16"
    cluster_cidr: str = "10.244.0.0/16"
    token_auth_file: str = ""
    client_ca_file: str = ""
    default_not_ready_toleration_seconds: int = 300
    default_unreachable_toleration_seconds: int = 300
    components: tuple[str, ...] = COMPONENTS
    controller_flags: dict[str, Any] = field(default_factory=dict)
    node_flags: dict[str, str] = field(default_factory=dict)

    @property
    def service_address(self) -> str:
        """The address of the `kubernetes` service: the first of the range."""
        return str(ipaddress.ip_network(self.service_cluster_ip_range.partition(",")[0])[1])

    @property
    def local_url(self) -> str:
        """How processes on the same machine reach the server."""
        host = "127.0.0.1" if self.bind_address in ("0.0.0.0", "::", "") else self.bind_address
        return f"https://{f'[{host}]' if ':' in host else host}:{self.secure_port}"

    @property
    def joining_url(self) -> str:
        """How other machines reach the server."""
        return f"https://{self.advertise_address or '127.0.0.1'}:{self.secure_port}"

    def check(self) -> None:
        """Raise Failure for a value that cannot be meant."""
        if not 0 < self.secure_port < 65536:
            raise Failure(f"--secure-port {self.secure_port} is not a port: choose one from 1 to 65535")
        try:
            ipaddress.ip_address(self.bind_address)
        except ValueError:
            raise Failure(
                f"--bind-address {self.bind_address} is not an IP address: give one of this machine's, or 0.0.0.0"
            )
        flags = self.controller_flags
        four = flags.get("node_cidr_mask_size_ipv4") or flags.get("node_cidr_mask_size", 24)
        masks = {4: four, 6: flags.get("node_cidr_mask_size_ipv6", 64)}
        address_ranges.check(self.service_cluster_ip_range, self.cluster_cidr, masks)
        unknown = [name for name in self.components if name not in COMPONENTS]
        if unknown or not self.components:
            raise Failure(
                f"--components knows {', '.join(COMPONENTS)}, not {', '.join(unknown) or 'nothing'}"
            )
        for flag, path in (
            ("--token-auth-file", self.token_auth_file),
            ("--client-ca-file", self.client_ca_file),
        ):
            if path and not Path(path).is_file():
                raise Failure(f"{flag} {path} does not exist: give the path of a file")
        self._check_contents()

    def _check_contents(self) -> None:
        """Raise Failure for files and lists that a process would refuse when it starts."""
        if self.token_auth_file:
            from pybernetes.apiserver.auth.authenticators import StaticTokens

            try:
                StaticTokens.from_file(Path(self.token_auth_file))
            except ValueError as error:
                raise Failure(f"--token-auth-file will not do: {error}: mend the file")
        if self.client_ca_file:
            from cryptography import x509

            try:
                x509.load_pem_x509_certificates(Path(self.client_ca_file).read_bytes())
            except ValueError:
                raise Failure(
                    f"--client-ca-file {self.client_ca_file} holds no certificates: give a file in PEM form, as "
                    f"`openssl x509 -in FILE -noout` takes it"
                )
        if "controllers" in self.controller_flags:
            from pybernetes.controllers.manager import chosen

            try:
                chosen(tuple(self.controller_flags["controllers"]))
            except ValueError as error:
                raise Failure(str(error))

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self), indent=1) + "\n")

    @classmethod
    def read(cls, path: Path) -> ServerSettings:
        content = json.loads(path.read_text())
        content["components"] = tuple(content["components"])
        return cls(
            **{name: value for name, value in content.items() if name in {f.name for f in fields(cls)}}
        )


def own_address(bind_address: str, towards: str = "192.0.2.1") -> str:
    """The address by which others reach this machine: the one that is bound, or that of the route to `towards`."""
    import socket

    if bind_address not in ("0.0.0.0", "::"):
        return bind_address
    six = ":" in towards
    with socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # Connecting a datagram socket sends nothing; the kernel only chooses a source address.
            probe.connect((towards, 9))
            return str(probe.getsockname()[0])
        except OSError:
            return "::1" if six else "127.0.0.1"
