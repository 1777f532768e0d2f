//! Scenarios: TOML with clusters, their churn, and a script of faults and changes.

mod apis;
mod bounds;
mod raw;
mod step;
mod workload;

use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use crate::facts::text::Clean;
use crate::file::{self, ReadLimit};

pub(super) use apis::{Access, ApisSpec};
use raw::RawSpec;
pub(super) use step::{ScriptStep, StepKind};
pub(super) use workload::{PodTemplate, ScenarioWorkload, WorkloadKind};

/// Limits for reading a scenario file, which may be a pipe.
const FILE: ReadLimit = ReadLimit { bytes: 4 << 20, within: Duration::from_secs(30) };
/// The built-in scenarios.
const BUILTIN: [(&str, &str); 8] = [
    ("reference", include_str!("../../assets/scenarios/reference.toml")),
    ("incident", include_str!("../../assets/scenarios/incident.toml")),
    ("fleet", include_str!("../../assets/scenarios/fleet.toml")),
    ("tenant", include_str!("../../assets/scenarios/tenant.toml")),
    ("small", include_str!("../../assets/scenarios/small.toml")),
    ("zoo", include_str!("../../assets/scenarios/zoo.toml")),
    ("large", include_str!("../../assets/scenarios/large.toml")),
    ("huge", include_str!("../../assets/scenarios/huge.toml")),
];

const BUILTIN_NAMES: [&str; BUILTIN.len()] = {
    let mut names = [""; BUILTIN.len()];
    let mut i = 0;
    while i < BUILTIN.len() {
        names[i] = BUILTIN[i].0;
        i += 1;
    }
    names
};

/// Reason why a scenario cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// No built-in scenario has this name.
    #[error("no scenario `{name}`; there are {known}")]
    Unknown {
        /// The requested name.
        name: String,
        /// The built-in names, separated by commas.
        known: String,
    },
    /// The file cannot be read.
    #[error("cannot read scenario `{path}`: {error}")]
    Read {
        /// The file.
        path: Clean,
        /// The system's reason.
        error: Clean,
    },
    /// The text is not a scenario.
    #[error("{file}:{line}: {key}{text}")]
    Parse {
        /// The file, or the name of a built-in scenario.
        file: String,
        /// Line, counted from 1.
        line: usize,
        /// The key on that line followed by a colon and a space; empty if there is none.
        key: String,
        /// The reason.
        text: String,
    },
}

/// A parsed scenario.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    #[serde(skip)]
    pub(super) name: String,
    /// A description in one line.
    #[expect(dead_code, reason = "required in every file, so that each says what it is")]
    title: String,
    /// The same seed makes the same clusters and the same faults.
    pub(super) seed: u64,
    /// The script starts again after this time.
    #[serde(default, deserialize_with = "bounds::optional_period")]
    pub(super) repeat: Option<Duration>,
    /// A built-in scenario whose clusters come before those of this one.
    base: Option<Spanned<String>>,
    #[serde(default, rename = "cluster")]
    pub(super) clusters: Vec<ScenarioCluster>,
    /// Workloads that are added to clusters, also to those of `base`.
    #[serde(default, rename = "workload")]
    workloads: Vec<ScenarioWorkload>,
    /// Raw objects that are added to every cluster, also to those of `base`, with the API that serves them.
    #[serde(default, rename = "raw")]
    raws: Vec<RawSpec>,
    #[serde(default, rename = "step")]
    pub(super) steps: Vec<ScriptStep>,
}

/// One cluster.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ScenarioCluster {
    pub(super) context: Spanned<String>,
    /// Seed of the cluster, which makes it the same in every scenario; by default derived from the scenario's.
    #[serde(default)]
    pub(super) seed: Option<u64>,
    /// Version of the API server and the kubelets.
    #[serde(default = "default_version", deserialize_with = "bounds::text")]
    pub(super) version: String,
    /// `true` if its address refuses connections.
    #[serde(default)]
    pub(super) unreachable: bool,
    /// Time for which changes are kept for watches and pages; the watch cache keeps 75 s (`cacher.go:74`).
    #[serde(default = "default_history", deserialize_with = "bounds::duration")]
    pub(super) history: Duration,
    /// `true` if `sendInitialEvents` is supported.
    #[serde(default)]
    pub(super) watch_list: bool,
    #[serde(default)]
    pub(super) nodes: Vec<NodeGroup>,
    #[serde(default)]
    pub(super) pods: PodsSpec,
    #[serde(default)]
    pub(super) churn: ChurnSpec,
    /// Objects that are served as declared.
    #[serde(default)]
    pub(super) raw: Vec<RawSpec>,
    #[serde(default)]
    pub(super) apis: ApisSpec,
    /// The `[[workload]]`s of the scenario that are for this cluster.
    #[serde(skip)]
    pub(super) workloads: Vec<ScenarioWorkload>,
}

