//! Files named by the user: one reader with a size limit and a deadline, and a check of who else could have written a file.

use std::fmt;
use std::fs::{self, File, Metadata};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::fs::OFlags;

mod owners;

pub use owners::{others_may_replace, others_may_write};

/// Maximum number of reader threads: on a file system that does not respond, every read blocks one.
const MOST_READERS: usize = 512;

/// Number of reads in progress, including those that hang.
static READERS: AtomicUsize = AtomicUsize::new(0);

/// Size limit and deadline of a read.
#[derive(Clone, Copy, Debug)]
pub struct ReadLimit {
    /// Maximum size in bytes; a larger file is an error.
    pub bytes: u64,
    /// Deadline, for a pipe whose writer or a file system that does not respond.
    pub within: Duration,
}

/// Contents of a file.
pub struct Contents {
    /// All bytes of the file.
    pub bytes: Vec<u8>,
    /// Metadata at the time of opening.
    pub metadata: Metadata,
    /// Reason why somebody else could have written or replaced the file, if any: a command in it may not be ours.
    pub others: Option<String>,
}

/// Error while reading a file.
#[derive(Debug)]
pub enum ReadError {
    /// Error of the system.
    Io(io::Error),
    /// It is a directory.
    Directory,
    /// It is larger than this many bytes.
    TooLarge(u64),
    /// It could not be read completely within this time.
    Late(Duration),
}

impl ReadError {
    /// Returns `true` if the file does not exist.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Io(error) if error.kind() == io::ErrorKind::NotFound)
    }

    /// Returns `true` if the system denies access.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        matches!(self, Self::Io(error) if error.kind() == io::ErrorKind::PermissionDenied)
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => f.write_str(&words(error)),
            Self::Directory => f.write_str("it is a directory"),
            Self::TooLarge(bytes) if bytes >> 20 > 0 => write!(f, "it is larger than {} MB", bytes >> 20),
            Self::TooLarge(bytes) => write!(f, "it is larger than {bytes} bytes"),
            Self::Late(within) => write!(f, "it could not be read within {} s", within.as_secs()),
        }
    }
}

impl std::error::Error for ReadError {}

/// Reads a file, a pipe or a device as a whole. Blocking, but never longer than `limit.within`.
///
/// # Errors
/// [`ReadError`]; its texts never contain the file's contents.
pub fn read(path: &Path, limit: ReadLimit) -> Result<Contents, ReadError> {
    let (path, (done, result)) = (path.to_owned(), mpsc::sync_channel(1));
    if READERS.fetch_add(1, Ordering::Relaxed) >= MOST_READERS {
        READERS.fetch_sub(1, Ordering::Relaxed);
        return Err(ReadError::Late(limit.within));
    }
    // Opening a pipe without a writer, or a file on a dead file system, cannot be cancelled: the thread is abandoned.
    let reader = thread::Builder::new().name("file".to_owned()).spawn(move || {
        // The caller may have timed out.
        let _ = done.send(read_now(&path, limit.bytes));
        READERS.fetch_sub(1, Ordering::Relaxed);
    });
    if let Err(error) = reader {
        READERS.fetch_sub(1, Ordering::Relaxed);
        return Err(ReadError::Io(error));
    }
    result.recv_timeout(limit.within).unwrap_or(Err(ReadError::Late(limit.within)))
}

/// Writes a file that only we can read: a new one, or one that replaces a file of ours that begins with `mark`. Follows no link.
///
/// # Errors
/// If another file exists already, or the file cannot be created.
pub fn write_own(path: &Path, mark: &str, text: &str) -> io::Result<()> {
    let create = || File::options().write(true).create_new(true).mode(0o600).open(path);
    let mut file = match create() {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            if !is_own(path, mark) {
                let why = "it exists already and was not written by this command; name another file, or remove it";
                return Err(io::Error::new(io::ErrorKind::AlreadyExists, why));
            }
            fs::remove_file(path)?;
            create()?
        }
        created => created?,
    };
    file.write_all(format!("{mark}{text}").as_bytes())
}

fn is_own(path: &Path, mark: &str) -> bool {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let Ok(file) = File::options().read(true).custom_flags(flags).open(path) else { return false };
    let is_ours = file.metadata().is_ok_and(|meta| meta.is_file() && meta.uid() == rustix::process::geteuid().as_raw());
    let mut begin = Vec::new();
    is_ours && file.take(mark.len() as u64).read_to_end(&mut begin).is_ok() && begin == mark.as_bytes()
}

