"""Builds and runs the images of the kit with a real Docker engine, and a real Postgres.

    engine.py SERVICE [STATIC]    the program as it was built on this machine, and once more without libraries

The tests run at the same time: most of what they do is to wait for the intervals of the kit.
Exit code 3 means that no engine runs here and none can be started; the last line says why.

Without a registry, Debian stands in for the images of Docker Hub: `debootstrap` makes one image for all
of them, and the stage that compiles is replaced by a copy of the program. Everything else of the
Dockerfile and of compose.yaml is used as it is shipped.
"""

import json
import os
import re
import shutil
import sys
import tempfile
import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from containers import DATABASE, KIT, Engine, NoEngine, Postgres, base_image, build, health, run, unused_ports, wait_for

PROGRAM, STATIC = Path(), None

# What the image of Docker Hub does: it sets itself up behind a server that listens on the socket alone.
POSTGRES = """
initdb -D /tmp/data -A trust -U service --no-sync
pg_ctl -D /tmp/data -w -t 300 -o "-k /tmp -c listen_addresses=''" start
createdb --host /tmp --username service service
pg_ctl -D /tmp/data -w stop
exec postgres -D /tmp/data -k /tmp -c listen_addresses=127.0.0.1
"""


class Images(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = Path(tempfile.mkdtemp(prefix="engine-"))
        cls.directory.chmod(0o755)
        cls.addClassCleanup(shutil.rmtree, cls.directory, ignore_errors=True)
        base_image(cls.directory)
        build("Dockerfile", "service:latest", PROGRAM, cls.directory)

    def remove_later(self, name):
        self.addCleanup(run, "docker", "rm", "--force", name, check=False)

    def test_the_image_is_what_its_file_says(self):
        config = json.loads(run("docker", "inspect", "--format", "{{json .Config}}", "service:latest").stdout)
        self.assertEqual(config["User"], "10001:10001")
        self.assertEqual(config["Entrypoint"], ["/app/service"])
        self.assertEqual(config["StopSignal"], "SIGTERM")
        self.assertEqual(sorted(config["ExposedPorts"]), ["8080/tcp", "8081/tcp", "8082/tcp"])
        said = run("docker", "run", "--rm", "--network", "none", "--entrypoint", "id", "service:latest").stdout
        self.assertIn("uid=10001(service)", said)

    def test_a_container_is_healthy_then_unhealthy_without_its_database_and_recovers(self):
        self.outage("service:latest", "127.0.0.1")

    def test_the_static_program_runs_in_an_empty_image_and_looks_names_up(self):
        if not STATIC:
            self.skipTest("no static program is given")
        self.assertNotIn(b"/ld-linux", STATIC.read_bytes(), f"{STATIC} is not static")
        build("Dockerfile.scratch", "service:scratch", STATIC, self.directory)
        self.outage("service:scratch", "localhost")

    def outage(self, image, host):
        """Runs a container while its database stops and comes back."""
        name, postgres = f"kit-{os.getpid()}-{image.split(':')[1]}", Postgres(self.directory)
        self.addCleanup(lambda: postgres.process.poll() is None and postgres.stop())
        api, management, web = unused_ports(3)
        self.remove_later(name)
        run(
            *["docker", "run", "--detach", "--name", name, "--network", "host", "--read-only", "--cap-drop", "ALL"],
            *["--security-opt", "no-new-privileges", "--stop-timeout", "30", "--env-file", KIT / "health.env"],
            *["--env", f"DATABASE_URL=postgres://{DATABASE}@{host}:{postgres.port}/{DATABASE}", "--env", "DATABASE_REQUIRE_SSL=false"],
            # Docker's intervals are what is tested; these only make it longer.
            *["--env", "DATABASE_CHECK_TTL=1s", "--env", "HEALTH_DRAIN_DELAY=1s"],
            *["--env", "HEALTH_VERSION=a-commit", "--env", "HOST=127.0.0.1", "--env", "MANAGEMENT_HOST=127.0.0.1", "--env", "MANAGEMENT_TOKEN=for-the-test"],
            *["--env", f"API_PORT={api}", "--env", f"MANAGEMENT_PORT={management}", "--env", f"WEB_PORT={web}"],
            image,
        )
        url = f"http://127.0.0.1:{api}"
        first = wait_for(name, "healthy")
        run(KIT / "scripts/verify-deploy.sh", f"{url}/health", "1", "0", "a-commit")
        run("curl", "--fail", "--silent", f"http://127.0.0.1:{web}/")
        postgres.stop()
        wait_for(name, "unhealthy")
        for script, path in (("verify-deploy.sh", "health"), ("wait-healthy.sh", "readyz")):
            said = run(KIT / "scripts" / script, f"{url}/{path}", "1", "0", check=False)
            self.assertEqual(said.returncode, 1, said.stdout)
            self.assertIn("status 503", said.stdout)
        run(KIT / "scripts/wait-healthy.sh", f"{url}/livez", "5")
        postgres.start()
        run(KIT / "scripts/wait-healthy.sh", f"{url}/readyz", "60")
        last = wait_for(name, "healthy")
        self.assertEqual(first["pid"], last["pid"], "Docker restarted the container")
        run("docker", "stop", "--time", "30", name)
        self.assertEqual(health(name)["code"], 0, run("docker", "logs", name).stdout)

    def test_compose_starts_the_service_after_a_healthy_database_and_the_migrations(self):
        command = json.loads(re.search(r"command: (.*redis-server.*)", (KIT / "compose.yaml").read_text())[1])
        postgres, redis, api, management, web = unused_ports(5)
        project = f"kit{os.getpid()}"
        url = f"postgres://service:letters@127.0.0.1:{postgres}/service"
        environment = {"DATABASE_URL": url, "REDIS_URL": f"redis://:digits@127.0.0.1:{redis}/0", "HOST": "127.0.0.1", "MANAGEMENT_HOST": "127.0.0.1"}
        environment |= {"API_PORT": str(api), "MANAGEMENT_PORT": str(management), "WEB_PORT": str(web)}
        # What Debian's packages do in the place of the images of Docker Hub, and what a machine without
        # a bridge needs. Conditions, commands and probes are those of the kit.
        override = {
            "services": {
                "postgres": {
                    "image": "debian:bookworm-slim",
                    "network_mode": "host",
                    "user": "postgres",
                    "environment": {"PGPORT": str(postgres), "PATH": "/usr/lib/postgresql/15/bin:/usr/bin:/bin"},
                    # A machine that is busy takes longer for what the image does in a second.
                    "healthcheck": {"start_period": "300s"},
                    "command": ["sh", "-ec", POSTGRES],
                },
                "redis": {
                    "image": "debian:bookworm-slim",
                    "network_mode": "host",
                    "command": [part.replace("requirepass", f"port {redis}\\nbind 127.0.0.1\\nrequirepass") for part in command],
                    "healthcheck": {"test": ["CMD-SHELL", f"test \"$$(redis-cli -p {redis} ping)\" = PONG"]},
                },
                "migrate": {"network_mode": "host", "environment": environment},
                "service": {"network_mode": "host", "environment": environment},
            }
        }
        file = self.directory / "override.json"
        file.write_text(json.dumps(override))
        shipped = self.directory / "compose.yaml"
        # Ports are not published on the network of the machine itself, and the image is built already.
        text = re.sub(r"\n    ports:\n(      .*\n)+", "\n", (KIT / "compose.yaml").read_text())
        text = re.sub(r"\n    build: (&build\n      context.*\n      dockerfile.*|\*build)", "", text)
        shipped.write_text(text)
        shutil.copy(KIT / "health.env", self.directory)
        variables = {**os.environ, "POSTGRES_PASSWORD": "letters", "REDIS_PASSWORD": "digits", "MANAGEMENT_TOKEN": "for-the-test"}
        compose = ["docker-compose", "--project-name", project, "--file", shipped, "--file", file]
        self.addCleanup(run, *compose, "down", "--volumes", "--timeout", "5", env=variables, check=False)
        said = run(*compose, "up", "--detach", "--wait", "--wait-timeout", "400", env=variables, check=False).stdout
        name = f"{project}-service-1"
        said += run(*compose, "logs", env=variables, check=False).stdout
        self.assertEqual(health(name).get("status"), "healthy", said)
        started = {}
        for part in ("postgres", "migrate", "service"):
            state = json.loads(run("docker", "inspect", "--format", "{{json .State}}", f"{project}-{part}-1").stdout)
            started[part] = state
        self.assertEqual(started["migrate"]["ExitCode"], 0)
        self.assertLess(started["migrate"]["FinishedAt"], started["service"]["StartedAt"])
        rows = run("psql", "--tuples-only", "--no-align", f"--dbname={url}", "--command=SELECT count(*) FROM _sqlx_migrations WHERE success").stdout
        self.assertGreater(int(rows), 0)
        # Killed after ten seconds, it would end with 137.
        run("docker", "stop", f"{project}-redis-1")
        self.assertEqual(health(f"{project}-redis-1")["code"], 0, "Redis got no SIGTERM")


def run_at_once(case):
    """Runs the tests of a class at the same time, and returns whether all have passed."""

    def one(test):
        result, begin = unittest.TestResult(), time.monotonic()
        test.run(result)
        faults = "".join(text for _, text in result.errors + result.failures)
        said = f"skipped: {result.skipped[0][1]}" if result.skipped else "FAILED" if faults else "ok"
        print(f"{said}  {test.id().rsplit('.')[-1]}  {time.monotonic() - begin:.0f} s\n{faults}", end="", flush=True)
        return result.wasSuccessful()

    begin = time.monotonic()
    try:
        case.setUpClass()
        print(f"ok  images  {time.monotonic() - begin:.0f} s", flush=True)
        with ThreadPoolExecutor() as threads:
            return all(list(threads.map(one, unittest.defaultTestLoader.loadTestsFromTestCase(case))))
    finally:
        case.doClassCleanups()


if __name__ == "__main__":
    PROGRAM, *rest = (Path(argument).resolve() for argument in sys.argv[1:])
    STATIC = rest[0] if rest else None
    place, engine = Path(tempfile.mkdtemp(prefix="dockerd-")), None
    try:
        engine = Engine(place)
        code = 0 if run_at_once(Images) else 1
    except NoEngine as reason:
        print(reason)
        code = 3
    finally:
        if engine:
            engine.end()
        shutil.rmtree(place, ignore_errors=True)
    sys.exit(code)