/// Role of a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum NodeRole {
    ControlPlane,
    #[default]
    Worker,
}

/// A group of equal nodes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NodeGroup {
    #[serde(deserialize_with = "bounds::at_most::<_, { bounds::NODES }>")]
    pub(super) count: u32,
    /// `{}` stands for a number that counts up from `first`.
    #[serde(deserialize_with = "bounds::text")]
    pub(super) name: String,
    #[serde(default, deserialize_with = "bounds::at_most::<_, { bounds::FIRST }>")]
    pub(super) first: u32,
    #[serde(default)]
    pub(super) role: NodeRole,
    #[serde(default = "default_cpu", deserialize_with = "bounds::at_most::<_, { bounds::CORES }>")]
    pub(super) cpu: u32,
    #[serde(default = "default_memory", deserialize_with = "bounds::at_most::<_, { bounds::GIBIBYTES }>")]
    pub(super) memory_gib: u32,
    #[serde(default = "default_pods", deserialize_with = "bounds::at_most::<_, { bounds::NODE_PODS }>")]
    pub(super) pods: u32,
    #[serde(default, deserialize_with = "bounds::at_most::<_, { bounds::DEVICES }>")]
    pub(super) gpus: u32,
    #[serde(default = "default_resource", deserialize_with = "bounds::text")]
    pub(super) resource: String,
    #[serde(default = "default_product", deserialize_with = "bounds::text")]
    pub(super) product: String,
    #[serde(default)]
    pub(super) zone: u32,
    /// Cards that are published in slices of `resource.k8s.io`, each of which can be cut into seven.
    #[serde(default, deserialize_with = "bounds::at_most::<_, { bounds::DEVICES }>")]
    pub(super) dra: u32,
}

/// Size of the objects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ObjectSize {
    /// As in a real cluster: pods of 5 to 15 KB.
    #[default]
    Full,
    /// About half of that, for big clusters.
    Small,
}

/// The pods of a cluster.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct PodsSpec {
    /// Bound and not finished, with `DaemonSet`s and static pods.
    #[serde(deserialize_with = "bounds::at_most::<_, { bounds::PODS }>")]
    pub(super) counted: u32,
    /// Succeeded or Failed.
    #[serde(deserialize_with = "bounds::at_most::<_, { bounds::PODS }>")]
    pub(super) finished: u32,
    /// Pending without a node.
    #[serde(deserialize_with = "bounds::at_most::<_, { bounds::PODS }>")]
    pub(super) unscheduled: u32,
    /// Devices that the counted pods request.
    #[serde(deserialize_with = "bounds::at_most::<_, { bounds::PODS }>")]
    pub(super) gpus_requested: u32,
    /// Allocated claims on cards of `resource.k8s.io`.
    #[serde(deserialize_with = "bounds::at_most::<_, { bounds::PODS }>")]
    pub(super) claims: u32,
    pub(super) detail: ObjectSize,
    /// `true` if every node runs only two `DaemonSet`s instead of the full set.
    pub(super) light_system: bool,
}

/// Churn of a cluster.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ChurnSpec {
    /// Pods that end, each replaced in the same step.
    #[serde(deserialize_with = "bounds::rate")]
    pub(super) pods_per_second: f64,
    #[serde(deserialize_with = "bounds::rate")]
    pub(super) restarts_per_minute: f64,
    /// Period of each kubelet's status report: 5 min (kubelet `nodeStatusReportFrequency`); 0 for never.
    #[serde(deserialize_with = "bounds::period")]
    pub(super) heartbeat: Duration,
}

