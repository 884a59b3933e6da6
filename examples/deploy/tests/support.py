"""What the tests of the scripts share: servers that fail in known ways, and how a script is run."""

import http.server
import os
import socket
import socketserver
import subprocess
import threading
from contextlib import contextmanager
from pathlib import Path

SCRIPTS = Path(os.environ.get("SCRIPTS", Path(__file__).parent.parent / "scripts"))


class Listener(socketserver.ThreadingTCPServer):
    """A server of HTTP that does not look its own name up, which takes seconds without a name server."""

    allow_reuse_address = True
    daemon_threads = True


@contextmanager
def server(answers):
    """Serves the answers one after the other, and the last one for ever. `None` never answers."""
    asked, stop = [], threading.Event()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            answer = answers[min(len(asked), len(answers)) - 1]
            if answer is None:
                stop.wait()
                return
            status, body, *headers = answer
            self.send_response(status)
            self.send_header("content-length", str(len(body.encode())))
            for name, value in headers:
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_):
            pass

    listener = Listener(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=listener.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.server_address[1]}", asked
    finally:
        stop.set()
        listener.shutdown()
        listener.server_close()


def unused_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def run(script, *arguments, **env):
    return subprocess.run(
        [SCRIPTS / script, *map(str, arguments)],
        env={**os.environ, "no_proxy": "127.0.0.1", **env},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
    )
