//! Log file of `--log-file`: only we can read it, and its size is capped (`docs/security.md`).

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use rustix::fs::OFlags;

use crate::facts::text::sanitize;
use crate::file::others_may_write;

/// 64 MiB: weeks of a log at INFO; a log that fills the disk is worse than one that ends.
const MOST_BYTES: u64 = 64 << 20;
/// Last line of a full log.
const FULL: &[u8] = b"the log is full; nothing more is logged to this file\n";

/// Log with a maximum size.
#[derive(Debug)]
pub struct LogFile<W = File> {
    out: W,
    left: u64,
    full: bool,
}

/// Opens the log so that only we can read it; the mode of an existing file is restricted.
///
/// # Errors
/// If it is a symbolic link or not a regular file, if it is not ours, or if others may write it and so redirect our log.
pub fn open(path: &Path) -> io::Result<LogFile> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let file = OpenOptions::new().create(true).append(true).mode(0o600).custom_flags(flags).open(path)?;
    let meta = file.metadata()?;
    let wrong = if meta.is_file() { others_may_write(&meta) } else { Some("it is no regular file") };
    if let Some(why) = wrong {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
    }
    if meta.permissions().mode() & 0o077 != 0 {
        file.set_permissions(Permissions::from_mode(0o600))?;
    }
    Ok(LogFile::new(file, MOST_BYTES.saturating_sub(meta.len())))
}

impl<W: Write> LogFile<W> {
    fn new(out: W, left: u64) -> Self {
        Self { out, left, full: false }
    }
}

impl<W: Write> Write for LogFile<W> {
    /// Writes each event as one line of clean text. Lines beyond the cap are dropped, after one final note.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        let clean = sanitize(text.trim_end_matches('\n')).into_owned() + "\n";
        match self.left.checked_sub(clean.len() as u64).filter(|_| !self.full) {
            Some(left) => {
                self.out.write_all(clean.as_bytes())?;
                self.left = left;
            }
            None if !self.full => {
                self.full = true;
                self.out.write_all(FULL)?;
            }
            None => {}
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    use super::*;

    #[test]
    fn a_log_is_created_for_our_eyes_only_and_taken_up_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        for line in ["one\n", "two\n"] {
            open(&path).unwrap().write_all(line.as_bytes()).unwrap();
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), "one\ntwo\n");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_log_that_others_may_write_is_refused_and_one_that_they_may_read_is_narrowed() {
        let dir = tempfile::tempdir().unwrap();
        let (file, link) = (dir.path().join("log"), dir.path().join("link"));
        fs::write(&file, "").unwrap();
        symlink(&file, &link).unwrap();
        assert!(open(&link).is_err(), "a link");
        assert!(open(dir.path()).is_err(), "a directory");
        for (mode, refused) in [(0o644, false), (0o664, true), (0o646, true), (0o600, false)] {
            fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
            assert_eq!(open(&file).is_err(), refused, "{mode:o}");
            let left = if refused { mode } else { 0o600 };
            assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, left, "{mode:o}: others read no log of ours");
        }
    }

    #[test]
    fn a_full_log_says_so_once_and_takes_no_more() {
        let mut log = LogFile::new(Vec::new(), 10);
        for line in ["12345\n", "12345\n", "1\n"] {
            log.write_all(line.as_bytes()).unwrap();
        }
        assert_eq!(log.out, [b"12345\n", FULL].concat());
    }

    /// Logs are read in a terminal.
    #[test]
    fn an_event_is_one_line_of_clean_text() {
        let mut log = LogFile::new(Vec::new(), 1_000);
        log.write_all(b"INFO a\x1b]52;c;QQ==\x07b\nINFO forged\xff\n").unwrap();
        assert_eq!(String::from_utf8(log.out).unwrap(), "INFO a␛]52;c;QQ==�b INFO forged�\n");
    }
}
