//! Which programs an image has.

use std::collections::BTreeSet;

use crate::files::dockerfile::{Dockerfile, Stage};
use crate::words;

/// Programs of an image.
#[derive(Clone, Debug)]
pub(crate) enum Programs {
    /// Nobody knows.
    Unknown,
    /// An image whose base is known.
    Known(Known),
}

/// What is known of an image.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    /// Programs by name; those that every image with a shell has are left out.
    names: BTreeSet<String>,
    /// Files and folders that were copied into it.
    files: BTreeSet<String>,
    /// What was run while it was built.
    runs: Vec<String>,
    /// Whether a Dockerfile says all that is in it; what is only named may get files from volumes.
    is_built: bool,
    is_musl: bool,
}

/// Programs that images with a shell often do not have. All others count as there.
const WATCHED: [&str; 13] = [
    "bash",
    "curl",
    "grpc_health_probe",
    "jq",
    "mongosh",
    "mysqladmin",
    "nc",
    "ncat",
    "netcat",
    "pg_isready",
    "python3",
    "redis-cli",
    "wget",
];

/// Packages that bring a watched program of another name, alone or with more behind a hyphen.
const PACKAGES: [(&str, &str); 4] = [
    ("postgresql", "pg_isready"),
    ("redis", "redis-cli"),
    ("netcat", "nc"),
    ("ncat", "nc"),
];

/// Where programs are installed.
const FOLDERS: [&str; 6] = [
    "/bin",
    "/usr/bin",
    "/usr/local/bin",
    "/sbin",
    "/usr/sbin",
    "/usr/local/sbin",
];

impl Programs {
    /// The programs of an image with this name.
    pub(crate) fn of_image(image: &str) -> Self {
        let names: &[&str] = match base_name(image) {
            // Those of distroless with a shell of busybox.
            (_, tag) if tag.starts_with("debug") => return Self::Unknown,
            (
                "scratch" | "static" | "static-debian12" | "cc" | "cc-debian12" | "base-debian12",
                _,
            ) => &[],
            ("alpine", _) => &["sh", "wget", "nc"],
            ("busybox", _) => &["sh", "wget", "nc"],
            ("debian" | "ubuntu", _) => &["sh", "bash"],
            ("postgres", tag) if tag.contains("alpine") => {
                &["sh", "bash", "wget", "nc", "pg_isready"]
            }
            ("postgres", _) => &["sh", "bash", "pg_isready"],
            ("redis" | "valkey", tag) if tag.contains("alpine") => {
                &["sh", "wget", "nc", "redis-cli"]
            }
            ("redis" | "valkey", _) => &["sh", "bash", "redis-cli"],
            _ => return Self::Unknown,
        };
        Self::Known(Known {
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            is_musl: image.contains("alpine"),
            ..Known::default()
        })
    }

    /// The programs of the image that this Dockerfile makes.
    pub(crate) fn of(file: &Dockerfile, target: Option<&str>) -> Self {
        match file.target(target) {
            Some(stage) => Self::of_stage(file, stage),
            None => Self::Unknown,
        }
    }

    pub(crate) fn of_stage(file: &Dockerfile, stage: &Stage) -> Self {
        let (stages, base) = file.ancestry(stage);
        let Self::Known(mut known) = Self::of_image(base) else {
            return Self::Unknown;
        };
        known.is_built = true;
        for stage in stages {
            known.files.extend(stage.copied.iter().cloned());
            let names = stage
                .copied
                .iter()
                .filter_map(|file| file.rsplit('/').next());
            known.names.extend(names.map(str::to_owned));
            known.runs.extend(stage.runs.iter().cloned());
        }
        Self::Known(known)
    }

    /// Whether this program is surely missing.
    pub(crate) fn lacks(&self, program: &str) -> bool {
        match self {
            Self::Unknown => false,
            Self::Known(known) => known.lacks(program),
        }
    }

    pub(crate) fn lacks_shell(&self) -> bool {
        matches!(self, Self::Known(known) if !known.has_shell())
    }

    /// Whether `localhost` may mean `::1` alone, as for the wget of busybox.
    pub(crate) fn is_musl(&self) -> bool {
        matches!(self, Self::Known(known) if known.is_musl)
    }
}

impl Known {
    fn has_shell(&self) -> bool {
        self.names.contains("sh")
    }

    fn lacks(&self, program: &str) -> bool {
        let (folder, name) = match program.rsplit_once('/') {
            Some((folder, name)) => (Some(folder), name),
            None => (None, program),
        };
        if self.names.contains(name) {
            return false;
        }
        match folder {
            // A relative path depends on the working directory.
            Some(folder) if !folder.starts_with('/') => false,
            // In a folder that was copied, or made by what was run.
            Some(_) if self.has_file(program) => false,
            Some(folder) if !FOLDERS.contains(&folder) && self.has_shell() => {
                self.is_built && !self.installs(name)
            }
            // What no shell can have installed is missing, whatever it is.
            _ if !self.has_shell() => true,
            _ => WATCHED.contains(&name) && !self.installs(name),
        }
    }

