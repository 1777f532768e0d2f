//! Bounds of a scenario: its clusters are built in memory, and a typing mistake must not exhaust the machine.
//!
//! Each bound is at least twice what the largest built-in scenario needs.

use std::time::Duration;

use serde::Deserialize;
use serde::de::{Deserializer, Error};

use super::{Scenario, ScenarioCluster, StepKind, read_duration};

/// Nodes of all clusters: `huge` has 100,000.
pub(super) const NODES: u32 = 200_000;
/// Pods of all clusters, finished and waiting ones among them: `huge` has a million.
pub(super) const PODS: u32 = 2_000_000;
/// Devices of one resource of a node: a node of slices has a few hundred.
pub(super) const DEVICES: u32 = 1_024;
/// Cards in slices of `resource.k8s.io`, of all clusters: each is eight devices, written out.
const CARDS: u32 = 100_000;
/// Pods that one node admits.
pub(super) const NODE_PODS: u32 = 100_000;
/// Cores of a node.
pub(super) const CORES: u32 = 100_000;
/// Memory of a node in GiB: 1 PiB.
pub(super) const GIBIBYTES: u32 = 1 << 20;
/// The first number of a group of nodes.
pub(super) const FIRST: u32 = 1_000_000_000;
/// Raw objects of one declaration.
pub(in crate::sim) const RAW: u32 = PODS;
/// 512 MiB: the text of all raw objects together, which are kept as text and as parsed values.
const RAW_BYTES: u64 = 512 << 20;
/// Pods of one burst.
pub(super) const BURST: u32 = 100_000;
/// Gzip members of one answer.
pub(super) const MEMBERS: u32 = 100_000;
/// Clusters: each listens on a port of its own.
const CLUSTERS: usize = 1_000;
const STEPS: usize = 10_000;
/// Flaps of one node in a step.
const FLAPS: u128 = 10_000;
/// Changes a second: one thread makes about this many.
const RATE: f64 = 100_000.0;
/// The longest name that Kubernetes allows; it is repeated for every object.
const TEXT_BYTES: usize = 253;
/// 365 days, so that sums of a few durations never overflow a clock.
const LONGEST: Duration = Duration::from_secs(365 * 86_400);
/// The shortest period.
const SHORTEST: Duration = Duration::from_secs(1);

/// Reads a number of at most `MOST`.
pub(in crate::sim) fn at_most<'de, D: Deserializer<'de>, const MOST: u32>(from: D) -> Result<u32, D::Error> {
    let number = u32::deserialize(from)?;
    if number <= MOST {
        Ok(number)
    } else {
        Err(D::Error::custom(format!("{number} is too many; write at most {MOST}")))
    }
}

/// Reads a rate.
pub(super) fn rate<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    let rate = f64::deserialize(from)?;
    let is_possible = (0.0..=RATE).contains(&rate);
    if is_possible { Ok(rate) } else { Err(D::Error::custom(format!("`{rate}` lies not between 0 and {RATE}"))) }
}

/// Reads a name or another text that is repeated in every object.
pub(super) fn text<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let text = String::deserialize(from)?;
    match text.len() {
        0..=TEXT_BYTES => Ok(text),
        bytes => Err(D::Error::custom(format!("this is {bytes} bytes long; write at most {TEXT_BYTES}"))),
    }
}

/// Reads a duration of at most 365 days.
pub(super) fn duration<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(from)?;
    match read_duration(&text) {
        Some(duration) if duration <= LONGEST => Ok(duration),
        Some(_) => Err(D::Error::custom(format!("`{text}` is too long; write at most `8760h`, 365 days"))),
        None => Err(D::Error::custom(format!("`{text}` is not a duration; write for instance `250ms`, `20s` or `5m`"))),
    }
}

/// Reads an optional duration.
pub(super) fn optional_duration<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    duration(from).map(Some)
}

