//! Facts of API objects: the fields that this program uses, as plain data. No I/O, no clock.
//!
//! An object is decoded straight into its facts; the full object is never built. All text for the screen is made safe for a
//! terminal here, once ([`text`]).
//!
//! To add a resource of an optional API: a file here with its facts, their reader and its descriptor
//! ([`object::OptionalFacts`]), and a row of `optional_resources`. Its list and watch, its messages and its store follow from the
//! row.

pub mod accelerator;
pub mod api;
pub mod document;
pub mod dra;
pub mod event;
pub mod gang;
mod hami;
pub mod image;
mod json;
mod json_value;
pub mod lease;
mod message;
pub mod metrics;
pub mod node;
pub mod object;
pub mod owner;
pub mod pod;
pub(crate) mod proto;
pub mod quantity;
pub mod queue;
pub mod text;
pub mod wire;

/// Passes the rows of all optional resources to the macro `declare`; a row names the variant of `Resource` and `Batch`, the facts
/// and the field of the store.
macro_rules! optional_resources {
    ($declare:ident) => {
        $declare! {
            /// Leases of the kubelets.
            Leases($crate::facts::lease::LeaseFacts) in leases,
            /// `ResourceSlice`: devices that drivers offer.
            Slices($crate::facts::dra::SliceFacts) in slices,
            /// `ResourceClaim`: devices that are allocated to pods.
            Claims($crate::facts::dra::ClaimFacts) in claims,
            /// `DeviceClass`.
            Classes($crate::facts::dra::ClassFacts) in classes,
            /// `DeviceTaintRule`.
            Rules($crate::facts::dra::RuleFacts) in rules,
        }
    };
}
pub(crate) use optional_resources;

pub use crate::facts::json_value::read as read_json;
pub use json::repaired as repaired_json;
