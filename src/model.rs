//! `Model`: the whole state of the application. Pure: the same messages at the same times always give the same model.
//!
//! A tree, in which a module may use only those above it: [`known`], [`rules`], [`settings`], [`time`], `natural` and `sorter`;
//! [`store`]; [`mod@derive`]; [`table`]; [`alerts`]; [`cluster`]; [`app`].

pub mod alerts;
pub mod app;
pub mod cluster;
pub mod derive;
pub mod known;
pub(crate) mod natural;
pub mod rules;
pub mod settings;
pub(crate) mod sorter;
pub mod store;
pub mod table;
pub mod time;

pub use app::Model;
pub use app::screens::{Mode, NodePane, Screen};
pub use known::Known;
pub use settings::{ClusterSpec, Conventions, Settings};

#[cfg(test)]
pub(crate) mod fixture;
