//! Devices of dynamic resource allocation: slices for the nodes of groups with such devices, and claims for them.

use std::sync::Arc;

use serde_json::{Value, json};

use super::World;
use crate::sim::dynamic::DynamicRecord;
use crate::sim::meta::SimMeta;
use crate::sim::object::SimObject;
use crate::sim::resource::SimResource;
use crate::sim::scenario::{NodeGroup, ScenarioCluster};
use crate::sim::template::uid_text;

/// The driver of the simulated devices, and the class that they belong to.
const DRIVER: &str = "gpu.example.com";
const CLASS: &str = "gpu.example.com";
/// Number of parts that a simulated card can be divided into.
const PARTS: u32 = 7;

impl World {
    /// Adds slices, a device class and claims if the scenario has nodes with such devices.
    pub(super) fn add_dra(&mut self, spec: &ScenarioCluster) {
        let groups: Vec<&NodeGroup> = spec.nodes.iter().filter(|group| group.dra > 0).collect();
        if groups.is_empty() {
            return;
        }
        let class = json!({"spec": {"extendedResourceName": "example.com/gpu",
            "selectors": [{"cel": {"expression": format!("device.driver == \"{DRIVER}\"")}}]}});
        self.seed_dynamic(SimResource::Classes, "", CLASS, class);
        let mut free: Vec<(String, String)> = Vec::new();
        for group in groups {
            for node in (0..group.count).map(|i| group.node_name(i)) {
                // From 1.35 on a slice has either shared counters or devices, so a pool of cards has two.
                for (number, body) in [counters(group.dra), devices(group.dra)].into_iter().enumerate() {
                    let mut spec = json!({"driver": DRIVER, "nodeName": node,
                        "pool": {"name": node, "generation": 1, "resourceSliceCount": 2}});
                    for (key, value) in body.as_object().into_iter().flatten() {
                        spec[key] = value.clone();
                    }
                    let name = format!("{node}-{DRIVER}-{number}");
                    self.seed_dynamic(SimResource::Slices, "", &name, json!({"spec": spec}));
                }
                free.extend((0..group.dra).map(|card| (node.clone(), format!("gpu-{card}"))));
            }
        }
        for (number, (node, card)) in (0..spec.pods.claims).zip(free) {
            self.add_claim(number, &node, &card);
        }
    }

    /// Adds a claim. Every third takes a part of a card, every fourth has no consumer.
    fn add_claim(&mut self, number: u32, node: &str, card: &str) {
        let device = if number % 3 == 2 { format!("{card}-part-0") } else { card.to_owned() };
        let results = json!([{"request": "gpu", "driver": DRIVER, "pool": node, "device": device}]);
        let mut status = json!({"allocation": {"devices": {"results": results}}});
        if number % 4 != 3 {
            let uid = uid_text(self.seeds.rng.u128(..));
            status["reservedFor"] = json!([{"resource": "pods", "name": format!("dra-{number}"), "uid": uid}]);
        }
        let spec = json!({"devices": {"requests": [{"name": "gpu", "exactly":
            {"deviceClassName": CLASS, "allocationMode": "ExactCount", "count": 1}}]}});
        let name = format!("claim-{number}");
        self.seed_dynamic(SimResource::Claims, "train", &name, json!({"spec": spec, "status": status}));
    }

    fn seed_dynamic(&mut self, resource: SimResource, namespace: &str, name: &str, body: Value) {
        let uid = self.seeds.rng.u128(..);
        let meta = SimMeta::new(namespace, name, uid, self.seeds.now - 3_600);
        self.store.seed(SimObject::Dynamic(DynamicRecord { meta, resource, body: Arc::new(body) }));
    }
}

fn counters(cards: u32) -> Value {
    let set = |card| json!({"name": format!("gpu-{card}"), "counters": {"memory": {"value": "80Gi"}, "slices": {"value": PARTS.to_string()}}});
    json!({"sharedCounters": (0..cards).map(set).collect::<Vec<_>>()})
}

fn devices(cards: u32) -> Value {
    let device = |card: u32, name: String, memory: String, slices: u32| {
        json!({"name": name, "attributes": {"productName": {"string": "NVIDIA-H100-80GB-HBM3"}},
            "consumesCounters": [{"counterSet": format!("gpu-{card}"),
                "counters": {"memory": {"value": memory}, "slices": {"value": slices.to_string()}}}]})
    };
    let card = |card: u32| {
        let whole = device(card, format!("gpu-{card}"), "80Gi".to_owned(), PARTS);
        let part = move |part| device(card, format!("gpu-{card}-part-{part}"), "10Gi".to_owned(), 1);
        std::iter::once(whole).chain((0..PARTS).map(part))
    };
    json!({"devices": (0..cards).flat_map(card).collect::<Vec<_>>()})
}
