//! The certificates of a PEM file.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject};

use super::chain::{Validity, dates};
use crate::Failure;
use crate::indicators::shared::blocking::BlockingSlot;
use crate::indicators::shared::budget::Budget;

/// Longer than any chain, and short enough to read in each run.
const LIMIT: u64 = 1024 * 1024;

#[derive(Debug)]
pub(super) struct PemFile {
    path: PathBuf,
    slot: BlockingSlot,
}

impl PemFile {
    pub(super) fn new(path: PathBuf) -> Self {
        Self {
            path,
            slot: BlockingSlot::default(),
        }
    }

    pub(super) async fn read(&self, budget: &Budget) -> Result<Vec<Validity>, Failure> {
        let step = format!("reading {self}");
        let path = self.path.clone();
        let reading = self.slot.run(move || validities(&path));
        budget
            .within(&step, reading)
            .await?
            .map_err(|error| error.to_string())
            .and_then(|read| read)
            .map_err(|fault| Failure::new(format!("{step}: {fault}")))
    }

    pub(super) fn read_blocking(&self) -> Result<Vec<Validity>, String> {
        validities(&self.path).map_err(|fault| format!("{self}: {fault}"))
    }
}

impl fmt::Display for PemFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path.display().fmt(f)
    }
}

fn validities(path: &Path) -> Result<Vec<Validity>, String> {
    let mut text = Vec::new();
    let file = File::open(path).map_err(|error| error.to_string())?;
    file.take(LIMIT + 1)
        .read_to_end(&mut text)
        .map_err(|error| error.to_string())?;
    if text.len() as u64 > LIMIT {
        return Err("the file is longer than any chain of certificates".to_owned());
    }
    let chain = CertificateDer::pem_slice_iter(&text)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| damage(&error).to_owned())?;
    if chain.is_empty() {
        return Err("the file contains no certificate".to_owned());
    }
    dates(&chain)
}

/// The errors of the parser repeat the content of the file, which may be a key.
fn damage(error: &pem::Error) -> &'static str {
    match error {
        pem::Error::MissingSectionEnd { .. } => "the file ends in the middle of a PEM section",
        _ => "the file is not valid PEM",
    }
}
