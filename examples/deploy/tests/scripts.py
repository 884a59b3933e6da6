"""Runs the scripts of the kit against small servers that fail in known ways, and a kubectl that does.

    python3 scripts.py [unittest's arguments]
"""

import os
import shutil
import tempfile
import unittest
from pathlib import Path

from support import run, server, unused_port

HEALTHY = (200, '{"healthy": true, "version": "1.4.0"}')


class WaitHealthy(unittest.TestCase):
    def test_a_service_that_answers_200_is_healthy_at_once(self):
        with server([(200, "")]) as (url, asked):
            result = run("wait-healthy.sh", f"{url}/readyz", 30, 0)
        self.assertEqual((result.returncode, asked), (0, ["/readyz"]), result.stdout)

    def test_a_service_that_becomes_ready_is_waited_for(self):
        with server([(503, ""), (503, ""), (200, "")]) as (url, asked):
            result = run("wait-healthy.sh", url, 30, 0)
        self.assertEqual((result.returncode, len(asked)), (0, 3), result.stdout)
        # One line for what did not change.
        self.assertEqual(result.stdout.count("status 503"), 1, result.stdout)

    def test_what_never_becomes_ready_fails_and_is_named(self):
        for answer, named in [
            ((503, ""), "status 503"),
            ((500, ""), "status 500"),
            ((301, "", ("location", "/")), "status 301"),
            ((204, ""), "status 204"),
        ]:
            with self.subTest(named), server([answer]) as (url, _):
                result = run("wait-healthy.sh", url, 0.5, 0.1)
                self.assertEqual(result.returncode, 1)
                self.assertIn(named, result.stdout)

    def test_a_refused_connection_fails(self):
        result = run("wait-healthy.sh", f"http://127.0.0.1:{unused_port()}/readyz", 0.5, 0.1)
        self.assertEqual(result.returncode, 1)
        self.assertIn("refused", result.stdout)

    def test_an_answer_that_never_comes_does_not_outlast_the_time(self):
        with server([None]) as (url, asked):
            result = run("wait-healthy.sh", url, 1, 0.1)
        self.assertEqual((result.returncode, len(asked)), (1, 1), result.stdout)
        self.assertIn("no answer within", result.stdout)

    def test_arguments_that_make_no_sense_are_refused(self):
        for arguments in [[], ["http://x", "soon"], ["http://x", "1", "-1"], ["a", "1", "1", "1"]]:
            self.assertEqual(run("wait-healthy.sh", *arguments).returncode, 2)


class VerifyDeploy(unittest.TestCase):
    def test_a_healthy_summary_passes_at_the_first_try(self):
        with server([HEALTHY]) as (url, asked):
            result = run("verify-deploy.sh", f"{url}/health", 5, 0)
        self.assertEqual((result.returncode, asked), (0, ["/health"]), result.stdout)

    def test_a_service_that_is_healthy_at_the_third_try_passes(self):
        down = (503, '{"healthy": false, "version": "1.4.0"}')
        with server([down, (502, "<html>bad gateway</html>"), HEALTHY]) as (url, asked):
            result = run("verify-deploy.sh", url, 5, 0)
        self.assertEqual((result.returncode, len(asked)), (0, 3), result.stdout)
        self.assertIn("try 3 of 5", result.stdout)

    def test_what_is_no_healthy_summary_never_passes(self):
        for name, answer, named in [
            ("unhealthy", (503, '{"healthy": false}'), "healthy is false"),
            ("page", (200, "<!doctype html><title>healthy: true</title>"), "not JSON"),
            ("text", (200, '{"healthy": "true"}'), 'healthy is "true"'),
            ("absent", (200, '{"status": "pass"}'), "healthy is null"),
            ("list", (200, '[{"healthy": true}]'), "not a JSON object"),
            ("two", (200, '{"healthy": true} {"healthy": false}'), "not one JSON document"),
            ("empty", (200, ""), "not one JSON document"),
            ("healthy, and 503", (503, '{"healthy": true}'), "status 503"),
            ("redirect", (301, '{"healthy": true}', ("location", "/")), "status 301"),
        ]:
            with self.subTest(name), server([answer]) as (url, asked):
                result = run("verify-deploy.sh", url, 2, 0)
                self.assertEqual((result.returncode, len(asked)), (1, 2), result.stdout)
                self.assertIn(named, result.stdout)

    def test_an_old_version_does_not_pass_for_the_new_one(self):
        with server([HEALTHY]) as (url, _):
            old = run("verify-deploy.sh", url, 2, 0, "1.5.0")
            new = run("verify-deploy.sh", url, 2, 0, "1.4.0")
        self.assertEqual((old.returncode, new.returncode), (1, 0), old.stdout)
        self.assertIn('version is "1.4.0", not "1.5.0"', old.stdout)

    def test_the_new_version_is_waited_for_while_the_old_one_answers(self):
        old, new = HEALTHY, (200, '{"healthy": true, "version": "1.5.0"}')
        with server([old, old, (502, ""), new]) as (url, asked):
            result = run("verify-deploy.sh", url, 5, 0, "1.5.0")
        self.assertEqual((result.returncode, len(asked)), (0, 4), result.stdout)
        self.assertIn("version 1.5.0 (try 4 of 5)", result.stdout)

    def test_a_refused_connection_fails(self):
        result = run("verify-deploy.sh", f"http://127.0.0.1:{unused_port()}/health", 2, 0)
        self.assertEqual(result.returncode, 1)
        self.assertIn("try 2 of 2", result.stdout)

    def test_arguments_that_make_no_sense_are_refused(self):
        for arguments in [[], ["http://x", "0"], ["http://x", "many"], ["http://x", "1", "soon"]]:
            self.assertEqual(run("verify-deploy.sh", *arguments).returncode, 2)


