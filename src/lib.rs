//! watchbell: a terminal dashboard for people on call for Kubernetes clusters.
//!
//! Data flows in one direction. A pod takes this path:
//! API server → [`cluster`] (requests, timing, decoding into [`facts`]) → [`msg`] over one bounded channel →
//! [`model`] (`update`: pure, no clock, no I/O) → [`ui`] (draws the visible slice) → the terminal.
//!
//! * *talk*: [`cluster`] owns every socket and every timer of a cluster; it never sees the model or the screen.
//! * *reduce*: [`facts`] holds the parts of API objects that are kept; plain data.
//! * *accumulate*: [`model`] is the state behind the screen; the same messages always give the same model.
//! * *draw*: [`ui`] and [`report`] read the model; nothing in them waits, sends requests or computes per object.
//!
//! [`sim`] is a simulated API server for the demo, the tests and game days; [`runtime`] and [`term`] tie the parts to a terminal,
//! and [`process`] owns every child process.

pub mod action;
pub mod cli;
pub mod clipboard;
pub mod clock;
pub mod cluster;
pub mod config;
pub mod facts;
pub mod file;
pub mod keymap;
pub mod limits;
pub mod logfile;
pub mod model;
pub mod msg;
pub mod notify;
pub mod process;
pub mod report;
pub mod resource;
pub mod role;
pub mod runtime;
pub mod sim;
pub mod stderr;
pub mod term;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod theme;
pub mod ui;
