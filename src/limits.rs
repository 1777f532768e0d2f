//! Process limits that are too low, reported before the program starts its work.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::panic;
use std::thread;

use rustix::process::{Resource, getrlimit, setrlimit};

use crate::file::words;

/// Open files with one watched cluster: about 30 at the start, including those of the system's resolver and of a plugin.
const FILES: usize = 48;

/// Enough for fifty clusters; not more, because some plugins, which inherit the limit, iterate over all numbers below it.
const ENOUGH_FILES: u64 = 4_096;

/// Error: the limit of open files is too low.
#[derive(Debug, thiserror::Error)]
#[error(
    "only {free} more files can be open (`ulimit -n` is {limit}), and {FILES} are needed at least: {}; raise the limit",
    words(error)
)]
pub struct TooFewFiles {
    free: usize,
    limit: String,
    error: io::Error,
}

/// Minimum stack of the program, the same as the runtime's threads have, with room for unoptimised builds.
const STACK_BYTES: usize = 8 << 20;

/// Runs `program` with a large enough stack: on this thread, or on a new one if its limit (`ulimit -s`) is too low.
///
/// # Panics
/// If `program` panics, or the system has no memory for a thread.
pub fn with_enough_stack<T: Send>(program: impl FnOnce() -> T + Send) -> T {
    let is_enough = getrlimit(Resource::Stack).current.is_none_or(|bytes| bytes >= STACK_BYTES as u64);
    if is_enough {
        return program();
    }
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("main".to_owned()).stack_size(STACK_BYTES);
        // Without memory for a thread nothing else would work either.
        let thread = thread.spawn_scoped(scope, program).expect("a thread can be started");
        thread.join().unwrap_or_else(|panic| panic::resume_unwind(panic))
    })
}

/// Raises the limit of open files as far as allowed, and checks that it is enough.
///
/// # Errors
/// [`TooFewFiles`], with the limit in force.
pub fn ensure_files() -> Result<(), TooFewFiles> {
    let mut limit = getrlimit(Resource::Nofile);
    let needed = limit.maximum.map_or(ENOUGH_FILES, |most| most.min(ENOUGH_FILES));
    if limit.current.is_some_and(|current| current < needed) {
        limit.current = Some(needed);
        // If it cannot be raised, it may still be enough.
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