/// Reads a period: zero for never.
pub(super) fn period<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    let period = duration(from)?;
    if period.is_zero() || period >= SHORTEST {
        Ok(period)
    } else {
        Err(D::Error::custom("this is too often; write at least `1s`, or `0s` for never"))
    }
}

/// Reads the period after which the script starts again.
pub(super) fn optional_period<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    let period = duration(from)?;
    if period >= SHORTEST { Ok(Some(period)) } else { Err(D::Error::custom("this is too often; write at least `1s`")) }
}

/// Checks the sums; an error comes with its offset in the text.
pub(super) fn check(scenario: &Scenario) -> Result<(), (usize, String)> {
    let too_many = |what: &str, most: u64| format!("with this cluster the scenario has more than {most} {what}");
    if scenario.steps.len() > STEPS {
        return Err((0, format!("a scenario has at most {STEPS} steps")));
    }
    let (mut nodes, mut pods, mut cards, mut bytes) = (0, 0, 0, 0);
    for (at, cluster) in scenario.clusters.iter().enumerate() {
        let offset = cluster.context.span().start;
        nodes += cluster.node_count();
        pods += cluster.pod_count();
        cards += cluster.nodes.iter().map(|group| u64::from(group.count) * u64::from(group.dra)).sum::<u64>();
        bytes += cluster.raw.iter().map(super::RawSpec::bytes).sum::<u64>();
        let sums = [(nodes, NODES, "nodes"), (pods, PODS, "pods"), (cards, CARDS, "cards in slices")];
        if let Some((_, most, what)) = sums.iter().find(|(sum, most, _)| *sum > u64::from(*most)) {
            return Err((offset, too_many(what, u64::from(*most))));
        }
        if bytes > RAW_BYTES {
            return Err((offset, too_many("MiB of raw objects", RAW_BYTES >> 20)));
        }
        if at >= CLUSTERS {
            return Err((offset, format!("a scenario has at most {CLUSTERS} clusters")));
        }
        if cluster.context.get_ref().len() > TEXT_BYTES {
            return Err((offset, format!("a context has at most {TEXT_BYTES} bytes")));
        }
    }
    check_flaps(scenario)
}

/// Checks the number of flaps and of pods of a black hole, which are all planned when the scenario starts.
fn check_flaps(scenario: &Scenario) -> Result<(), (usize, String)> {
    for step in &scenario.steps {
        let (StepKind::Flap { node, period } | StepKind::BlackHole { node, period, .. }) = &step.kind else { continue };
        let until = step.until.into_iter().chain(scenario.repeat).min().unwrap_or(step.at);
        let flaps = until.saturating_sub(step.at).as_nanos() / period.as_nanos().max(1);
        if flaps > FLAPS {
            return Err((
                node.span().start,
                format!("`{}` changes more than {FLAPS} times; write a longer `period`", node.get_ref()),
            ));
        }
    }
    Ok(())
}

impl ScenarioCluster {
    fn node_count(&self) -> u64 {
        self.nodes.iter().map(|group| u64::from(group.count)).sum()
    }

