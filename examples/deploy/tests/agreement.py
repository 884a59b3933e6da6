"""Whether the numbers of one platform fit together, and to those of health.env.

    agreement.py DIRECTORY    of the kit, or of a copy of it

docs/numbers.md explains each rule.
"""

import re
import sys
from pathlib import Path

from files import read_env, read_hcl, read_toml, read_yaml, seconds

# The process ends itself 3 s after delay and cap at the latest; see the draining guide.
SELF_END = 3
# What a start may take.
BUDGET = 300
# The numbers that every platform gets.
NAMES = {
    "database_ttl": "DATABASE_CHECK_TTL",
    "redis_ttl": "REDIS_CHECK_TTL",
    "migration": "MIGRATION_TIMEOUT",
    "ttl": "HEALTH_TTL",
    "timeout": "HEALTH_TIMEOUT",
    "drain_delay": "HEALTH_DRAIN_DELAY",
    "drain_cap": "HEALTH_DRAIN_CAP",
}


class Kit:
    def __init__(self, root):
        self.root = Path(root)
        self.faults = []
        self.rules = 0
        self.health = self.settings(read_env(self.root / "health.env"))

    @staticmethod
    def settings(env):
        return {name: seconds(env[variable]) for name, variable in NAMES.items()}

    def rule(self, file, holds, text):
        self.rules += 1
        if not holds:
            self.faults.append(f"{file}: {text}")

    def grace(self, file, grace, health=None):
        health = health or self.health
        needed = health["drain_delay"] + health["drain_cap"] + SELF_END
        self.rule(file, grace >= needed, f"kills after {grace:g} s; draining takes up to {needed:g} s")

    def budget(self, file, given):
        self.rule(file, given >= BUDGET, f"gives a start {given:g} s of the {BUDGET} s that it may take")
        gives_up = self.health["migration"]
        self.rule(file, given > gives_up, f"kills a start after {given:g} s, which gives up by itself, and says why, after {gives_up:g} s")

    def readiness(self, file, period, timeout):
        ttl = self.health["database_ttl"]
        self.rule(file, period <= ttl, f"asks each {period:g} s, and the database is checked each {ttl:g} s")
        self.rule(file, 1 <= timeout <= period, f"its timeout of {timeout:g} s is not between 1 s and its period of {period:g} s")

    def noticed(self, file, longest, health=None):
        delay = (health or self.health)["drain_delay"]
        self.rule(file, longest < delay, f"notices a drain after up to {longest:g} s, and the drain delay is {delay:g} s")

    def same(self, file, env, but=()):
        for name, value in self.settings(env).items():
            if name not in but:
                self.rule(file, value == self.health[name], f"{NAMES[name]} is {value:g} s and not {self.health[name]:g} s")


    def version(self, file, env):
        self.rule(file, "HEALTH_VERSION" in env, "says nowhere which version it deploys: verify-deploy.sh cannot tell it from the old one")


def kubernetes(kit):
    config = read_yaml(kit.root / "kubernetes/configuration.yaml")[0]
    kit.same("kubernetes/configuration.yaml", config["data"])
    for file in ("kubernetes/deployment.yaml", "kubernetes-grpc/deployment.yaml"):
        spec = read_yaml(kit.root / file)[0]["spec"]
        pod = spec["template"]["spec"]
        container = pod["containers"][0]
        startup, live, ready = (container[f"{name}Probe"] for name in ("startup", "liveness", "readiness"))
        kit.version(file, [variable["name"] for variable in container["env"]])
        kit.grace(file, pod["terminationGracePeriodSeconds"])
        kit.readiness(file, ready["periodSeconds"], ready["timeoutSeconds"])
        given = startup["periodSeconds"] * startup["failureThreshold"]
        kit.budget(file, given)
        kit.rule(file, spec["progressDeadlineSeconds"] > given + spec["minReadySeconds"], "a rollout ends before the startup budget")
        restart = live["periodSeconds"] * live["failureThreshold"]
        out = ready["periodSeconds"] * ready["failureThreshold"]
        kit.rule(file, restart > out, "liveness restarts before readiness has taken the traffic away")
        for probe in (startup, live, ready):
            kit.rule(file, probe["timeoutSeconds"] > 1, "a timeout of 1 s fails on a busy node")
            port = probe.get("httpGet", probe.get("grpc"))["port"]
            kit.rule(file, port in ("api", 8080), "a probe asks another port than that of the users")
    ports = [port["targetPort"] for port in read_yaml(kit.root / "kubernetes/service.yaml")[0]["spec"]["ports"]]
    kit.rule("kubernetes/service.yaml", not {"management", 8081} & set(ports), "the management port is published")
    job = read_yaml(kit.root / "kubernetes/migration.yaml")[0]["spec"]
    kit.budget("kubernetes/migration.yaml", job["activeDeadlineSeconds"])


def docker(kit):
    for file in ("Dockerfile", "Dockerfile.scratch"):
        text = (kit.root / file).read_text()
        options = dict(re.findall(r"--(interval|timeout|start-period|retries)=(\S+)", text))
        kit.readiness(file, seconds(options["interval"]), seconds(options["timeout"]))
        kit.budget(file, seconds(options["start-period"]))
        # The probe itself gives up after 2 s, and says why; Docker would not.
        kit.rule(file, seconds(options["timeout"]) > 2, "ends the probe before it gives up by itself")


