//! The flags of `service watch`.

use std::path::PathBuf;
use std::time::Duration;

use super::duration;
use crate::Error;

#[derive(Debug)]
pub(crate) struct Watch {
    /// `https://…` or `http://…`.
    pub(crate) url: String,
    pub(crate) interval: Duration,
    pub(crate) timeout: Duration,
    pub(crate) verification: Verification,
}

/// Which certificates of a server are good.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verification {
    /// Those of an authority that the system trusts.
    System,
    /// Those of an authority in this file.
    File(PathBuf),
    /// Any. Whoever is on the way can then read and change everything.
    None,
}

/// As they were given.
#[derive(Default)]
pub(super) struct Flags {
    pub(super) url: Option<String>,
    pub(super) root_certificate: Option<PathBuf>,
    pub(super) interval: Option<String>,
    pub(super) dev_insecure: bool,
}

impl Flags {
    pub(super) fn is_set(&self) -> bool {
        self.root_certificate.is_some() || self.interval.is_some() || self.dev_insecure
    }

    pub(super) fn resolve(self, timeout: Option<String>) -> Result<Watch, Error> {
        let verification = self.verification(Build::this())?;
        let url = self.url.ok_or("watch needs the URL of a probe")?;
        if !url.starts_with("https://") && !url.starts_with("http://") {
            return Err(format!("{url:?} begins neither with https:// nor with http://").into());
        }
        let interval = duration("--interval", self.interval, "5s")?;
        if interval.is_zero() {
            return Err("--interval must be more than 0".into());
        }
        Ok(Watch {
            url,
            interval,
            timeout: duration("--timeout", timeout, "5s")?,
            verification,
        })
    }

    fn verification(&self, build: Build) -> Result<Verification, Error> {
        match (&self.root_certificate, self.dev_insecure, build) {
            (Some(_), true, _) => {
                Err("--root-certificate and --dev-insecure exclude each other".into())
            }
            (None, true, Build::Release) => Err("--dev-insecure is for debug builds: this one \
                takes no certificate unseen; use --root-certificate"
                .into()),
            (None, true, Build::Debug) => Ok(Verification::None),
            (Some(file), false, _) => Ok(Verification::File(file.clone())),
            (None, false, _) => Ok(Verification::System),
        }
    }
}

#[derive(Clone, Copy)]
enum Build {
    Debug,
    Release,
}

impl Build {
    fn this() -> Self {
        if cfg!(debug_assertions) {
            Self::Debug
        } else {
            Self::Release
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_build_takes_no_certificate_unseen() {
        let insecure = Flags {
            dev_insecure: true,
            ..Flags::default()
        };
        let in_debug = insecure.verification(Build::Debug).unwrap();
        assert_eq!(in_debug, Verification::None);
        let error = insecure.verification(Build::Release).unwrap_err();
        assert!(error.to_string().contains("--dev-insecure"), "{error}");

        let both = Flags {
            root_certificate: Some("authority.pem".into()),
            ..insecure
        };
        for build in [Build::Debug, Build::Release] {
            assert!(both.verification(build).is_err());
            let neither = Flags::default().verification(build).unwrap();
            assert_eq!(neither, Verification::System);
        }
    }
}
