//! Errors that leave nothing to show at all.

use crate::facts::text::Clean;

/// Error that leaves nothing to show at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KubeconfigError {
    /// A file cannot be read.
    #[error("cannot read kubeconfig `{path}`: {why}")]
    Read {
        /// The file.
        path: Clean,
        /// The system's error.
        why: Clean,
    },
    /// A file is not a kubeconfig.
    #[error("`{path}`{location} is not a kubeconfig: {why}")]
    Invalid {
        /// The file.
        path: Clean,
        /// ` line 3`; empty if the line is unknown.
        location: Clean,
        /// The mistake, without quoting the file.
        why: Clean,
    },
    /// No file, and no service account.
    #[error("no kubeconfig found (looked at {searched}); name one with `--kubeconfig` or $KUBECONFIG")]
    Nowhere {
        /// Searched locations.
        searched: Clean,
    },
    /// No context is selected and none is current.
    #[error("the kubeconfig has no current context; choose with `--context`: {known}")]
    NoCurrent {
        /// The contexts that exist.
        known: Clean,
    },
    /// An edit has removed the context.
    #[error("context `{name}` is gone")]
    Gone {
        /// Its name.
        name: Clean,
    },
    /// The requested context does not exist.
    #[error("no context `{name}` in the kubeconfig; there is {known}")]
    Unknown {
        /// Requested name.
        name: Clean,
        /// The contexts that exist.
        known: Clean,
    },
}
