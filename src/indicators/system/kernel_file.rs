//! Files of `/proc` and `/sys` that stay open, so that they can still be read when the process has
//! no file descriptor left.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process;

use rustix::io::Errno;

/// The process that has opened a file. Below `/proc/self` this is the one that the file tells of, in
/// the child of a fork too.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Opener(u32);

impl Default for Opener {
    fn default() -> Self {
        Self(process::id())
    }
}

impl Opener {
    pub(super) fn is_this_process(self) -> bool {
        self == Self::default()
    }

    /// Another process than this one.
    #[cfg(test)]
    pub(super) fn parent() -> Self {
        Self(process::id().wrapping_add(1))
    }
}

/// A file that the kernel writes anew for each reader.
#[derive(Debug)]
pub(super) struct KernelFile {
    path: PathBuf,
    /// `Some` once it could be opened.
    file: Option<File>,
    opened_by: Opener,
    /// `Some` if it was not there, or not for this process, when it was last looked for.
    absence: Option<io::ErrorKind>,
}

impl KernelFile {
    pub(super) fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            file: None,
            opened_by: Opener::default(),
            absence: None,
        }
    }

    /// The text of the file now.
    ///
    /// # Errors
    ///
    /// Names the path. [`is_absent`] tells a file that this host does not have from one that could
    /// not be read.
    pub(super) fn read(&mut self) -> io::Result<String> {
        let file = self
            .file
            .as_ref()
            .filter(|_| self.opened_by.is_this_process());
        if let Some(text) = file.and_then(|file| text(file).ok()) {
            return Ok(text);
        }
        // What the open file belonged to may be gone, such as the cgroup.
        self.file = None;
        self.opened_by = Opener::default();
        let opened = File::open(&self.path).and_then(|file| Ok((text(&file)?, file)));
        match opened {
            Ok((text, file)) => {
                self.absence = None;
                self.file = Some(file);
                Ok(text)
            }
            Err(error) => Err(self.describe(&error)),
        }
    }

    /// `None` if there is no such file, or not for this process.
    pub(super) fn read_if_there(&mut self) -> io::Result<Option<String>> {
        match self.read() {
            Ok(text) => Ok(Some(text)),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The number that is the whole text. `None` for any other text, such as `max`, and for a file
    /// that is not there.
    pub(super) fn number(&mut self) -> io::Result<Option<u64>> {
        let text = self.read_if_there()?;
        Ok(text.and_then(|text| text.trim().parse().ok()))
    }

    fn describe(&mut self, error: &io::Error) -> io::Error {
        let kind = match (self.absence, Errno::from_io_error(error)) {
            // Without a descriptor the kernel does not even look for the file.
            (Some(absence), Some(Errno::MFILE | Errno::NFILE)) => absence,
            // A file of a part of the kernel that is turned off.
            (_, Some(Errno::OPNOTSUPP)) => io::ErrorKind::NotFound,
            _ => error.kind(),
        };
        self.absence = is_absent(&kind.into()).then_some(kind);
        io::Error::new(kind, format!("{}: {error}", self.path.display()))
    }
}

fn text(file: &File) -> io::Result<String> {
    let mut bytes = vec![0; 4096];
    let mut length = 0;
    loop {
        match file.read_at(&mut bytes[length..], length as u64) {
            Ok(0) => break,
            Ok(more) => length += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        if length == bytes.len() {
            bytes.resize(2 * length, 0);
        }
    }
    bytes.truncate(length);
    // The path of a mount point can be any bytes.
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Whether this host, or this container, does not offer the file. Any other error is a failure to
/// look: a value that could not be read must not pass for one that is well.
pub(super) fn is_absent(error: &io::Error) -> bool {
    let kinds = [io::ErrorKind::NotFound, io::ErrorKind::PermissionDenied];
    kinds.contains(&error.kind())
}

/// Whether the process (`EMFILE`) or the whole machine (`ENFILE`) can open nothing more.
pub(super) fn no_descriptor_is_left(error: &io::Error) -> bool {
    let errno = Errno::from_io_error(error);
    [Some(Errno::MFILE), Some(Errno::NFILE)].contains(&errno)
}

/// The number after this key in a text of `key number` lines, as in `memory.stat`, or of
/// `key:  number kB` lines, as in `/proc/meminfo`, where it is in kB.
pub(super) fn field(text: &str, key: &str) -> Option<u64> {
    text.lines().find_map(|line| {
        let mut words = line.split_ascii_whitespace();
        let name = words.next()?;
        let is_wanted = name.strip_suffix(':').unwrap_or(name) == key;
        is_wanted.then(|| words.next()?.parse().ok())?
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests end where they go wrong")]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_file_is_read_anew_each_time_whatever_its_length() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        let mut file = KernelFile::new(&path);
        for text in ["", "7\n", &"long ".repeat(5000), "short"] {
            fs::write(&path, text).unwrap();
            assert_eq!(file.read().unwrap(), text);
        }
    }

    #[test]
    fn a_file_that_the_parent_of_a_fork_has_opened_is_opened_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        let mut file = KernelFile::new(&path);
        fs::write(&path, "of the parent").unwrap();
        assert_eq!(file.read().unwrap(), "of the parent");
        let child = directory.path().join("child");
        fs::write(&child, "of the child").unwrap();
        fs::rename(child, path).unwrap();
        assert_eq!(file.read().unwrap(), "of the parent", "it is kept");
        file.opened_by = Opener::parent();
        for _ in 0..2 {
            assert_eq!(file.read().unwrap(), "of the child");
        }
        assert!(file.opened_by.is_this_process());
    }

    #[test]
    fn only_what_is_not_there_or_forbidden_is_absent() {
        let absent = |errno: Errno| is_absent(&io::Error::from(errno));
        for errno in [Errno::NOENT, Errno::ACCESS, Errno::PERM] {
            assert!(absent(errno), "{errno}");
        }
        for errno in [
            Errno::MFILE,
            Errno::NFILE,
            Errno::IO,
            Errno::NOMEM,
            Errno::SRCH,
        ] {
            assert!(!absent(errno), "{errno}");
        }
    }

    #[test]
    fn a_file_that_was_not_there_is_not_missed_when_no_descriptor_is_left() {
        let mut never_looked = KernelFile::new("/does/not/exist");
        let full = || io::Error::from(Errno::MFILE);
        assert!(!is_absent(&never_looked.describe(&full())));
        let mut known = KernelFile::new("/does/not/exist");
        assert!(is_absent(&known.read().unwrap_err()));
        for error in [Errno::MFILE, Errno::NFILE] {
            assert!(is_absent(&known.describe(&error.into())));
        }
        assert!(!is_absent(&known.describe(&Errno::IO.into())));
    }

    #[test]
    fn a_file_that_comes_later_is_found() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        let mut file = KernelFile::new(&path);
        assert_eq!(file.number().unwrap(), None);
        fs::write(&path, "7\n").unwrap();
        assert_eq!(file.number().unwrap(), Some(7));
        fs::write(&path, "max\n").unwrap();
        assert_eq!(file.number().unwrap(), None);
    }

    #[test]
    fn fields_are_found_by_their_whole_name() {
        let text = "anon_thp 1\nanon 2\nMemTotal:       3 kB\nbad x\n";
        for (key, value) in [("anon", Some(2)), ("MemTotal", Some(3)), ("bad", None)] {
            assert_eq!(field(text, key), value, "{key}");
        }
        assert_eq!(field(text, "Mem"), None);
    }
}
