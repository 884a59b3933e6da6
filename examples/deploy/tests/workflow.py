"""Runs the steps of the workflow that deploy, as GitHub runs them, with programs that write down what they get.

    workflow.py DIRECTORY    of the kit, or of a copy of it
"""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from files import read_toml, read_yaml

KIT = Path(__file__).resolve().parent.parent
COMMIT = "c0ffee" * 6 + "c0ff"
DIGEST = f"sha256:{'ab' * 32}"
# `docker push` says the digest at its end; the others say nothing. One of them may fail.
PROGRAM = """#!/usr/bin/env bash
name=${0##*/}
echo "$name $*" >>"$SEEN"
[[ "$name $1" != "$FAILS" ]] || exit 1
[[ "$name $1" != 'docker push' ]] || echo "$2: digest: $DIGEST size: 1234"
"""


class Workflow(unittest.TestCase):
    def setUp(self):
        [workflow] = read_yaml(KIT / "github/deploy.yml")
        self.workflow, self.jobs = workflow, workflow["jobs"]
        self.place = Path(tempfile.mkdtemp(prefix="workflow-"))
        self.addCleanup(shutil.rmtree, self.place, ignore_errors=True)
        # Where docs/fly.md says that it is.
        shutil.copy(KIT / "fly.toml", self.place)
        self.app = read_toml(KIT / "fly.toml")["app"]

    def step(self, job, part):
        [step] = [step for step in self.jobs[job]["steps"] if part in step.get("run", "")]
        return step

    def run_step(self, job, part, fails="", digest=DIGEST, **env):
        """Returns `(exit code, commands, outputs)`."""
        programs = self.place / "programs"
        shutil.rmtree(programs, ignore_errors=True)
        programs.mkdir()
        for name in ("railway", "flyctl", "docker"):
            (programs / name).write_text(PROGRAM)
            (programs / name).chmod(0o755)
        seen, outputs = self.place / "seen", self.place / "outputs"
        for file in (seen, outputs):
            file.write_text("")
        step = self.step(job, part)
        given = {name: value for name, value in step.get("env", {}).items() if "${{" not in str(value)}
        given |= {"SEEN": str(seen), "FAILS": fails, "DIGEST": digest, "GITHUB_SHA": COMMIT}
        given |= {"GITHUB_OUTPUT": str(outputs), "RUNNER_TEMP": str(self.place), "PATH": f"{programs}:{os.environ['PATH']}"}
        script = self.place / "step.sh"
        script.write_text(step["run"])
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", script]
        done = subprocess.run(command, cwd=self.place, env={**os.environ, **given, **env}, stdout=subprocess.DEVNULL)
        return done.returncode, seen.read_text().splitlines(), outputs.read_text()

    def test_railway_gets_this_commit_and_what_it_is_called(self):
        code, commands, _ = self.run_step("staging", "railway up")
        self.assertEqual(code, 0)
        names, up = commands[-2:]
        self.assertIn(f"HEALTH_VERSION={COMMIT}", names)
        self.assertIn("--skip-deploys", names)
        self.assertTrue(up.startswith("railway up --ci"), up)

    def test_a_build_that_fails_on_railway_fails_the_job(self):
        for fails in ("railway variables", "railway up"):
            with self.subTest(fails):
                self.assertNotEqual(self.run_step("staging", "railway up", fails)[0], 0)

    def test_fly_gets_the_image_that_was_pushed_to_its_own_registry(self):
        image = f"ghcr.io/example/service@{DIGEST}"
        code, commands, outputs = self.run_step("production", "docker push", IMAGE=image)
        self.assertEqual(code, 0)
        self.assertEqual(commands[1], f"docker pull --quiet {image}")
        self.assertEqual(outputs, f"image=registry.fly.io/{self.app}@{DIGEST}\n")
        self.assertEqual(self.step("production", "flyctl deploy")["env"]["IMAGE"], "${{ steps.push.outputs.image }}")
        _, [deploy], _ = self.run_step("production", "flyctl deploy", IMAGE="registry.fly.io/a@b")
        self.assertIn("--image registry.fly.io/a@b", deploy)
        self.assertIn(f"--env HEALTH_VERSION={COMMIT}", deploy)

    def test_an_image_that_was_not_pushed_is_not_deployed(self):
        for fails, digest in [("flyctl auth", DIGEST), ("docker pull", DIGEST), ("docker push", DIGEST), ("", "")]:
            with self.subTest(fails):
                code, _, outputs = self.run_step("production", "docker push", fails, digest, IMAGE="a@b")
                self.assertNotEqual(code, 0)
                self.assertEqual(outputs, "")

    def test_each_deployment_is_verified_by_its_commit_within_the_time_of_its_job(self):
        for job in ("staging", "production"):
            words = self.step(job, "verify-deploy.sh")["run"].split()
            self.assertEqual(words[4], '"$GITHUB_SHA"', words)
            self.assertEqual(self.jobs[job]["steps"][-1]["run"].split(), words)
            seconds = int(words[2]) * int(words[3])
            # A try may take 10 s more. Railway returns before it migrates and starts.
            self.assertLess(int(words[2]) * (int(words[3]) + 10), self.jobs[job]["timeout-minutes"] * 60 * 0.9)
            self.assertGreaterEqual(seconds, 660 if job == "staging" else 60)

    def test_one_deployment_holds_up_no_other_place(self):
        self.assertNotIn("concurrency", self.workflow)
        groups = [self.jobs[job]["concurrency"] for job in ("staging", "production")]
        self.assertEqual(len({group["group"] for group in groups}), 2)
        self.assertEqual([group["cancel-in-progress"] for group in groups], [False, False])


if __name__ == "__main__":
    if len(sys.argv) > 1:
        KIT = Path(sys.argv.pop(1)).resolve()
    unittest.main()
