//! A simulated scenario, and a home folder for the program that watches it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tempfile::TempDir;
use tokio::runtime::{Handle, Runtime};
use watchbell::sim::{self, Change, Control, RequestLog, Scenario, Simulation};

/// Simulated clusters on loopback, and a folder with a kubeconfig for them.
pub(crate) struct TestServer {
    /// Runtime of the simulation, dropped before it; `None` if the runtime of an asynchronous test runs it.
    owned: Option<Runtime>,
    /// The runtime of the simulation.
    pub(crate) runtime: Handle,
    pub(crate) simulation: Simulation,
    pub(crate) dir: TempDir,
    /// Address of the first cluster's server.
    pub(crate) address: SocketAddr,
    changes: AtomicU32,
}

impl TestServer {
    /// Serves a built-in scenario; for tests that are not asynchronous.
    pub(crate) fn scenario(name: &str) -> Self {
        Self::from_scenario(Scenario::builtin(name).unwrap())
    }

    /// Serves this scenario; for tests that are not asynchronous.
    pub(crate) fn from_scenario(scenario: Scenario) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let mut served = runtime.block_on(Self::on_current_runtime(scenario));
        served.owned = Some(runtime);
        served
    }

    /// Serves three nodes and twenty pods on the runtime of the test.
    pub(crate) async fn small() -> Self {
        Self::on_current_runtime(Scenario::builtin("small").unwrap()).await
    }

    /// Serves this scenario on the runtime of the test.
    pub(crate) async fn on_current_runtime(scenario: Scenario) -> Self {
        let simulation = sim::start(scenario, SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("kubeconfig"), simulation.kubeconfig()).unwrap();
        let address = simulation.clusters()[0].url.trim_start_matches("http://").parse().unwrap();
        let (runtime, changes) = (Handle::current(), AtomicU32::new(0));
        Self { owned: None, runtime, simulation, dir, address, changes }
    }

    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.dir.path().join("kubeconfig")
    }

    /// The server of the first cluster.
    pub(crate) fn control(&self) -> Control {
        let first = &self.simulation.clusters()[0];
        self.simulation.control(&first.context).unwrap()
    }

    /// The requests for pages of a list over all namespaces.
    pub(crate) fn lists(&self, resource: &str) -> Vec<RequestLog> {
        let begins = format!("/api/v1/{resource}?limit=");
        let lists =
            |log: &RequestLog| log.path_and_query.starts_with(&begins) && log.path_and_query.contains("timeout=");
        self.control().requests().into_iter().filter(lists).collect()
    }

    /// Times between consecutive requests, by the server's clock.
    pub(crate) fn gaps(logs: &[RequestLog]) -> Vec<Duration> {
        logs.windows(2).map(|pair| pair[1].at.abs_diff(pair[0].at)).collect()
    }

    /// Changes the cluster: pods are added, deleted, finished and restarted, a node is cordoned, and another becomes not ready or
    /// recovers, so that every sum changes. Each call uses other pods.
    pub(crate) fn change(&self) {
        let round = self.changes.fetch_add(1, Ordering::Relaxed);
        let control = self.control();
        let apply = |change| control.apply(change);
        for name in ["late", "later", "ends"] {
            let (namespace, node) = ("web".to_owned(), Some("gpu-1".to_owned()));
            apply(Change::AddPod { namespace, name: format!("{name}-{round}"), node });
        }
        let (namespace, name) = ("web".to_owned(), format!("ends-{round}"));
        apply(Change::FinishPod { namespace, name, succeeded: round.is_multiple_of(2) });
        let dump = control.dump();
        let pods = dump["pods"].as_array().unwrap();
        let text = |pod: &serde_json::Value, key: &str| pod["metadata"][key].as_str().unwrap().to_owned();
        let counts =
            |pod: &&serde_json::Value| !matches!(pod["status"]["phase"].as_str(), Some("Succeeded" | "Failed"));
        let mut on_worker = pods.iter().filter(|pod| pod["spec"]["nodeName"] == "worker-1").filter(counts);
        if let Some(pod) = on_worker.next() {
            apply(Change::DeletePod { namespace: text(pod, "namespace"), name: text(pod, "name") });
        }
        if let Some(pod) = on_worker.next() {
            apply(Change::RestartPod { namespace: text(pod, "namespace"), name: text(pod, "name") });
        }
        let (worker, gpu) = ("worker-1".to_owned(), "gpu-1".to_owned());
        if round.is_multiple_of(2) {
            apply(Change::Cordon { node: worker });
            apply(Change::NodeNotReady { node: gpu });
        } else {
            apply(Change::Uncordon { node: worker });
            apply(Change::NodeRecovered { node: gpu.clone() });
            apply(Change::GpusWithdrawn { node: gpu, count: round });
        }
    }
}

/// Parses a scenario from TOML.
pub(crate) fn scenario(text: &str) -> Scenario {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("scenario.toml");
    std::fs::write(&path, text).unwrap();
    Scenario::load(&path).unwrap()
}

/// Makes the kubeconfig's user get its token from a shell script, run as a credential plugin.
pub(crate) fn set_exec_plugin(served: &TestServer, script: &str, mode: &str) {
    let text = std::fs::read_to_string(served.kubeconfig()).unwrap();
    let exec = serde_json::json!({"exec": {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "/bin/sh",
        "args": ["-c", script],
        "interactiveMode": mode,
    }});
    let changed = text.replace("\"user\":{}", &format!("\"user\":{exec}"));
    assert_ne!(text, changed, "the kubeconfig has another shape than this test expects");
    std::fs::write(served.kubeconfig(), changed).unwrap();
}

/// Script of a credential plugin that asks for a password on the terminal.
pub(crate) const PASSWORD_PROMPT: &str = r#"printf 'Password: ' >&2
read answer
[ "$answer" = "open sesame" ] || { echo "wrong password" >&2; exit 1; }
echo '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"t0k"}}'"#;