impl Default for ChurnSpec {
    fn default() -> Self {
        Self { pods_per_second: 0.0, restarts_per_minute: 0.0, heartbeat: Duration::ZERO }
    }
}

impl Scenario {
    /// A built-in scenario.
    ///
    /// # Errors
    /// [`ScenarioError::Unknown`] with the built-in names.
    pub fn builtin(name: &str) -> Result<Self, ScenarioError> {
        let Some((name, text)) = BUILTIN.iter().find(|(known, _)| *known == name) else {
            return Err(ScenarioError::Unknown { name: name.to_owned(), known: BUILTIN_NAMES.join(", ") });
        };
        Self::parse(text, name, &format!("{name}.toml"))
    }

    /// A scenario from a file.
    ///
    /// # Errors
    /// [`ScenarioError::Read`] and [`ScenarioError::Parse`], which names file, line and key.
    pub fn load(path: &Path) -> Result<Self, ScenarioError> {
        let failed =
            |error: &str| ScenarioError::Read { path: Clean::new(&path.to_string_lossy()), error: Clean::new(error) };
        let contents = file::read(path, FILE).map_err(|error| failed(&error.to_string()))?;
        let text = String::from_utf8(contents.bytes).map_err(|_| failed("it is not text"))?;
        let name = path.file_stem().map_or_else(|| "scenario".into(), |stem| stem.to_string_lossy());
        Self::parse(&text, &name, &path.display().to_string())
    }

    /// The names of the built-in scenarios.
    #[must_use]
    pub fn builtin_names() -> &'static [&'static str] {
        &BUILTIN_NAMES
    }

    /// Removes churn, script and faults, so that two reads of a cluster give the same result.
    pub fn make_static(&mut self) {
        self.set_churn(0.0);
        self.steps.clear();
    }

    /// Scales every cluster down: nodes, pods and requested devices by `by`, with at least one node of each group.
    pub fn scale_down(&mut self, by: u32) {
        for ScenarioCluster { nodes, pods, .. } in &mut self.clusters {
            for group in nodes {
                group.count = group.count.div_ceil(by);
            }
            for amount in [&mut pods.counted, &mut pods.finished, &mut pods.unscheduled, &mut pods.gpus_requested] {
                *amount /= by;
            }
        }
    }

    /// Sets the churn of every cluster, in watch events of pods a second; at 0 nodes do not change either.
    pub fn set_churn(&mut self, events_per_second: f64) {
        for ScenarioCluster { churn, .. } in &mut self.clusters {
            // A replaced pod is four events: created, gone or ended, bound, running.
            churn.pods_per_second = events_per_second / 4.0;
            churn.restarts_per_minute = 0.0;
            if events_per_second <= 0.0 {
                churn.heartbeat = Duration::ZERO;
            }
        }
    }

    pub(super) fn parse(text: &str, name: &str, file: &str) -> Result<Self, ScenarioError> {
        let parsed: Result<Self, _> = toml::from_str(text);
        let mut scenario = parsed.map_err(|e| fail(text, file, e.span().map_or(0, |s| s.start), e.message()))?;
        name.clone_into(&mut scenario.name);
        for (cluster, seed) in scenario.clusters.iter_mut().zip(scenario.seed..) {
            cluster.seed.get_or_insert(seed);
        }
        if let Some(base) = scenario.base.take() {
            let mut clusters = Self::builtin(base.get_ref())
                .map_err(|e| fail(text, file, base.span().start, &e.to_string()))?
                .clusters;
            clusters.append(&mut scenario.clusters);
            scenario.clusters = clusters;
        }
        for raw in std::mem::take(&mut scenario.raws) {
            for cluster in &mut scenario.clusters {
                cluster.apis.serve(raw.switch());
                cluster.raw.push(raw.clone());
            }
        }
        for workload in std::mem::take(&mut scenario.workloads) {
            workload.check(&scenario.clusters).map_err(|(at, why)| fail(text, file, at, &why))?;
            let clusters = scenario.clusters.iter_mut().filter(|cluster| workload.applies_to(cluster));
            clusters.for_each(|cluster| cluster.workloads.push(workload.clone()));
        }
        scenario.check().map_err(|(at, why)| fail(text, file, at, &why))?;
        Ok(scenario)
    }

    /// Checks that names are unique, and that steps name existing clusters and nodes.
    fn check(&self) -> Result<(), (usize, String)> {
        if self.clusters.is_empty() {
            return Err((0, "a scenario needs at least one `[[cluster]]`".to_owned()));
        }
        bounds::check(self)?;
        for (i, cluster) in self.clusters.iter().enumerate() {
            if self.clusters[..i].iter().any(|c| c.context.get_ref() == cluster.context.get_ref()) {
                return Err((
                    cluster.context.span().start,
                    format!("two clusters are called `{}`", cluster.context.get_ref()),
                ));
            }
            if let Some((raw, why)) = cluster.raw.iter().find_map(|raw| Some((raw, raw.error()?))) {
                return Err((raw.json.span().start, why));
            }
            if let Some(group) = cluster.nodes.iter().find(|g| g.count > 1 && !g.name.contains("{}")) {
                return Err((
                    cluster.context.span().start,
                    format!("`name` of {} nodes `{}` needs `{{}}`", group.count, group.name),
                ));
            }
        }
        for step in &self.steps {
            if let Some(named) = &step.cluster
                && !self.clusters.iter().any(|c| c.context.get_ref() == named.get_ref())
            {
                return Err((named.span().start, format!("no cluster `{}`", named.get_ref())));
            }
            let (StepKind::Flap { node, .. }
            | StepKind::NodeLost { node }
            | StepKind::GpusWithdrawn { node, .. }
            | StepKind::BlackHole { node, .. }
            | StepKind::Cordon { node }) = &step.kind
            else {
                continue;
            };
            let mut clusters = self.clusters.iter().filter(|c| step.applies_to(c));
            if !clusters.any(|cluster| cluster.nodes.iter().any(|group| group.has_node(node.get_ref()))) {
                return Err((node.span().start, format!("no node `{}`", node.get_ref())));
            }
        }
        Ok(())
    }
}

