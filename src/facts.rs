//! Facts of API objects: the fields that this program uses, as plain data. No I/O, no clock.
//!
//! An object is decoded straight into its facts; the full object is never built. All text for the screen is made safe for a
//! terminal here, once ([`text`]).

pub mod accelerator;
pub mod document;
pub mod dra;
pub mod event;
mod hami;
mod json;
mod json_value;
pub mod lease;
mod message;
pub mod metrics;
pub mod node;
pub mod object;
pub mod pod;
pub(crate) mod proto;
pub mod quantity;
pub mod text;
pub mod wire;

pub use crate::facts::json_value::read as read_json;
pub use json::mended as mended_json;