    /// Whether this file was copied, or a folder that it is in.
    fn has_file(&self, path: &str) -> bool {
        let is_it = |rest: &str| rest.is_empty() || rest.starts_with('/');
        self.files
            .iter()
            .any(|file| path.strip_prefix(file.as_str()).is_some_and(is_it))
    }

    /// Whether something that was run while the image was built brings this program.
    fn installs(&self, program: &str) -> bool {
        let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
        let brings = |word: &str| {
            word == program
                || PACKAGES.iter().any(|(package, name)| {
                    *name == program
                        && word
                            .strip_prefix(package)
                            .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
                })
        };
        self.runs
            .iter()
            .flat_map(|run| words::commands(run))
            .filter(|command| {
                let removes = ["remove", "purge", "del"];
                command
                    .words
                    .iter()
                    .all(|word| !removes.contains(&word.as_str()))
            })
            .flat_map(|command| command.words)
            .any(|word| word.split(|c| !is_word(c)).any(brings))
    }
}

/// Whether the image is the one that somebody calls by this name.
pub(crate) fn is_named(image: &str, name: &str) -> bool {
    let bare = |image: &str| {
        let image = image.split('@').next().unwrap_or(image).to_owned();
        match image.rsplit_once(':') {
            Some((before, tag)) if !tag.contains('/') => before.to_owned(),
            _ => image,
        }
    };
    let (image, name) = (bare(image), bare(name));
    image == name || image.ends_with(&format!("/{name}"))
}

/// The last part of an image's name, and its tag.
fn base_name(image: &str) -> (&str, &str) {
    let image = image.split('@').next().unwrap_or(image);
    let name = image.rsplit('/').next().unwrap_or(image);
    name.split_once(':').unwrap_or((name, ""))
}

/// Whether an image with this name is not the service, but something that it needs.
#[rustfmt::skip]
pub(crate) fn is_third_party(image: &str) -> bool {
    const KNOWN: &[&str] = &[
        "adminer", "alertmanager", "busybox", "caddy", "cadvisor", "clickhouse-server", "cloudflared",
        "consul", "curl", "dragonfly", "elasticsearch", "envoy", "etcd", "fluent-bit", "gotenberg",
        "grafana", "haproxy", "influxdb", "jaeger", "kafka", "keycloak", "kibana", "loki", "mailhog",
        "mailpit", "mariadb", "memcached", "minio", "mongo", "mongodb", "mysql", "nats", "nginx",
        "node-exporter", "oauth2-proxy", "opensearch", "opentelemetry-collector",
        "opentelemetry-collector-contrib", "otel-collector", "pgadmin4", "pgbouncer", "postgres",
        "postgresql", "prometheus", "promtail", "rabbitmq", "redis", "redpanda", "tempo", "traefik",
        "valkey", "vault", "vector", "zookeeper",
    ];
    let (name, _) = base_name(image);
    KNOWN.contains(&name) || image.contains("envoyproxy/")
}

#[cfg(test)]
mod tests {
    use super::Programs;
    use crate::files::dockerfile::parse;

    #[test]
    fn an_image_has_what_its_base_brings_and_what_its_dockerfile_adds() {
        let file = parse(
            "FROM debian:bookworm-slim AS base\nRUN apt-get install -y --no-install-recommends curl\n\
             FROM base\nCOPY --from=build /x/service /app/service\n",
        );
        let programs = Programs::of(&file, None);
        for present in ["curl", "sh", "/app/service", "service", "/usr/bin/curl"] {
            assert!(!programs.lacks(present), "{present}");
        }
        for present in ["cat", "grep", "timeout", "/usr/bin/test", "./service"] {
            assert!(!programs.lacks(present), "{present}");
        }
        for absent in ["wget", "/app/other", "/usr/bin/wget"] {
            assert!(programs.lacks(absent), "{absent}");
        }
    }

    #[test]
    fn a_program_is_there_if_something_that_was_run_brings_it() {
        let lacks = |run: &str, program: &str| {
            let file = parse(&format!("FROM debian:bookworm-slim\nRUN {run}\n"));
            Programs::of(&file, None).lacks(program)
        };
        assert!(!lacks("apt-get install -y curl=7.88.*", "curl"));
        assert!(!lacks("apt-get install -y netcat-openbsd", "nc"));
        assert!(!lacks("apk add postgresql-client", "pg_isready"));
        assert!(!lacks(
            "wget -qO /bin/grpc_health_probe x",
            "grpc_health_probe"
        ));
        assert!(lacks("apt-get update && apt-get purge -y curl", "curl"));
        assert!(lacks("apt-get install -y ca-certificates", "curl"));
    }

    #[test]
    fn nothing_is_missing_in_an_image_that_nobody_knows() {
        assert!(!Programs::of_image("ghcr.io/a/b:1").lacks("curl"));
        let empty = parse("FROM scratch\nCOPY --from=build /x/service /app/service\n");
        assert!(Programs::of(&empty, None).lacks("cat"));
        assert!(!Programs::of(&empty, None).lacks("/app/service"));
        assert!(Programs::of_image("gcr.io/distroless/static-debian12").lacks_shell());
    }
}
