"""The administrator's plain way to the API, for commands: one blocking HTTPS request at a time.

The commands import no event loop and no HTTP library, so that they start in milliseconds; the
components use `pybernetes.client` instead.
"""

from __future__ import annotations

import http.client
import json
import ssl
from pathlib import Path
from typing import Any

from pybernetes.cluster.failure import Failure


class Refused(Failure):
    """The API server answered with an error; `code` is the HTTP status, `reason` the Status' reason."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(f"the API server refused: {message}")
        self.code = code
        self.reason = reason


class Admin:
    """Requests with the administrator's certificate from `pki` to the server on this machine."""

    def __init__(self, pki: Path, port: int, host: str = "127.0.0.1", timeout: float = 10.0) -> None:
        self.address = (host, port)
        self.timeout = timeout
        try:
            self.tls = ssl.create_default_context(cafile=str(pki / "ca.crt"))
            self.tls.load_cert_chain(pki / "admin.crt", pki / "admin.key")
        except FileNotFoundError:
            raise Failure(
                f"there are no certificates in {pki}: is this the cluster's data directory, and is it up?"
            )
        self._connection: http.client.HTTPSConnection | None = None

    def request(
        self, method: str, path: str, body: Any = None, content_type: str = "application/json"
    ) -> tuple[int, bytes]:
        """The status and the body; raises OSError when the server cannot be reached."""
        headers = {"Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = content_type
        data = None if body is None else json.dumps(body).encode()
        for attempt in (1, 2):
            reused = self._connection is not None
            connection = self._connection or http.client.HTTPSConnection(
                *self.address, timeout=self.timeout, context=self.tls
            )
            self._connection = connection
            try:
                connection.request(method, path, data, headers)
                answer = connection.getresponse()
                return answer.status, answer.read()
            except (http.client.HTTPException, OSError) as error:
                self.close()
                # A kept connection may have been closed by the server meanwhile; a new one tells.
                if not reused or attempt == 2:
                    raise error if isinstance(error, OSError) else OSError(str(error))
        raise AssertionError("unreachable")

    def call(
        self, method: str, path: str, body: Any = None, content_type: str = "application/json"
    ) -> dict[str, Any]:
        """The decoded answer; raises Refused for an error Status and Failure when nobody answers."""
        try:
            status, content = self.request(method, path, body, content_type)
        except OSError as error:
            host, port = self.address
            raise Failure(
                f"no API server answers at {host}:{port} ({error}): start the cluster with `pybernetes up`"
            )
        try:
            answer: dict[str, Any] = json.loads(content)
        except ValueError:
            answer = {"message": content.decode(errors="replace")[:200]}
        if status >= 400:
            raise Refused(status, answer.get("reason", ""), answer.get("message", f"HTTP status {status}"))
        return answer

    def ensure(self, path: str, obj: dict[str, Any]) -> bool:
        """Create the object in the collection at `path` unless one of its name is there; True if it was created."""
        try:
            self.call("POST", path, obj)
            return True
        except Refused as refused:
            if refused.code == 409:
                return False
            raise

    def ready(self) -> bool:
        """Whether /readyz says ok."""
        try:
            return self.request("GET", "/readyz")[0] == 200
        except OSError:
            return False

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