# Answers as a cluster does. `get job` says what JOB holds, a line for each question, and the last one for ever.
KUBECTL = """#!/usr/bin/env bash
set -eu
echo "$*" >>"$SEEN/commands"
case "$1 $2" in
  'apply -f') [[ $3 != - ]] || cat >>"$SEEN/applied" ;;
  'get job')
    echo x >>"$SEEN/asked"
    mapfile -t states <<<"$JOB"
    count=$(wc -l <"$SEEN/asked")
    ((count <= ${#states[@]})) || count=${#states[@]}
    tr , '\\n' <<<"${states[count - 1]}" ;;
  'logs '*) echo 'error: migration 2: relation "notes" already exists' ;;
  'rollout status') exit "${ROLLOUT:-0}" ;;
esac
"""


class DeployKubernetes(unittest.TestCase):
    IMAGE = f"ghcr.io/example/service@sha256:{'ab' * 32}"
    VERSION = "f" * 40

    def setUp(self):
        self.seen = Path(tempfile.mkdtemp(prefix="kubectl-"))
        self.addCleanup(shutil.rmtree, self.seen, ignore_errors=True)
        (self.seen / "kubectl").write_text(KUBECTL)
        (self.seen / "kubectl").chmod(0o755)

    def deploy(self, job, *arguments, **env):
        env = {"PATH": f"{self.seen}:{os.environ['PATH']}", "SEEN": str(self.seen), "JOB": job, "POLL": "0", **env}
        return run("deploy-kubernetes.sh", *(arguments or (self.IMAGE, self.VERSION)), **env)

    def read(self, name):
        return (self.seen / name).read_text() if (self.seen / name).exists() else ""

    def test_the_deployment_follows_when_the_migration_is_complete(self):
        result = self.deploy("\n\nSuccessCriteriaMet,Complete")
        self.assertEqual(result.returncode, 0, result.stdout)
        commands = self.read("commands")
        self.assertLess(commands.index("get job"), commands.index("deployment/service"))
        self.assertEqual(commands.count("get job"), 3, commands)
        applied = self.read("applied")
        self.assertEqual(applied.count(f"image: {self.IMAGE}"), 2, applied)
        self.assertEqual(applied.count(f'value: "{self.VERSION}"'), 2, applied)
        self.assertNotIn("unreleased", applied)

    def test_a_failed_migration_is_noticed_at_once_and_nothing_is_deployed(self):
        result = self.deploy("\nFailureTarget\nFailureTarget,Failed")
        self.assertEqual(result.returncode, 1, result.stdout)
        self.assertIn('relation "notes" already exists', result.stdout)
        self.assertNotIn("kind: Deployment", self.read("applied"))
        self.assertNotIn("rollout", self.read("commands"))

    def test_a_migration_that_hangs_is_given_up(self):
        result = self.deploy("", MIGRATE_SECONDS="0")
        self.assertEqual(result.returncode, 1, result.stdout)
        self.assertIn("not done", result.stdout)
        self.assertNotIn("kind: Deployment", self.read("applied"))

    def test_a_rollout_that_does_not_finish_fails_the_script(self):
        result = self.deploy("Complete", ROLLOUT="1")
        self.assertEqual(result.returncode, 1, result.stdout)
        self.assertIn("rollout undo", result.stdout)

    def test_a_command_that_fails_ends_the_script(self):
        (self.seen / "kubectl").write_text("#!/bin/sh\nexit 1\n")
        self.assertEqual(self.deploy("Complete").returncode, 1)

    def test_a_tag_is_refused_and_so_is_a_version_that_is_no_word(self):
        for arguments in [("ghcr.io/example/service:latest", "1"), (self.IMAGE, "a b"), (self.IMAGE,)]:
            self.assertEqual(self.deploy("Complete", *arguments).returncode, 2)
        self.assertEqual(self.read("commands"), "")

if __name__ == "__main__":
    unittest.main()