impl NodeGroup {
    /// The name of the group's `i`th node.
    pub(super) fn node_name(&self, i: u32) -> String {
        self.name.replace("{}", &(self.first + i).to_string())
    }

    /// Returns `true` if the group has a node of this name.
    fn has_node(&self, node: &str) -> bool {
        let Some((before, _)) = self.name.split_once("{}") else { return self.count > 0 && self.name == node };
        let Some(rest) = node.strip_prefix(before) else { return false };
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        // If a digit follows the number in the name, any prefix of the digits may be the number.
        (1..=digits)
            .filter_map(|end| rest[..end].parse::<u32>().ok()?.checked_sub(self.first))
            .any(|i| i < self.count && self.node_name(i) == node)
    }
}

fn fail(text: &str, file: &str, at: usize, why: &str) -> ScenarioError {
    let at = at.min(text.len());
    let line = text[..at].matches('\n').count() + 1;
    let written = text.lines().nth(line - 1).unwrap_or_default();
    let key = written.split_once('=').map_or("", |(key, _)| key.trim());
    let key = if key.is_empty() || why.contains(&format!("`{key}`")) { String::new() } else { format!("`{key}`: ") };
    ScenarioError::Parse { file: file.to_owned(), line, key, text: why.replace('\n', ", ") }
}

/// Reads `250ms`, `20s`, `5m` or `1h`.
pub(super) fn read_duration(text: &str) -> Option<Duration> {
    let at = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (amount, unit) = text.split_at(at);
    let amount: f64 = amount.parse().ok()?;
    let unit = match unit {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return None,
    };
    Duration::try_from_secs_f64(amount * unit).ok()
}

fn default_version() -> String {
    "v1.30.4".to_owned()
}

fn default_history() -> Duration {
    Duration::from_secs(300)
}

fn default_cpu() -> u32 {
    128
}

fn default_memory() -> u32 {
    1024
}

fn default_pods() -> u32 {
    110
}

fn default_resource() -> String {
    "nvidia.com/gpu".to_owned()
}

fn default_product() -> String {
    "NVIDIA-A100-SXM4-80GB".to_owned()
}
