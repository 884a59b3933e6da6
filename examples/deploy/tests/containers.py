"""An engine of Docker, images that Debian stands in for, and a Postgres that can be stopped."""

import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

KIT = Path(__file__).resolve().parent.parent
SERVICE = KIT.parent / "service"
DATABASE = "service"


class NoEngine(Exception):
    pass


def run(*command, check=True, **options):
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    if check and result.returncode:
        raise AssertionError(f"{' '.join(map(str, command))}: exit code {result.returncode}\n{result.stdout}")
    return result


def until(condition, within=120, every=0.2):
    """Waits for a condition, and returns what it returned."""
    end = time.monotonic() + within
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {within} s")
        time.sleep(every)


GIVEN = set()


def unused_ports(count):
    """Returns free ports that no other test has got."""
    ports = []
    while len(ports) < count:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        if port not in GIVEN:
            GIVEN.add(port)
            ports.append(port)
    return ports


class Engine:
    """An engine that runs already, or one of our own that ends with us."""

    def __init__(self, directory):
        self.process, self.directory = None, directory
        if run("docker", "version", check=False).returncode == 0:
            return
        if os.geteuid() != 0 or not shutil.which("dockerd"):
            raise NoEngine("no engine answers, and dockerd cannot be started: " + ("it is not installed" if os.geteuid() == 0 else "not root"))
        host = f"unix://{directory}/sock"
        os.environ["DOCKER_HOST"] = host
        log = directory / "dockerd.log"
        # No bridge and no rules of a firewall: containers share the network of this machine.
        with open(log, "wb") as file:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", "dockerd", "--iptables=false", "--ip-masq=false", "--ip-forward=false", "--bridge=none"]
                + ["--data-root", directory / "root", "--exec-root", directory / "exec", "--pidfile", directory / "pid", "-H", host],
                stdout=file,
                stderr=file,
            )
        try:
            until(lambda: self.process.poll() is not None or run("docker", "version", check=False).returncode == 0, 60)
        finally:
            if self.process.poll() is not None or run("docker", "version", check=False).returncode:
                lines = [line for line in log.read_text(errors="replace").splitlines() if "level=error" in line or "failed" in line]
                self.end()
                raise NoEngine("dockerd does not start: " + (lines[-1] if lines else log.read_text(errors="replace")[-300:]))

    def end(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(60)
            # It leaves mounts in its directories.
            mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
            for mount in sorted((mount for mount in mounts if mount.startswith(f"{self.directory}/")), reverse=True):
                run("umount", mount, check=False)


def mirror():
    """Where this machine has its own Debian from, which is where it gets to."""
    known = run("apt-get", "indextargets", "--format", "$(RELEASE) $(REPO_URI)", "Created-By: Packages", check=False).stdout
    found = [line.split()[1] for line in known.splitlines() if line.startswith("bookworm ")]
    return found[0] if found else "http://deb.debian.org/debian"


def base_image(directory):
    """Makes `debian:bookworm-slim`, with Postgres and Redis in it, unless it is there."""
    if run("docker", "image", "inspect", "debian:bookworm-slim", check=False).returncode == 0:
        return
    root = Path(os.environ.get("BASE_ROOT", directory / "base"))
    if not root.exists():
        # What was cut off does not pass for a whole one.
        part = root.with_name(f"{root.name}.part")
        shutil.rmtree(part, ignore_errors=True)
        made = run("debootstrap", "--variant=minbase", "--include=ca-certificates,postgresql-15,redis-server", "bookworm", part, mirror(), check=False)
        if made.returncode:
            raise NoEngine(f"no image to start from: debootstrap says {made.stdout.strip().splitlines()[-1:]}")
        part.rename(root)
    # Without what nobody here reads: an engine without overlays copies all of it for every layer.
    unread = ["./dev/*", "./var/cache/apt/*", "./var/lib/apt/lists/*", "./usr/share/doc/*", "./usr/share/locale/*", "./usr/share/man/*"]
    # Postgres loads its compiler when a query is worth it, and does without.
    unread += ["./usr/lib/*/libLLVM*", "./usr/lib/*/libz3*", "./usr/lib/postgresql/*/lib/bitcode/*", "./usr/lib/postgresql/*/lib/llvmjit*"]
    pack = ["tar", "-C", root, *(f"--exclude={path}" for path in unread), "-c", "."]
    with subprocess.Popen(pack, stdout=subprocess.PIPE) as tar:
        run("docker", "import", "-", "debian:bookworm-slim", stdin=tar.stdout)
    assert tar.returncode == 0, "tar failed"


def build(file, tag, program, directory):
    """Builds an image from the shipped file, with the program in the place of the stage that compiles."""
    context = directory / f"context-{tag.replace(':', '-')}"
    (context / "app").mkdir(parents=True)
    shutil.copy(program, context / "app/service")
    for name in ("config", "web"):
        shutil.copytree(SERVICE / name, context / "app" / name)
    (context / "etc/ssl/certs").mkdir(parents=True)
    shutil.copy("/etc/ssl/certs/ca-certificates.crt", context / "etc/ssl/certs/")
    text = (KIT / file).read_text()
    shipped, count = re.subn(r"\nFROM rust:.*?(?=\nFROM )", "\nFROM scratch AS build\nCOPY app /app\nCOPY etc /etc\n", text, flags=re.S)
    assert count == 1, f"{file} has no stage that compiles"
    (context / "Dockerfile").write_text(shipped)
    run("docker", "build", "--network", "host", "--tag", tag, context, env={**os.environ, "DOCKER_BUILDKIT": "0"})


class Postgres:
    """A server on this machine that can be stopped and started again."""

    def __init__(self, directory):
        self.port = unused_ports(1)[0]
        self.data = Path(tempfile.mkdtemp(prefix="postgres-", dir=directory))
        shutil.chown(self.data, "postgres", "postgres")
        self.drop = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        run(*self.drop, "initdb", "-D", self.data / "data", "-A", "trust", "-U", DATABASE, "-E", "UTF8", "--no-sync", cwd="/")
        self.start()
        run("psql", "--quiet", f"--dbname=postgres://{DATABASE}@127.0.0.1:{self.port}/postgres", f"--command=CREATE DATABASE {DATABASE}")

    def start(self):
        options = ["listen_addresses=127.0.0.1", f"port={self.port}", f"unix_socket_directories={self.data}", "fsync=off"]
        arguments = [part for option in options for part in ("-c", option)]
        self.process = subprocess.Popen(
            [*self.drop, "--pdeathsig", "QUIT", "postgres", "-D", self.data / "data", *arguments],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
        )
        until(lambda: run("pg_isready", "--quiet", "--host=127.0.0.1", f"--port={self.port}", check=False).returncode == 0)

    def stop(self):
        # Fast: connections are ended.
        self.process.send_signal(2)
        self.process.wait(60)


def health(name):
    found = run("docker", "inspect", "--format", "{{json .State}}", name, check=False)
    if found.returncode:
        return {}
    state = json.loads(found.stdout)
    return {"status": state.get("Health", {}).get("Status"), "pid": state["Pid"], "running": state["Running"], "code": state["ExitCode"]}


def wait_for(name, status, within=120):
    def reached():
        state = health(name)
        if not state.get("running"):
            raise AssertionError(f"{name} has ended: {state}\n{run('docker', 'logs', name, check=False).stdout}")
        return state if state["status"] == status else None

    return until(reached, within)
