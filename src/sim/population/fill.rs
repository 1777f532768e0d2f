//! Fills a cluster's nodes with pods, in the order in which the counts of the scenario are reached.

use super::catalogue::{
    CALICO, CONTROL, COREDNS, CSI, DCGM, DISCOVERY, DRIVER, EXPORTER, FLUENT, LOADER, NAMES, NFD, PLUGIN, PROXY,
    SERVER, TOOLKIT, TRAINER, WAIT, WEB,
};
use super::workloads::Recipe;
use super::{World, no_room};
use crate::sim::event::EventRecord;
use crate::sim::meta::SimMeta;
use crate::sim::object::SimObject;
use crate::sim::pod::{PodState, Workload};
use crate::sim::resource::SimResource;
use crate::sim::scenario::{NodeRole, ScenarioCluster};
use crate::sim::template::uid_text;

impl World {
    /// Adds `DaemonSet`s, static pods and cluster DNS; returns the number of pods.
    pub(super) fn add_system(&mut self, spec: &ScenarioCluster) -> Result<u32, String> {
        let daemon = |namespace, name, containers| Recipe::new(Workload::DaemonSet, namespace, name, containers);
        let mut everywhere =
            vec![daemon("calico-system", "calico-node", CALICO).init(WAIT), daemon("kube-system", "kube-proxy", PROXY)];
        let mut on_gpus = vec![daemon("gpu-operator", "nvidia-device-plugin-daemonset", PLUGIN).init(WAIT)];
        if !spec.pods.light_system {
            everywhere.push(daemon("monitoring", "node-exporter", EXPORTER));
            everywhere.push(daemon("logging", "fluent-bit", FLUENT));
            everywhere.push(daemon("storage", "csi-rbdplugin", CSI));
            on_gpus.push(daemon("gpu-operator", "gpu-feature-discovery", DISCOVERY));
            on_gpus.push(daemon("gpu-operator", "nvidia-dcgm-exporter", DCGM).init(WAIT));
            on_gpus.push(daemon("gpu-operator", "nvidia-driver-daemonset", DRIVER));
            on_gpus.push(daemon("gpu-operator", "nvidia-container-toolkit-daemonset", TOOLKIT));
            on_gpus.push(daemon("gpu-operator", "gpu-operator-node-feature-discovery-worker", NFD));
        }
        let mut count = 0;
        for (recipes, gpu_only) in [(everywhere, false), (on_gpus, true)] {
            for recipe in recipes {
                let shape = recipe.shape(self.seeds.rng.u128(..), spec.pods.detail);
                for index in 0..self.budgets.len() {
                    if !gpu_only || self.budgets[index].gpus > 0 {
                        count += self.place_pod(&shape, index)?;
                    }
                }
            }
        }
        for (name, containers) in CONTROL {
            let shape = Recipe::new(Workload::Static, "kube-system", name, containers).shape(2, spec.pods.detail);
            for index in 0..self.budgets.len() {
                if self.budgets[index].role == NodeRole::ControlPlane {
                    count += self.place_pod(&shape, index)?;
                }
            }
        }
        if !self.budgets.is_empty() {
            let dns = Recipe::new(Workload::Deployment, "kube-system", "coredns", COREDNS).tolerant();
            let shape = dns.shape(self.seeds.rng.u128(..), spec.pods.detail);
            for _ in 0..2 {
                let index = self.find_node(&shape, true).ok_or_else(|| no_room(&shape))?;
                count += self.place_pod(&shape, index)?;
            }
        }
        Ok(count)
    }

    /// Adds training jobs and inference servers up to the number of requested devices; workloads of the scenario request
    /// `declared` of them.
    pub(super) fn add_gpu_pods(
        &mut self,
        spec: &ScenarioCluster,
        mut counted: u32,
        declared: u32,
    ) -> Result<u32, String> {
        let mut left = spec.pods.gpus_requested.checked_sub(declared).ok_or_else(|| {
            format!("`gpus_requested` is {}, but the workloads alone request {declared}", spec.pods.gpus_requested)
        })?;
        let mut serial = 0;
        while left > 0 {
            let biggest = self.with_devices.iter().map(|&i| self.budgets[i].gpus).max().unwrap_or(0);
            let mut gpus = [8, 8, 4, 1, 8, 2, 1, 4][serial % 8].min(left).min(biggest);
            if gpus > 0 && !gpus.is_power_of_two() {
                gpus = 1;
            }
            if gpus == 0 {
                return Err(format!("{left} of {} devices find no node", spec.pods.gpus_requested));
            }
            // Big clusters have big workloads, not more of them: a template costs far more than a pod.
            let scale = spec.pods.gpus_requested.div_ceil(10_000);
            let (recipe, replicas) = if gpus >= 4 {
                let name = format!("{}-{}", ["llm-7b", "llm-70b", "vision-xl", "asr-large"][serial % 4], 100 + serial);
                (Recipe::new(Workload::Job, "train", name, TRAINER).init(WAIT), self.seeds.rng.u32(1..=6) * scale)
            } else {
                let name = format!("{}-{serial}", ["embedder", "reranker", "chat", "whisper"][serial % 4]);
                (Recipe::new(Workload::Deployment, "inference", name, SERVER), self.seeds.rng.u32(2..=10) * scale)
            };
            serial += 1;
            let shape = recipe.gpus(gpus).shape(self.seeds.rng.u128(..), spec.pods.detail);
            for _ in 0..replicas {
                if left < gpus || counted >= spec.pods.counted {
                    break;
                }
                let Some(index) = self.find_node(&shape, true) else { break };
                counted += self.place_pod(&shape, index)?;
                left -= gpus;
            }
            if counted >= spec.pods.counted && left > 0 {
                return Err(format!(
                    "{} counted pods are too few for {} devices",
                    spec.pods.counted, spec.pods.gpus_requested
                ));
            }
        }
        Ok(counted)
    }

