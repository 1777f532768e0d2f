//! The snapshot as plain text: aligned columns as kubectl prints them, `?` for unknown values.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthStr;

use crate::facts::text::counted;

use super::{Accelerator, ClusterReport, FaultReport, Item, ItemAccelerator, SmallerPages, Snapshot, ValueState, word};

/// Spaces between two columns, as in kubectl.
const GAP: usize = 3;

/// The snapshot as text, one block per cluster, with its errors below.
#[must_use]
pub fn table(snapshot: &Snapshot) -> String {
    let blocks: Vec<String> = snapshot.clusters.iter().map(block).collect();
    blocks.join("\n")
}

fn block(cluster: &ClusterReport) -> String {
    let mut text = String::new();
    let server = cluster.server.as_ref().map(|server| format!("  {server}")).unwrap_or_default();
    put(&mut text, &format!("{}  {}{server}", cluster.context, cluster.state));
    put(&mut text, &sums(cluster));
    let bound = bound(cluster);
    for accelerator in cluster.accelerators.iter().flatten() {
        put(&mut text, &accelerator_line(accelerator, bound, nodes_bound(cluster)));
    }
    if let Some(items) = cluster.items.as_ref().filter(|items| !items.is_empty()) {
        text.push_str(&nodes(items, bound));
    }
    for SmallerPages { resource, size, after } in &cluster.smaller_pages {
        put(&mut text, &format!("{resource}: page size cut to {size} after {after}"));
    }
    for error in &cluster.errors {
        put(&mut text, &error_line(error));
    }
    text
}

fn sums(cluster: &ClusterReport) -> String {
    let (nodes, pods, api) = (&cluster.nodes, &cluster.pods, &cluster.api);
    let (at_least, of_nodes) = (bound(cluster), nodes_bound(cluster));
    let known = match &pods.namespaces {
        None => word(pods.state).to_owned(),
        Some(all) => {
            let (read, others): (Vec<_>, Vec<_>) =
                all.iter().partition(|namespace| namespace.state == ValueState::Complete);
            let read: Vec<&str> = read.iter().map(|namespace| &*namespace.name).collect();
            let only = if read.is_empty() { String::new() } else { format!(", only of {}", read.join(", ")) };
            let others = others.iter().map(|namespace| format!("; {} {}", namespace.name, word(namespace.state)));
            format!("{}{only}{}", word(pods.state), others.collect::<String>())
        }
    };
    let unreadable = match nodes.unreadable.saturating_add(pods.unreadable) {
        0 => String::new(),
        count => format!("  {}", counted(count, "unreadable object")),
    };
    format!(
        "nodes {}/{} ready, {} NotReady, {} Unknown, {} cordoned ({})  pods {}/{}, {} terminating, {} unscheduled, \
         {} on unknown nodes ({known}){unreadable}  api p50 {} p95 {}, {}, {}",
        lower(nodes.ready, of_nodes),
        lower(nodes.total, of_nodes),
        lower(nodes.not_ready, of_nodes),
        lower(nodes.unknown, of_nodes),
        lower(nodes.cordoned, of_nodes),
        word(nodes.state),
        lower(pods.bound, at_least),
        lower(pods.allocatable, of_nodes),
        lower(pods.terminating, at_least),
        lower(pods.unscheduled, at_least),
        lower(pods.orphaned, at_least),
        or(api.probe_p50_ms.map(|ms| percentile(ms, api.probe_p50_at_least))),
        or(api.probe_p95_ms.map(|ms| percentile(ms, api.probe_p95_at_least))),
        counted(api.timeouts, "timeout"),
        counted(api.requests, "request"),
    )
}

/// `5 ms`, or `>= 5000 ms` if the probe timed out after that time.
fn percentile(ms: f64, at_least: bool) -> String {
    format!("{}{ms} ms", if at_least { ">= " } else { "" })
}

