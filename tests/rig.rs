//! The rig of all integration tests: one way to serve a scenario, one to run the program, one to run it in a terminal, and one
//! to run the tasks of a cluster in this process.

mod certificates;
mod engine;
mod program;
mod relay;
mod rules;
mod server;
mod terminal;

use std::thread;
use std::time::Duration;

use tokio::time::Instant;

pub(crate) use certificates::{Authority, Certificate};
pub(crate) use engine::{Rig, ms, quick, target};
pub(crate) use program::{binary, has_kubectl, kubectl, program_in, shell_in, snapshot, watchbell};
pub(crate) use relay::{Mode, Relay};
pub(crate) use server::{PASSWORD_PROMPT, TestServer, scenario, set_exec_plugin};
pub(crate) use terminal::{Terminal, is_known_sequence};

/// Maximum wait for a state, longer than any machine needs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until `done`, at most [`PATIENCE`].
#[track_caller]
pub(crate) fn wait_until(what: &str, done: impl Fn() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < PATIENCE, "never saw {what}");
        thread::sleep(Duration::from_millis(20));
    }
}
