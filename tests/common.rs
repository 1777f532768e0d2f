//! A simulation for the tests, and the program beside it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;
use watchbell::sim::{self, Control, Scenario, Simulation};

/// A simulated cluster on loopback with a kubeconfig for it.
pub(crate) struct Served {
    pub(crate) runtime: tokio::runtime::Runtime,
    pub(crate) simulation: Simulation,
    pub(crate) dir: TempDir,
}

impl Served {
    /// Serves a built-in scenario.
    pub(crate) fn scenario(name: &str) -> Self {
        Self::of(Scenario::builtin(name).unwrap())
    }

    /// Serves this scenario.
    pub(crate) fn of(scenario: Scenario) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let simulation = runtime.block_on(sim::start(scenario, listen)).unwrap();
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("kubeconfig"), simulation.kubeconfig()).unwrap();
        Self { runtime, simulation, dir }
    }

    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.dir.path().join("kubeconfig")
    }

    /// The server of the first cluster.
    pub(crate) fn control(&self) -> Control {
        let first = &self.simulation.clusters()[0];
        self.simulation.control(&first.context).unwrap()
    }
}

/// The program under test: the one that `WATCHBELL_BIN` names (CI names the release build), else this profile's.
pub(crate) fn binary() -> PathBuf {
    std::env::var_os("WATCHBELL_BIN").map_or_else(
        || env!("CARGO_BIN_EXE_watchbell").into(),
        |path| std::fs::canonicalize(path).expect("WATCHBELL_BIN names a file"),
    )
}

/// The program with an environment of its own: no configuration and no clusters of the machine that runs the test.
pub(crate) fn watchbell(served: &Served) -> Command {
    let mut command = Command::new(binary());
    command.env_clear().env("HOME", served.dir.path()).env("KUBECONFIG", served.kubeconfig());
    command
}
