//! The server as its clients see it, over TCP.

mod binary;
pub(in crate::sim) mod client;
mod events;
mod faults;
mod incident;
mod lists;
mod optional;
mod population;
mod scenarios;
mod watches;
mod zoo;

use super::*;

/// A simulation of one built-in scenario.
pub(in crate::sim) async fn simulate(name: &str) -> Simulation {
    let scenario = Scenario::builtin(name).expect("it comes with the program");
    start(scenario, "127.0.0.1:0".parse().unwrap()).await.expect("loopback has a free port")
}

/// The `small` scenario with its control and its address.
async fn small() -> (Simulation, Control, String) {
    let sim = simulate("small").await;
    let control = sim.control("small").unwrap();
    let url = sim.clusters()[0].url.clone();
    (sim, control, url)
}

/// The keys (`namespace/name` or name) of objects.
fn keys(objects: &serde_json::Value) -> Vec<String> {
    let key = |object: &serde_json::Value| {
        let meta = &object["metadata"];
        match meta["namespace"].as_str() {
            Some(namespace) => format!("{namespace}/{}", meta["name"].as_str().unwrap()),
            None => meta["name"].as_str().unwrap().to_owned(),
        }
    };
    objects.as_array().unwrap().iter().map(key).collect()
}
