"""Assemble the demo's image from busybox-static: `web_image.py ARCHIVE` writes an OCI archive."""

import sys
from pathlib import Path

from pybernetes.cluster.oci_archive import Image, write

APPLETS = (
    "sh",
    "httpd",
    "wget",
    "cat",
    "echo",
    "ls",
    "ps",
    "sleep",
    "env",
    "ip",
    "nslookup",
    "hostname",
    "tar",
    "vi",
)
START = """#!/bin/sh
mkdir -p /tmp/www
echo "$GREETING from pod $POD on $NODE" > /tmp/www/index.html
echo "serving on port 8080"
# The first process of a container gets no default for SIGTERM: say that it means the end.
trap 'kill $server; exit 0' TERM
httpd -f -v -p 8080 -h /tmp/www &
server=$!
wait
"""

image = Image(
    name="pybernetes.io/web:1",
    files={"/bin/busybox": Path("/bin/busybox"), "/start": START.encode()},
    links={f"/bin/{applet}": "busybox" for applet in (*APPLETS, "mkdir")},
    command=["/start"],
    ports=[8080],
)
write(image, Path(sys.argv[1]))
