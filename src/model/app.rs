//! The application: the model of all clusters, its screens and where back leads, input and notices.

pub mod alerts;
pub mod detail;
pub(in crate::model) mod input;
pub mod screens;
