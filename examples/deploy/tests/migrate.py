"""Runs migrate.sh with a real Postgres, and with a psql that writes down what it gets.

    python3 migrate.py [unittest's arguments]
"""

import os
import shutil
import signal
import subprocess
import tempfile
import threading
import unittest
from pathlib import Path

from support import run, unused_port

# Does what `service --role maintenance --apply-migrations` does, and fails as STUB says.
SERVICE = """#!/usr/bin/env bash
set -eu
[[ "$*" == '--mode production --role maintenance --apply-migrations' ]] || { echo "unexpected: $*"; exit 64; }
case $STUB in
  fails) echo 'error: migration 2: relation "notes" already exists' >&2; exit 1 ;;
  hangs) exec sleep 600 ;;
  nothing) exit 0 ;;
  empty) rows='' ;;
  broken) rows="(1, 'notes', true), (2, 'created at', false)" ;;
  works) rows="(1, 'notes', true), (2, 'created at', true)" ;;
esac
sql='CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT NOT NULL,
  success BOOLEAN NOT NULL, installed_on TIMESTAMPTZ NOT NULL DEFAULT now());'
[[ -z $rows ]] || sql+="INSERT INTO _sqlx_migrations (version, description, success) VALUES $rows;"
psql --quiet --no-psqlrc --set ON_ERROR_STOP=1 --dbname="$DATABASE_URL" --command "$sql"
"""
PASSWORD = "p%40ss%2Fw%3Ard"


