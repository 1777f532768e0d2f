//! Limits of the process that it cannot live with, told before anything is begun.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::process::{Resource, getrlimit, setrlimit};

/// Files that are open when one cluster is watched: about 30 at the start, with those of the system's resolver and of a plugin.
const FILES: usize = 48;

/// Fifty clusters need no more; some plugins, which inherit the limit, walk through all numbers below it.
const ENOUGH_FILES: u64 = 4_096;

/// Why the program cannot work here.
#[derive(Debug, thiserror::Error)]
#[error(
    "only {free} more files can be open (`ulimit -n` is {limit}), and {FILES} are needed at least: {error}; raise the limit"
)]
pub struct TooFewFiles {
    free: usize,
    limit: String,
    error: io::Error,
}

/// Raises the limit of open files as far as we may, and finds out whether it is enough.
///
/// # Errors
/// [`TooFewFiles`], with the limit in force.
pub fn ensure_files() -> Result<(), TooFewFiles> {
    let mut limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.map_or(ENOUGH_FILES, |most| most.min(ENOUGH_FILES));
    if limit.current.is_some_and(|current| current < wanted) {
        limit.current = Some(wanted);
        // What cannot be raised may still be enough.
        let _ = setrlimit(Resource::Nofile, limit);
    }
    let mut open: Vec<OwnedFd> = Vec::with_capacity(FILES);
    while open.len() < FILES {
        match io::stdin().as_fd().try_clone_to_owned() {
            Ok(file) => open.push(file),
            Err(error) => {
                let limit =
                    getrlimit(Resource::Nofile).current.map_or_else(|| "unlimited".to_owned(), |most| most.to_string());
                return Err(TooFewFiles { free: open.len(), limit, error });
            }
        }
    }
    Ok(())
}