    fn pod_count(&self) -> u64 {
        [self.pods.counted, self.pods.finished, self.pods.unscheduled].into_iter().map(u64::from).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::scenario::ScenarioError;

    /// The error of a scenario, found without building any of it.
    fn refused(text: &str) -> String {
        match Scenario::parse(text, "x", "x.toml") {
            Err(ScenarioError::Parse { line, key, text, .. }) => format!("{line}: {key}{text}"),
            other => panic!("{text}: {other:?}"),
        }
    }

    fn cluster(line: &str) -> String {
        format!("title = \"x\"\nseed = 1\n[[cluster]]\ncontext = \"a\"\n{line}\n")
    }

    #[test]
    fn numbers_of_a_scenario_that_would_take_the_machine_are_refused_where_they_stand() {
        let group = |fields: &str| format!("nodes = [{{ name = \"n-{{}}\", {fields} }}]");
        let table = [
            (group("count = 4000000000"), "at most 200000"),
            (group("count = 150000 }, { name = \"m-{}\", count = 150000"), "more than 200000 nodes"),
            (group("count = 1, first = 4294967295"), "at most 1000000000"),
            (group("count = 1, cpu = 4000000000"), "at most 100000"),
            (group("count = 1, memory_gib = 4000000000"), "at most 1048576"),
            (group("count = 1, pods = 4000000000"), "at most 100000"),
            (group("count = 1, gpus = 4000000000"), "at most 1024"),
            (group("count = 1, dra = 4000000000"), "at most 1024"),
            (group("count = 1000, dra = 1000"), "more than 100000 cards in slices"),
            (group(&format!("count = 1, product = \"{}\"", "x".repeat(254))), "at most 253"),
            ("pods = { counted = 4000000000 }".to_owned(), "at most 2000000"),
            ("pods = { finished = 4000000000 }".to_owned(), "at most 2000000"),
            ("pods = { unscheduled = 4000000000 }".to_owned(), "at most 2000000"),
            ("pods = { counted = 1500000, finished = 1500000 }".to_owned(), "more than 2000000 pods"),
            ("pods = { gpus_requested = 4000000000 }".to_owned(), "at most"),
            ("pods = { claims = 4000000000 }".to_owned(), "at most"),
            ("churn = { pods_per_second = 1e300 }".to_owned(), "between 0 and 100000"),
            ("churn = { pods_per_second = inf }".to_owned(), "between 0 and 100000"),
            ("churn = { restarts_per_minute = nan }".to_owned(), "between 0 and 100000"),
            ("churn = { pods_per_second = -1.0 }".to_owned(), "between 0 and 100000"),
            ("churn = { heartbeat = \"1ms\" }".to_owned(), "at least `1s`"),
            ("history = \"100000000000h\"".to_owned(), "at most `8760h`"),
            (raw("count = 4000000000", "{}"), "at most 2000000"),
            (raw("count = 2000000, broken = true", &"x".repeat(300)), "MiB of raw objects"),
            (raw("broken = true, count = 200", "\"@=4194304\""), "MiB of raw objects"),
        ];
        for (line, why) in table {
            let error = refused(&cluster(&line));
            assert!(error.starts_with("5: ") || error.starts_with("4: "), "{line}: {error}");
            assert!(error.contains(why), "{line}: {error}");
        }
    }

    fn raw(fields: &str, json: &str) -> String {
        format!("raw = [{{ resource = \"nodes\", {fields}, json = '''{json}''' }}]")
    }

    #[test]
    fn steps_of_a_scenario_that_never_end_or_are_too_many_are_refused() {
        let step = |fields: &str| {
            cluster(&format!("nodes = [{{ name = \"n\", count = 1 }}]\n[[step]]\nat = \"1s\"\n{fields}"))
        };
        let table = [
            (step("change = \"pods-burst\"\ncount = 4000000000"), "at most 100000"),
            (step("change = \"node-flap\"\nnode = \"n\"\nperiod = \"1s\"\nfor = \"8000h\""), "more than 10000 times"),
            (step("fault = \"gzip-members\"\ncount = 4000000000"), "at most 100000"),
            (step("fault = \"delay\"\ndelay = \"100000000000h\""), "at most `8760h`"),
            (step("fault = \"freeze\"\nfor = \"100000000000h\""), "at most `8760h`"),
            (format!("repeat = \"0s\"\n{}", cluster("")), "at least `1s`"),
        ];
        for (text, why) in table {
            let error = refused(&text);
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn one_object_has_four_mebibytes_of_letters_at_most() {
        let many = "\"@=4194304\",".repeat(1_000);
        let scenario = cluster(&raw("broken = true", &format!("[{many}]")));
        let scenario = Scenario::parse(&scenario, "x", "x.toml").unwrap();
        assert!(scenario.clusters[0].raw[0].bytes() < 5 << 20);
    }
}
