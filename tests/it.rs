//! One binary for all integration tests: scenarios, screens, the program in a pseudo-terminal, the architecture.

#![expect(clippy::unwrap_used, clippy::panic, reason = "in a test, a panic is the report")]

mod architecture;
mod broken;
mod common;
mod docs;
mod kubectl;
mod protobuf;
mod pty;
mod snapshot;