class Migrate(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = Path(tempfile.mkdtemp(prefix="migrate-"))
        cls.addClassCleanup(shutil.rmtree, cls.directory, ignore_errors=True)
        cls.directory.chmod(0o755)
        cls.service = cls.directory / "service"
        cls.service.write_text(SERVICE)
        cls.service.chmod(0o755)
        cls.start_postgres()

    @classmethod
    def start_postgres(cls):
        data, cls.port, as_user = cls.directory / "pg", unused_port(), []
        data.mkdir()
        if os.geteuid() == 0:
            # Postgres does not run as root.
            shutil.chown(data, "postgres", "postgres")
            as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--pdeathsig", "QUIT"]
        password = cls.directory / "password"
        password.write_text("p@ss/w:rd\n")
        initdb = ["initdb", "-D", data / "data", "-A", "scram-sha-256", "-U", "service", "--pwfile", password, "-E", "UTF8", "--no-sync"]
        subprocess.run([*as_user, *initdb], check=True, stdout=subprocess.DEVNULL, cwd="/")
        options = ["listen_addresses=127.0.0.1", f"port={cls.port}", f"unix_socket_directories={data}", "fsync=off"]
        arguments = [part for option in options for part in ("-c", option)]
        log = open(cls.directory / "log", "wb")
        process = subprocess.Popen([*as_user, "postgres", "-D", data / "data", *arguments], stderr=log, stdout=log, cwd="/")
        log.close()

        def end():
            process.send_signal(signal.SIGQUIT)
            process.wait()

        cls.addClassCleanup(end)
        wait = ["pg_isready", "--quiet", "--host=127.0.0.1", f"--port={cls.port}"]
        for _ in range(600):
            if subprocess.run(wait).returncode == 0:
                return
            if process.poll() is not None:
                break
            threading.Event().wait(0.1)
        raise AssertionError((cls.directory / "log").read_text())

    def migrate(self, stub, **env):
        name = f"db_{self.id().rsplit('.')[-1][-40:]}_{stub}"
        admin = f"postgres://service:{PASSWORD}@127.0.0.1:{self.port}/postgres"
        subprocess.run(["psql", "--quiet", f"--dbname={admin}", f"--command=CREATE DATABASE {name}"], check=True)
        url = f"postgres://service:{PASSWORD}@127.0.0.1:{self.port}/{name}"
        result = run("migrate.sh", **{"SERVICE": str(self.service), "STUB": stub, "DATABASE_URL": url, "DATABASE_REQUIRE_SSL": "false", **env})
        for secret in ("p@ss", PASSWORD):
            self.assertNotIn(secret, result.stdout)
        return result

    def test_migrations_that_are_applied_are_shown(self):
        result = self.migrate("works")
        self.assertEqual(result.returncode, 0, result.stdout)
        self.assertIn("2 migrations are applied", result.stdout)
        self.assertIn("created at", result.stdout)

    def test_a_migration_that_fails_fails_the_script(self):
        result = self.migrate("fails")
        self.assertEqual(result.returncode, 1, result.stdout)
        self.assertIn("failed with exit code 1", result.stdout)

    def test_a_migration_that_hangs_is_ended(self):
        result = self.migrate("hangs", MIGRATE_SECONDS="1")
        self.assertEqual(result.returncode, 1, result.stdout)
        self.assertIn("not done after 1 s", result.stdout)

    def test_a_program_that_ends_well_and_does_nothing_fails_the_script(self):
        result = self.migrate("nothing")
        self.assertEqual(result.returncode, 1, result.stdout)
        self.assertIn("cannot be read", result.stdout)

    def test_a_table_without_a_migration_fails_the_script(self):
        result = self.migrate("empty")
        self.assertEqual(result.returncode, 1, result.stdout)
        self.assertIn("no migration is applied", result.stdout)

    def test_a_migration_that_was_cut_off_fails_the_script(self):
        result = self.migrate("broken")
        self.assertEqual(result.returncode, 1, result.stdout)
        self.assertIn("1 migrations are marked as failed", result.stdout)

    def test_a_database_that_refuses_fails_the_script(self):
        url = f"postgres://service:{PASSWORD}@127.0.0.1:{unused_port()}/service"
        result = self.migrate("works", DATABASE_URL=url)
        self.assertNotEqual(result.returncode, 0, result.stdout)

    def test_the_password_is_in_no_list_of_processes(self):
        # A psql that writes its arguments down in the place of the real one.
        tools = self.directory / "tools"
        tools.mkdir()
        seen = self.directory / "arguments"
        real = shutil.which("psql")
        (tools / "psql").write_text(f'#!/bin/sh\necho "$@" >>{seen}\nexec {real} "$@"\n')
        (tools / "psql").chmod(0o755)
        service = self.directory / "service-with-psql"
        service.write_text(SERVICE.replace("psql --quiet", f"{real} --quiet"))
        service.chmod(0o755)
        path = f"{tools}:{os.environ['PATH']}"
        result = self.migrate("works", PATH=path, SERVICE=str(service))
        self.assertEqual(result.returncode, 0, result.stdout)
        arguments = seen.read_text()
        self.assertIn("_sqlx_migrations", arguments)
        self.assertNotIn("p@ss", arguments)
        self.assertNotIn(PASSWORD, arguments)

    def look(self, url, **env):
        """Runs the script with a psql that writes down what it gets: `(result, arguments, environment)`."""
        tools = Path(tempfile.mkdtemp(dir=self.directory))
        write = f'printf "%s\\n" "$@" >>{tools}/arguments; env -0 >{tools}/environment; echo "2 0"'
        (tools / "psql").write_text(f"#!/bin/sh\n{write}\n")
        (tools / "psql").chmod(0o755)
        path = f"{tools}:{os.environ['PATH']}"
        result = run("migrate.sh", **{"SERVICE": "/bin/true", "DATABASE_URL": url, "PATH": path, **env})
        if not (tools / "arguments").exists():
            return result, None, {}
        variables = (tools / "environment").read_text().split("\0")
        return result, (tools / "arguments").read_text(), dict(line.split("=", 1) for line in variables if line)

    def test_a_password_arrives_as_it_is_written(self):
        for written, meant in [("a%40b", "a@b"), (r"a\nb\\c", r"a\nb\\c"), ("a%5Cn%0A", "a\\n\n"), ("%25d%20", "%d "), ("ü", "ü")]:
            with self.subTest(written):
                result, arguments, variables = self.look(f"postgresql://app:{written}@h:1/d?application_name=a")
                self.assertEqual((result.returncode, variables["PGPASSWORD"]), (0, meant), result.stdout)
                self.assertIn("postgresql://app@h:1/d?application_name=a", arguments)
                self.assertNotIn(written, arguments)

    def test_a_url_whose_password_would_become_an_argument_is_refused_before_anything_is_migrated(self):
        for url, named in [
            ("postgres://h/d?user=a&password=hidden", "parameters"),
            ("postgres://h/d?sslpassword=hidden", "parameters"),
            ("postgres://h/d?pass%77ord=hidden", "parameters"),
            ("postgres://app:pa@hidden@h/d", "%40"),
            ("postgres://app:pa/hidden@h/d", "%2F"),
            ("postgres://app:hidden#pa@h/d", "%23"),
            ("postgres://app:hidden%zz@h/d", "%25"),
        ]:
            with self.subTest(url):
                result, arguments, _ = self.look(url)
                self.assertEqual((result.returncode, arguments), (1, None), result.stdout)
                self.assertIn(named, result.stdout)
                self.assertNotIn("applying", result.stdout)
                self.assertNotIn("hidden", result.stdout)

    def test_the_check_is_encrypted_as_the_service_is(self):
        root = {"DATABASE_ROOT_CERTIFICATE": "/etc/root.pem"}
        for env, mode, certificate in [
            ({}, "require", None),
            ({"DATABASE_REQUIRE_SSL": "true"}, "require", None),
            (root, "verify-full", "/etc/root.pem"),
            ({"DATABASE_REQUIRE_SSL": "false"}, None, None),
            ({"MODE": "development"}, None, None),
        ]:
            with self.subTest(str(env)):
                result, _, variables = self.look("postgres://app:x@h/d", **env)
                self.assertEqual(result.returncode, 0, result.stdout)
                self.assertEqual((variables.get("PGSSLMODE"), variables.get("PGSSLROOTCERT")), (mode, certificate))
        for env, mode, passes in [
            ({}, "prefer", False),
            ({}, "verify-ca", True),
            (root, "require", False),
            (root, "verify-full", True),
            ({"DATABASE_REQUIRE_SSL": "false"}, "prefer", True),
        ]:
            with self.subTest(f"{env} {mode}"):
                result, arguments, _ = self.look(f"postgres://app:x@h/d?sslmode={mode}", **env)
                self.assertEqual((result.returncode, arguments is not None), (0, True) if passes else (1, False), result.stdout)

    def test_what_is_missing_is_named(self):
        for env, named in [
            ({"DATABASE_URL": ""}, "DATABASE_URL"),
            ({"SERVICE": "/nowhere/service"}, "/nowhere/service"),
            ({"MIGRATE_SECONDS": "soon"}, "MIGRATE_SECONDS"),
        ]:
            result = run("migrate.sh", **{"DATABASE_URL": "sqlite:x", "SERVICE": str(self.service), "STUB": "nothing", **env})
            self.assertEqual(result.returncode, 1, result.stdout)
            self.assertIn(named, result.stdout)

if __name__ == "__main__":
    unittest.main()
