"""Whether Caddy's own 503, with all instances down, has the headers that every answer has to have.

    headers.py CADDYFILE CADDY
"""

import re
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from support import unused_port

HEADERS = ("strict-transport-security", "x-frame-options", "x-content-type-options")


def answer(url, caddy):
    """Returns the status and the headers, as soon as Caddy listens."""
    end = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(url, timeout=30) as response:
                return response.status, response.headers
        except urllib.error.HTTPError as error:
            return error.code, error.headers
        except urllib.error.URLError:
            if caddy.poll() is not None or time.monotonic() > end:
                raise
            time.sleep(0.05)


def main(path):
    port, text = unused_port(), Path(path).read_text()
    # Without a certificate from the internet, and without the time for which it looks for an instance.
    text = text.replace("api.example.com {", f"http://127.0.0.1:{port} {{")
    text = text.replace("\n{\n", "\n{\n\tadmin off\n", 1)
    text = re.sub(r"10\.0\.0\.1[12]:8080", lambda _: f"127.0.0.1:{unused_port()}", text)
    text = text.replace("lb_try_duration 5s", "lb_try_duration 10ms")
    with tempfile.TemporaryDirectory() as place:
        (Path(place) / "Caddyfile").write_text(text)
        environment = {"PATH": "/usr/bin:/bin", "HOME": place, "XDG_DATA_HOME": place, "XDG_CONFIG_HOME": place}
        command = [*sys.argv[2:], "run", "--adapter", "caddyfile", "--config", f"{place}/Caddyfile"]
        caddy = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            status, headers = answer(f"http://127.0.0.1:{port}/", caddy)
        finally:
            caddy.kill()
            caddy.wait()
    missing = [name for name in HEADERS if name not in headers]
    if status != 503 or missing:
        print(f"{path}: Caddy answers {status} by itself, without {missing}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
