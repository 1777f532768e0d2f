//! One binary for all integration tests: scenarios, screens, the program in a pseudo-terminal, the architecture.

#![expect(clippy::unwrap_used, clippy::panic, reason = "in a test, a panic is the report")]

mod architecture;
mod broken;
mod canary;
mod check;
mod corpus;
mod count;
mod descriptors;
mod docs;
mod faults_scope;
mod faults_transport;
mod faults_watch;
mod kubectl;
mod licenses;
mod optional;
mod protobuf;
mod pty;
mod pty_hangs;
mod pty_input;
mod pty_job;
mod pty_open;
mod pty_plugins;
mod pty_questions;
mod rig;
mod role;
mod rows;
mod schema;
mod slow_pages;
mod snapshot;
mod start;
mod stderr;
mod surroundings;
mod trust;
mod zoo;
