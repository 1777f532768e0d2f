//! The server-side tables of `kubectl get`, column by column as kubernetes `pkg/printers/internalversion` prints them.

use super::event::EventRecord;
use super::node::NodeRecord;
use super::object::SimObject;
use super::pod::{PodState, SimPod};
use super::resource::SimResource;
use super::template::{number, raw, string};

/// Writes `columnDefinitions`.
pub(super) fn columns(resource: SimResource, out: &mut Vec<u8>) {
    for (i, column) in resource.spec().columns.iter().enumerate() {
        raw(out, if i == 0 { "[{\"name\":" } else { ",{\"name\":" });
        string(out, column.name);
        raw(out, ",\"type\":\"string\",\"format\":");
        string(out, column.format);
        raw(out, ",\"description\":\"\",\"priority\":");
        number(out, column.priority);
        raw(out, "}");
    }
    raw(out, "]");
}

/// Writes the cells of one row, separated by commas.
pub(super) fn write_cells(object: &SimObject, now: i64, out: &mut Vec<u8>) {
    let age = age(object.meta().created, now);
    match object {
        SimObject::Node(node) => node_cells(node, &age, out),
        SimObject::Pod(pod) => pod_cells(pod, &age, now, out),
        SimObject::Namespace(namespace) => {
            for text in [namespace.meta.name(), "Active", &age] {
                cell(out, text);
            }
        }
        SimObject::Lease(lease) => {
            for text in [lease.meta.name(), lease.meta.name(), &age] {
                cell(out, text);
            }
        }
        SimObject::Dynamic(dynamic) => {
            cell(out, dynamic.meta.name());
            for text in (dynamic.resource.spec().body_cells)(&dynamic.body) {
                cell(out, &text);
            }
            cell(out, &age);
        }
        SimObject::Event(event) => event_cells(event, now, out),
        SimObject::Raw(object) => object.write_cells(object.resource().spec().columns.len(), out),
    }
    // Each cell ends with a comma.
    out.pop();
}

fn node_cells(node: &NodeRecord, age: &str, out: &mut Vec<u8>) {
    let mut status = match node.ready().map(|c| &*c.status) {
        Some("True") => "Ready",
        Some(_) => "NotReady",
        None => "Unknown",
    }
    .to_owned();
    if node.unschedulable {
        status += ",SchedulingDisabled";
    }
    let roles: Vec<&str> =
        node.shape.labels.iter().filter_map(|(key, _)| key.strip_prefix("node-role.kubernetes.io/")).collect();
    let roles = if roles.is_empty() { "<none>".to_owned() } else { roles.join(",") };
    for text in [
        node.meta.name(),
        &status,
        &roles,
        age,
        &node.shape.kubelet,
        &node.ip,
        "<none>",
        "Ubuntu 22.04.4 LTS",
        "5.15.0-119-generic",
        "containerd://1.7.20",
    ] {
        cell(out, text);
    }
}

fn pod_cells(pod: &SimPod, age_text: &str, now: i64, out: &mut Vec<u8>) {
    let total = pod.shape.containers.len();
    let ready = match pod.state {
        PodState::Running | PodState::NotReady => total,
        PodState::CrashLoop | PodState::ImagePullBackOff => total - 1,
        _ => 0,
    };
    let init = format!("Init:0/{}", pod.shape.init.len());
    let status = match pod.state {
        _ if pod.meta.deleted != 0 => "Terminating",
        PodState::Unscheduled => "Pending",
        PodState::Creating if pod.initializing() => &init,
        PodState::Creating => "ContainerCreating",
        PodState::ImagePullBackOff => "ImagePullBackOff",
        PodState::Running | PodState::NotReady => "Running",
        PodState::CrashLoop => "CrashLoopBackOff",
        PodState::Succeeded => "Completed",
        PodState::Failed => "Error",
        PodState::Evicted => "Evicted",
        PodState::Rejected => "UnexpectedAdmissionError",
    };
    let restarts = if pod.restarts > 0 && pod.restarted != 0 {
        format!("{} ({} ago)", pod.restarts, age(pod.restarted, now))
    } else {
        pod.restarts.to_string()
    };
    let ip = if pod.has_ip() { pod.ip_text() } else { "<none>".to_owned() };
    let host = pod.host.as_ref().map_or("<none>", |h| &h.name);
    for text in
        [pod.meta.name(), &format!("{ready}/{total}"), status, &restarts, age_text, &ip, host, "<none>", "<none>"]
    {
        cell(out, text);
    }
}

fn event_cells(event: &EventRecord, now: i64, out: &mut Vec<u8>) {
    let object = format!("{}/{}", event.kind.to_lowercase(), event.about_name);
    let (last, first) = (age(event.last, now), age(event.meta.created, now));
    let count = event.count.to_string();
    for text in [
        &last,
        event.severity(),
        &*event.reason,
        &object,
        "",
        event.source,
        &*event.message,
        &first,
        &count,
        event.meta.name(),
    ] {
        cell(out, text);
    }
}

/// Writes one cell of text.
fn cell(out: &mut Vec<u8>, text: &str) {
    string(out, text);
    raw(out, ",");
}

/// An age in the format of kubectl (apimachinery `pkg/util/duration/duration.go`, `HumanDuration`).
fn age(then: i64, now: i64) -> String {
    let pair = |big: i64, unit: &str, small: i64, small_unit: &str| {
        if small == 0 { format!("{big}{unit}") } else { format!("{big}{unit}{small}{small_unit}") }
    };
    let seconds = now - then;
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match seconds {
        ..=-2 => "<invalid>".to_owned(),
        -1 => "0s".to_owned(),
        0..120 => format!("{seconds}s"),
        _ if minutes < 10 => pair(minutes, "m", seconds % 60, "s"),
        _ if minutes < 180 => format!("{minutes}m"),
        _ if hours < 8 => pair(hours, "h", minutes % 60, "m"),
        _ if hours < 48 => format!("{hours}h"),
        _ if hours < 192 => pair(days, "d", hours % 24, "h"),
        _ if days < 730 => format!("{days}d"),
        _ if days < 2920 => pair(days / 365, "y", days % 365, "d"),
        _ => format!("{}y", days / 365),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_written_as_kubectl_writes_them() {
        // From apimachinery `pkg/util/duration/duration_test.go`, TestHumanDuration.
        let (second, minute, hour, day) = (1, 60, 3600, 86_400);
        for (duration, want) in [
            (second, "1s"),
            (70 * second, "70s"),
            (190 * second, "3m10s"),
            (70 * minute, "70m"),
            (47 * hour, "47h"),
            (49 * hour, "2d1h"),
            (8 * day + 2 * hour, "8d"),
            (367 * day, "367d"),
            (365 * 2 * day + 25 * hour, "2y1d"),
            (365 * 8 * day + 2 * hour, "8y"),
        ] {
            assert_eq!(age(0, duration), want);
        }
        assert_eq!((age(5, 0), age(1, 0)), ("<invalid>".to_owned(), "0s".to_owned()));
    }
}