    /// Adds ordinary services up to the number of counted pods.
    pub(super) fn add_services(&mut self, spec: &ScenarioCluster, mut counted: u32) -> Result<(), String> {
        if counted > spec.pods.counted {
            return Err(format!(
                "`counted` is {}, but DaemonSets and static pods alone are {counted}",
                spec.pods.counted
            ));
        }
        let mut serial = 0;
        while counted < spec.pods.counted {
            let name = format!("{}-{}", NAMES[serial % NAMES.len()], serial / NAMES.len());
            let recipe = if serial % 2 == 0 {
                Recipe::new(Workload::Deployment, "web", name, WEB)
            } else {
                Recipe::new(Workload::Job, "data", name, LOADER).tolerant()
            };
            serial += 1;
            // Big clusters have big workloads, not more of them: a template costs far more than a pod.
            let replicas = self.seeds.rng.u32(5..=30).max(spec.pods.counted / 100).min(spec.pods.counted - counted);
            let shape = recipe.shape(self.seeds.rng.u128(..), spec.pods.detail);
            for _ in 0..replicas {
                let Some(index) = self.find_node(&shape, recipe.tolerant).or_else(|| self.find_node(&shape, true))
                else {
                    return Err(no_room(&shape));
                };
                counted += self.place_pod(&shape, index)?;
            }
        }
        Ok(())
    }

    /// Adds finished pods of Jobs and evicted pods.
    pub(super) fn add_finished(&mut self, spec: &ScenarioCluster) {
        let mut left = spec.pods.finished;
        let mut serial = 0;
        while left > 0 && !self.budgets.is_empty() {
            let recipe = Recipe::new(Workload::Job, "data", format!("nightly-{serial}"), LOADER).tolerant();
            serial += 1;
            let shape = recipe.shape(self.seeds.rng.u128(..), spec.pods.detail);
            for ordinal in 0..left.min(40.max(spec.pods.finished / 20)) {
                let index = self.seeds.rng.usize(..self.budgets.len());
                let host = Some(self.budgets[index].host.clone());
                let age = i64::from(self.seeds.rng.u32(3_600..90_000));
                let mut pod = self.pod(&shape, host, ordinal, age);
                let roll = self.seeds.rng.u32(0..100);
                pod.state = match roll {
                    0..85 => PodState::Succeeded,
                    85..97 => PodState::Failed,
                    _ => PodState::Evicted,
                };
                pod.finished = pod.started + i64::from(self.seeds.rng.u32(60..3_000));
                pod.updated = pod.finished;
                self.finished.push_back(pod.meta.key.clone());
                self.store.seed(SimObject::Pod(pod));
                left -= 1;
            }
        }
    }

    /// Adds pods without a node, beside the `declared` ones of workloads of the scenario.
    pub(super) fn add_unscheduled(&mut self, spec: &ScenarioCluster, declared: u32) {
        let shape = Recipe::new(Workload::Job, "train", "sweep-512", TRAINER).gpus(8).shape(3, spec.pods.detail);
        for ordinal in 0..spec.pods.unscheduled.saturating_sub(declared) {
            let age = i64::from(self.seeds.rng.u32(30..7_200));
            let pod = self.pod(&shape, None, ordinal, age);
            self.store.seed(SimObject::Pod(pod));
        }
    }

    /// Adds a few events of the last hour; the API server deletes older ones (`--event-ttl`).
    pub(super) fn add_first_events(&mut self) {
        let crashing = self.store.all(SimResource::Pods).filter_map(|object| match &**object {
            SimObject::Pod(pod) if pod.state == PodState::CrashLoop => {
                Some((pod.meta.clone(), pod.shape.containers[0].name.clone()))
            }
            _ => None,
        });
        let crashing: Vec<_> = crashing.collect();
        for (meta, container) in crashing {
            let last = self.seeds.now - i64::from(self.seeds.rng.u32(5..600));
            let uid = self.seeds.rng.u128(..);
            let name = format!("{}.{:016x}", meta.name(), uid & u128::from(u64::MAX));
            self.store.seed(SimObject::Event(EventRecord {
                meta: SimMeta::new(meta.namespace(), &name, uid, last - 3_000),
                kind: "Pod",
                about_namespace: meta.namespace().into(),
                about_name: meta.name().into(),
                about_uid: uid_text(meta.uid).into(),
                container: container.clone(),
                reason: "BackOff".into(),
                message: format!("Back-off restarting failed container {container} in pod {}", meta.name()).into(),
                warning: true,
                source: "kubelet",
                count: self.seeds.rng.u32(10..400),
                last,
            }));
        }
        self.add_first_reports();
    }

    /// Adds events of pods whose image is missing, or that no node has room for.
    fn add_first_reports(&mut self) {
        let now = self.seeds.now;
        let events = self.store.all(SimResource::Pods).filter_map(|object| {
            let SimObject::Pod(pod) = &**object else { return None };
            let (reason, source) = match pod.state {
                PodState::ImagePullBackOff => ("Failed", "kubelet"),
                PodState::Unscheduled => ("FailedScheduling", "default-scheduler"),
                _ => return None,
            };
            // Shortly after the pod was created, but no longer ago than such events are kept.
            let event = self.pod_event(pod, reason, source, (pod.meta.created + 5).max(now - 3_000));
            Some(EventRecord { last: now - 40, count: 7, ..event })
        });
        let events: Vec<EventRecord> = events.collect();
        for event in events {
            self.store.seed(SimObject::Event(event));
        }
    }
}
