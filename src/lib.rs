//! watchbell: a terminal dashboard for people on call for Kubernetes clusters.
//!
//! The data goes one way. A pod travels
//! API server → [`cluster`] (asked, timed, decoded into [`facts`]) → [`msg`] over one bounded channel →
//! [`model`] (`update`: pure, no clock, no I/O) → [`ui`] (draws the visible slice) → the terminal.
//!
//! * *talk*: [`cluster`] owns every socket and every clock of a cluster; it never sees the model or the screen.
//! * *reduce*: [`facts`] is what we keep of an API object; plain data.
//! * *accumulate*: [`model`] is everything the screen knows; the same messages always give the same model.
//! * *draw*: [`ui`] and [`report`] read the model; nothing in them waits, asks or computes per object.
//!
//! [`sim`] is a simulated API server for the demo, the tests and game days; [`runtime`] and [`term`] tie the parts to a terminal,
//! and [`process`] owns every process that we start.

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