def compose(kit):
    file = "compose.yaml"
    services = read_yaml(kit.root / file)[0]["services"]
    service = services["service"]
    kit.version(file, service["environment"])
    last = services["redis"]["command"][-1].split(";")[-1]
    kit.rule(file, re.fullmatch(r" *exec redis-server [^|]*", last), "a shell stays in front of Redis, which then gets no SIGTERM")
    check = service["healthcheck"]
    kit.grace(file, seconds(service["stop_grace_period"]))
    kit.readiness(file, seconds(check["interval"]), seconds(check["timeout"]))
    kit.budget(file, seconds(check["start_period"]))
    published = [port for port in service["ports"] if "8081" in port]
    kit.rule(file, all(port.startswith("127.0.0.1:") for port in published), "the management port is published")


def railway(kit):
    deploy = read_toml(kit.root / "railway.toml")["deploy"]
    kit.grace("railway.toml", deploy["drainingSeconds"])
    kit.budget("railway.toml", deploy["healthcheckTimeout"])


def fly(kit):
    file = "fly.toml"
    config = read_toml(kit.root / file)
    health = kit.settings(config["env"])
    kit.same(file, config["env"], but=("drain_delay",))
    kit.grace(file, config["kill_timeout"], health)
    for check in config["http_service"]["checks"]:
        period, timeout = seconds(check["interval"]), seconds(check["timeout"])
        kit.readiness(file, period, timeout)
        kit.noticed(file, period + timeout, health)
    kit.budget(file, seconds(config["deploy"]["wait_timeout"]))
    kit.budget(file, seconds(config["deploy"]["release_command_timeout"]))
    kit.rule(file, config["http_service"]["internal_port"] == 8080, "the public port is not that of the api")


def haproxy(kit):
    file = "haproxy/haproxy.cfg"
    text = (kit.root / file).read_text()
    server = re.search(r"default-server (.*)", text)[1]
    number = lambda name: seconds(re.search(rf"\b{name} (\S+)", server)[1])
    timeout = seconds(re.search(r"timeout check (\S+)", text)[1])
    kit.readiness(file, number("inter"), timeout)
    kit.noticed(file, number("inter") + (number("fall") - 1) * number("fastinter") + timeout)


def envoy(kit):
    file = "envoy/envoy.yaml"
    for cluster in read_yaml(kit.root / file)[0]["static_resources"]["clusters"]:
        for check in cluster["health_checks"]:
            kit.readiness(file, seconds(check["interval"]), seconds(check["timeout"]))
            kit.noticed(file, max(seconds(check["interval"]), seconds(check["no_traffic_interval"])) + seconds(check["timeout"]))


def caddy(kit):
    file = "caddy/Caddyfile"
    text = (kit.root / file).read_text()
    value = lambda name: seconds(re.search(rf"health_{name}\s+(\S+)", text)[1])
    kit.readiness(file, value("interval"), value("timeout"))
    kit.noticed(file, value("interval") * value("fails") + value("timeout"))


def consul(kit):
    file = "consul/service.hcl"
    for check in read_hcl(kit.root / file)["service"][0]["check"]:
        period, timeout = seconds(check["interval"]), seconds(check["timeout"])
        kit.readiness(file, period, timeout)
        kit.noticed(file, period * check["failures_before_critical"] + timeout)


def nomad(kit):
    file = "nomad/service.nomad.hcl"
    group = read_hcl(kit.root / file)["job"][0]["service"]["group"][0]["service"]
    task = next(task["service"] for task in group["task"] if "service" in task)
    kit.same(file, task["env"][0])
    kit.version(file, task["env"][0])
    kit.grace(file, seconds(task["kill_timeout"]))
    kit.budget(file, seconds(group["update"][0]["healthy_deadline"]))
    for service in task["service"]:
        kit.rule(file, service["port"] != "management", "the management port is published")
        kit.rule(file, service["provider"] == "consul", "Nomad's own catalogue hands out instances whose checks fail")
        for check in service["check"]:
            kit.readiness(file, seconds(check["interval"]), seconds(check["timeout"]))
            restarts = check.get("check_restart")
            kit.rule(file, not restarts or check["path"] == "/livez", "restarts by another probe than liveness")
            for restart in restarts or []:
                kit.budget(file, seconds(restart["grace"]))


def systemd(kit):
    file = "systemd/service.service"
    text = (kit.root / file).read_text()
    unit = dict(re.findall(r"^(\w+)=(.*)$", text, re.M))
    kit.version(file, text)
    kit.grace(file, seconds(unit["TimeoutStopSec"]))
    kit.budget(file, seconds(unit["TimeoutStartSec"]))
    kit.rule(file, unit["Type"] == "notify", "nothing waits for READY=1")


def main(root):
    kit = Kit(root)
    for platform in (kubernetes, docker, compose, railway, fly, haproxy, envoy, caddy, consul, nomad, systemd):
        platform(kit)
    for fault in kit.faults:
        print(fault, file=sys.stderr)
    print(f"{kit.rules} rules, {len(kit.faults)} broken")
    return 1 if kit.faults else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