fn read_now(path: &Path, most: u64) -> Result<Contents, ReadError> {
    let file = File::open(path).map_err(ReadError::Io)?;
    let metadata = file.metadata().map_err(ReadError::Io)?;
    if metadata.is_dir() {
        return Err(ReadError::Directory);
    }
    if metadata.is_file() && metadata.len() > most {
        return Err(ReadError::TooLarge(most));
    }
    let mut bytes = Vec::new();
    file.take(most.saturating_add(1)).read_to_end(&mut bytes).map_err(ReadError::Io)?;
    if bytes.len() as u64 > most {
        return Err(ReadError::TooLarge(most));
    }
    let others = owners::others_may_write_at(path, &metadata);
    Ok(Contents { bytes, metadata, others })
}

/// Text of a system error in the words of `strerror`: `exec format error`.
#[must_use]
pub fn words(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error ").next().unwrap_or_default();
    let mut letters = text.chars();
    match (letters.next(), letters.clone().next()) {
        // An acronym keeps its capitals.
        (Some(first), Some(second)) if !second.is_uppercase() => first.to_lowercase().chain(letters).collect(),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::fs::PermissionsExt;

    use tokio::time::Instant;

    use super::*;

    const LIMIT: ReadLimit = ReadLimit { bytes: 1 << 20, within: Duration::from_secs(5) };

    #[test]
    fn a_device_without_end_is_refused_at_the_limit() {
        let error = read(Path::new("/dev/zero"), LIMIT).err().unwrap();
        assert_eq!(error.to_string(), "it is larger than 1 MB");
    }

    #[test]
    fn a_pipe_is_read_to_its_end_and_one_without_a_writer_is_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        let writer = path.clone();
        let writer = thread::spawn(move || {
            let mut pipe = File::options().write(true).open(writer).unwrap();
            for part in ["one ", "two"] {
                pipe.write_all(part.as_bytes()).unwrap();
                thread::sleep(Duration::from_millis(20));
            }
        });
        assert_eq!(read(&path, LIMIT).ok().unwrap().bytes, b"one two");
        writer.join().unwrap();
        let begun = Instant::now();
        let error = read(&path, ReadLimit { within: Duration::from_millis(100), ..LIMIT }).err().unwrap();
        assert!(matches!(error, ReadError::Late(_)) && begun.elapsed() < Duration::from_secs(4), "{error}");
    }

    #[test]
    fn reasons_are_the_systems_words_without_numbers() {
        let error = read(Path::new("/nowhere/at-all"), LIMIT).err().unwrap();
        assert!(error.is_missing());
        assert_eq!(error.to_string(), "no such file or directory");
        assert_eq!(read(Path::new("/"), LIMIT).err().unwrap().to_string(), "it is a directory");
        assert_eq!(words(&io::Error::from_raw_os_error(8)), "exec format error");
    }

    #[test]
    fn a_file_that_others_may_write_is_distinguished_from_ours() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "").unwrap();
        for (mode, ours) in [(0o600, true), (0o644, true), (0o664, false), (0o646, false)] {
            std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
            let metadata = read(&path, LIMIT).ok().unwrap().metadata;
            assert_eq!(others_may_write(&metadata).is_none(), ours, "{mode:o}");
        }
    }

    #[test]
    fn a_written_file_is_new_and_ours_alone_and_replaces_only_what_was_written_so() {
        let dir = tempfile::tempdir().unwrap();
        let (path, link, other) = (dir.path().join("kc"), dir.path().join("link"), dir.path().join("other"));
        fs::write(&other, "precious").unwrap();
        for text in ["one", "two"] {
            write_own(&path, "# ours\n", text).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), format!("# ours\n{text}"));
            assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        }
        assert_eq!(write_own(&other, "# ours\n", "x").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        for target in [&path, &other, &dir.path().join("none")] {
            std::os::unix::fs::symlink(target, &link).unwrap();
            assert!(write_own(&link, "# ours\n", "x").is_err(), "a link to {}", target.display());
            fs::remove_file(&link).unwrap();
        }
        assert!(write_own(dir.path(), "# ours\n", "x").is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "# ours\ntwo");
        assert_eq!(fs::read_to_string(&other).unwrap(), "precious");
    }
}