fn accelerator_line(accelerator: &Accelerator, bound: &str, of_nodes: &str) -> String {
    // Requests of pods on unreadable nodes are missing too.
    let bound = if of_nodes.is_empty() { bound } else { of_nodes };
    let Accelerator { resource, capacity, allocatable, requested, free, unschedulable, withdrawn, nodes, .. } =
        accelerator;
    let kind = serde_json::to_value(accelerator.kind).ok().and_then(|kind| kind.as_str().map(str::to_owned));
    format!(
        "{resource} ({})  requested {}  allocatable {of_nodes}{allocatable}  capacity {of_nodes}{capacity}  free {}  \
         not schedulable {}  unhealthy {withdrawn}  not registered {}  over-requested {}  on {}",
        or(kind),
        lower(*requested, bound),
        or(*free),
        or(*unschedulable),
        or(accelerator.missing),
        lower(accelerator.over_requested, bound),
        counted(*nodes, "node"),
    )
}

fn nodes(items: &[Item], bound: &str) -> String {
    let header = ["NAME", "STATUS", "ROLES", "PODS", "ACCELERATORS"].map(str::to_owned);
    let rows: Vec<[String; 5]> = std::iter::once(header).chain(items.iter().map(|item| row(item, bound))).collect();
    let widths: [usize; 5] =
        std::array::from_fn(|column| rows.iter().map(|row| row[column].width()).max().unwrap_or_default());
    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(widths) {
            line.push_str(cell);
            line.extend(std::iter::repeat_n(' ', width + GAP - cell.width()));
        }
        put(&mut text, &line);
    }
    text
}

fn row(item: &Item, bound: &str) -> [String; 5] {
    let roles: Vec<&str> = item.roles.iter().map(|role| &**role).collect();
    let accelerators: Vec<String> = item.accelerators.iter().map(|a| accelerator_cell(a, bound)).collect();
    let none = |text: String| if text.is_empty() { "<none>".to_owned() } else { text };
    [
        item.name.to_string(),
        item.status.clone(),
        none(roles.join(",")),
        format!("{}/{}", lower(item.pods.bound, bound), or(item.pods.allocatable)),
        none(accelerators.join(", ")),
    ]
}

/// `nvidia.com/gpu 5/5/8 (3 unhealthy)`.
fn accelerator_cell(a: &ItemAccelerator, bound: &str) -> String {
    let words = [
        (a.withdrawn, "unhealthy"),
        (a.missing.unwrap_or(0), "not registered"),
        (a.over_requested.unwrap_or(0), "over-requested"),
    ];
    let words: Vec<String> =
        words.into_iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    let words = if words.is_empty() { String::new() } else { format!(" ({})", words.join(", ")) };
    format!("{} {}/{}/{}{words}", a.resource, lower(a.requested, bound), a.allocatable, a.capacity)
}

fn error_line(error: &FaultReport) -> String {
    let layer = serde_json::to_value(error.layer).ok().and_then(|layer| layer.as_str().map(str::to_owned));
    let code = error.code.map(|code| format!(" {code}")).unwrap_or_default();
    let time = error.time.strftime("%Y-%m-%dT%H:%M:%SZ");
    format!("error: {time} {} ({}{code}), attempt {}: {}", error.request, or(layer), error.attempt, error.text)
}

/// The sign before numbers of pods, which are lower bounds if only some namespaces are watched.
fn bound(cluster: &ClusterReport) -> &'static str {
    if cluster.pods.namespaces.is_some() || cluster.pods.state == ValueState::Partial { ">=" } else { "" }
}

/// The sign before numbers of nodes.
fn nodes_bound(cluster: &ClusterReport) -> &'static str {
    if cluster.nodes.state == ValueState::Partial { ">=" } else { "" }
}

/// A number with the sign `bound`.
fn lower<T: ToString>(value: Option<T>, bound: &str) -> String {
    value.map_or_else(|| "?".to_owned(), |value| format!("{bound}{}", value.to_string()))
}

fn or<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(|| "?".to_owned(), |value| value.to_string())
}

fn put(text: &mut String, line: &str) {
    writeln!(text, "{}", line.trim_end()).expect("a String takes everything");
}
