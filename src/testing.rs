//! Checks that the unit tests, the integration tests, the benchmarks and the fuzz targets share.
//!
//! Compiled for tests and with the feature `testing`, which the program is never built with.

#![expect(clippy::panic, clippy::missing_panics_doc, reason = "in a test, a panic is the report")]

pub mod bodies;
pub mod oracle;
