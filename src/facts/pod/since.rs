//! Time since which a pod has not been running, as far as the pod itself says.

use super::raw::RawPod;
use super::{PodPhase, Since, SinceBasis};
use crate::facts::json::Obj;

impl RawPod<'_> {
    /// Time since which the pod has not been running, as far as its object says; `None` if it runs or has ended.
    pub(super) fn since(&self) -> Option<Since> {
        let (Obj(meta), Obj(status)) = (&self.metadata, &self.status);
        let condition = |kind: &str| status.conditions.iter().find(|c| &*c.kind == kind);
        let known = match status.phase() {
            PodPhase::Succeeded | PodPhase::Failed => return None,
            _ if meta.deleting.is_present() => (SinceBasis::Deletion, meta.deleting.at()),
            PodPhase::Pending => (SinceBasis::Scheduled, condition("PodScheduled").and_then(|c| c.since.at())),
            PodPhase::Running => match condition("Ready") {
                Some(ready) if &*ready.status == "True" => return None,
                ready => (SinceBasis::NotReady, ready.and_then(|c| c.since.at())),
            },
            PodPhase::Unknown => (SinceBasis::Created, None),
        };
        match known {
            (basis, Some(at)) => Some(Since { basis, at }),
            (_, None) => meta.created.0.map(|at| Since { basis: SinceBasis::Created, at }),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::facts::pod::{PodBatch, SinceBasis, decode_object};

    /// The field `since` of a pod that requests a device, with these parts of its JSON.
    fn since(meta: &str, status: &str) -> Option<(SinceBasis, String)> {
        let json = format!(
            r#"{{"metadata":{{"name":"p","creationTimestamp":"2026-01-01T00:00:00Z"{meta}}},"spec":{{"nodeName":"n","containers":
            [{{"name":"c","resources":{{"limits":{{"nvidia.com/gpu":"1"}}}}}}]}},"status":{{{status}}}}}"#
        );
        let mut batch = PodBatch::default();
        decode_object(json.as_bytes(), false, &mut batch).unwrap();
        let since = batch.iter().next().unwrap().0.since;
        since.map(|since| (since.basis, since.at.to_string()))
    }

    fn at(basis: SinceBasis, day: u32) -> (SinceBasis, String) {
        (basis, format!("2026-01-0{day}T00:00:00Z"))
    }

    fn condition(kind: &str, status: &str, since: &str) -> String {
        format!(r#"{{"type":"{kind}","status":"{status}","lastTransitionTime":{since}}}"#)
    }

    #[test]
    fn a_pod_that_does_not_run_says_since_when_by_the_closest_time_there_is() {
        let scheduled = condition("PodScheduled", "True", r#""2026-01-02T00:00:00Z""#);
        let not_ready = condition("Ready", "False", r#""2026-01-03T00:00:00Z""#);
        let ready = condition("Ready", "True", r#""2026-01-03T00:00:00Z""#);
        let deleted = r#","deletionTimestamp":"2026-01-04T00:00:00Z""#;
        let status = |phase: &str, conditions: &str| format!(r#""phase":"{phase}","conditions":[{conditions}]"#);
        assert_eq!(since("", &status("Pending", &scheduled)), Some(at(SinceBasis::Scheduled, 2)));
        assert_eq!(since("", &status("Pending", "")), Some(at(SinceBasis::Created, 1)));
        assert_eq!(
            since("", &status("Running", &format!("{scheduled},{not_ready}"))),
            Some(at(SinceBasis::NotReady, 3))
        );
        assert_eq!(since("", &status("Running", &ready)), None, "it runs");
        assert_eq!(since(deleted, &status("Running", &ready)), Some(at(SinceBasis::Deletion, 4)));
        assert_eq!(since(deleted, &status("Succeeded", &ready)), None, "it has ended");
        assert_eq!(since("", &status("Quantum", "")), Some(at(SinceBasis::Created, 1)));
        assert_eq!(since("", ""), Some(at(SinceBasis::Created, 1)));
    }

    #[test]
    fn f82_times_that_cannot_be_read_give_way_to_the_creation() {
        for odd in ["null", "7", r#""soon""#, r#""0001-01-01T00:00:00Z""#, "[]"] {
            let scheduled = condition("PodScheduled", "True", odd);
            assert_eq!(
                since("", &format!(r#""phase":"Pending","conditions":[{scheduled}]"#)),
                Some(at(SinceBasis::Created, 1)),
                "{odd}"
            );
        }
        assert_eq!(since(r#","deletionTimestamp":true"#, r#""phase":"Running""#), Some(at(SinceBasis::Created, 1)));
        assert_eq!(since(r#","creationTimestamp":null"#, r#""phase":"Pending""#), None);
    }

    #[test]
    fn of_pods_without_devices_nothing_is_kept() {
        let mut batch = PodBatch::default();
        let json =
            br#"{"metadata":{"name":"p","creationTimestamp":"2026-01-01T00:00:00Z"},"status":{"phase":"Pending"}}"#;
        decode_object(json, false, &mut batch).unwrap();
        assert_eq!(batch.iter().next().unwrap().0.since, None);
    }
}
