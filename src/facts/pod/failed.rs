//! Pods that have failed, and the ending that each of them reports.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::facts::json::{Int, JsonList, Obj, Text};
use crate::facts::message::message;
use crate::facts::text::Clean;
use crate::facts::wire::{DecodeError, ListDecoder, ListHead, ObjectMeta, Sink};

/// Reasons with which the kubelet rejects a pod that was bound to its node, besides `OutOf…` (kubernetes
/// `pkg/kubelet/lifecycle/predicate.go`, `handlers.go`, `cm/admission/errors.go`, `eviction/eviction_manager.go`).
const REJECTIONS: [&str; 21] = [
    "AppArmor",
    "EmptyPodSharedPoolError",
    "Evicted",
    "InitContainerRestartPolicyForbidden",
    "InvalidNodeInfo",
    "NodeAffinity",
    "NodeName",
    "NodePorts",
    "PodFeatureUnsupported",
    "PodLevelResourcesNotSupported",
    "PodOSNotSupported",
    "PodOSSelectorNodeLabelDoesNotMatch",
    "SMTAlignmentError",
    "SupplementalGroupsPolicyNotSupported",
    "SysctlForbidden",
    "TaintToleration",
    "TopologyAffinityError",
    "UnexpectedAdmissionError",
    "UnexpectedPredicateFailureType",
    "UnknownReason",
    "VolumeAttachmentLimitExceeded",
];

/// Reasons of the kubelet that say nothing against the node: it was shut down, or the pod's time was up.
const ENDED_BY_OTHERS: [&str; 5] = ["DeadlineExceeded", "NodeLost", "NodeShutdown", "Preempting", "Terminated"];

/// Reasons of a container that the runtime of the node could not start.
const NOT_STARTED: [&str; 4] = ["ContainerCannotRun", "CreateContainerError", "RunContainerError", "StartError"];

/// Exit code of a container that did not start (containerd `internal/cri/server`).
const NOT_STARTED_CODE: i64 = 128;

/// Reasons of a container that are the pod's own fault: a missing Secret, a wrong image, too little memory.
const OWN_FAULT: [&str; 3] = ["CreateContainerConfigError", "InvalidImageName", "OOMKilled"];

/// Facts of a pod in phase `Failed`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedPod {
    /// `metadata.namespace`.
    pub namespace: Clean,
    /// `spec.nodeName`.
    pub node: Clean,
    /// Kind of the controlling owner; empty without one.
    pub owner_kind: Clean,
    /// Name of the controlling owner; empty without one.
    pub owner_name: Clean,
    /// `metadata.creationTimestamp`.
    pub created: Option<Timestamp>,
    /// `status.reason`, or that of the first container that ended with an error: `UnexpectedAdmissionError`, `StartError`.
    pub reason: Clean,
    /// Message beside the reason.
    pub message: Clean,
    /// The side that the reason speaks against.
    pub blame: Blame,
}

/// The side that the ending of a pod speaks against.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Blame {
    /// The node: its kubelet rejected the pod, or its runtime could not start a container.
    Node,
    /// The node or the program: a container exited with an error. The same owner's pods on other nodes tell.
    Either,
    /// The pod, or somebody who ended it.
    #[default]
    Pod,
}

/// Failed pods, as far as they were read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedPods {
    /// The pods, by namespace and name.
    pub pods: Vec<FailedPod>,
    /// `true` if there are more.
    pub more: bool,
}

/// Maximum number of pods of one page that are kept; the limit of the request, which a proxy may ignore.
const MOST: usize = 500;

/// Streaming decoder of a list of failed pods.
#[derive(Debug, Default)]
pub struct FailedPodList {
    decoder: ListDecoder,
    page: FailedPods,
}

impl FailedPodList {
    /// Decodes the next chunk of the body.
    pub fn take(&mut self, chunk: &[u8]) {
        self.decoder.take(chunk, &mut FailedSink(&mut self.page));
    }

    /// First bytes of the body.
    #[must_use]
    pub fn start(&self) -> &[u8] {
        self.decoder.start()
    }

    /// Finishes the body and returns its pods, at most 500.
    ///
    /// # Errors
    /// [`DecodeError`] if the body is not a list of pods, or truncated; single unreadable pods are only counted.
    pub fn end(mut self) -> Result<(ListHead, FailedPods), DecodeError> {
        let head = self.decoder.end(&mut FailedSink(&mut self.page))?;
        self.page.more |= !head.continue_token.is_empty();
        Ok((head, self.page))
    }
}

struct FailedSink<'p>(&'p mut FailedPods);

impl Sink for FailedSink<'_> {
    type Raw<'a> = RawFailedPod<'a>;
    const KIND: &'static str = "Pod";

    fn take(&mut self, raw: &RawFailedPod<'_>) -> bool {
        let readable = Self::is_readable(&raw.kind, &raw.metadata.0.name);
        // A proxy may ignore the selector.
        if readable && &*raw.status.0.phase == "Failed" {
            if self.0.pods.len() < MOST {
                self.0.pods.push(raw.facts());
            } else {
                self.0.more = true;
            }
        }
        readable
    }
}

message! {
    /// `Pod`.
    struct RawFailedPod<'a> {
        kind: Text<'a> = "kind",
        metadata: Obj<ObjectMeta<'a>> = "metadata" | 1,
        spec: Obj<FailedSpec<'a>> = "spec" | 2,
        status: Obj<FailedStatus<'a>> = "status" | 3,
    }

    /// `PodSpec`.
    struct FailedSpec<'a> {
        node: Text<'a> = "nodeName" | 10,
    }

    /// `PodStatus`.
    struct FailedStatus<'a> {
        phase: Text<'a> = "phase" | 1,
        message: Text<'a> = "message" | 3,
        reason: Text<'a> = "reason" | 4,
        containers: JsonList<Obj<EndedContainer<'a>>> = "containerStatuses" | 8,
        init_containers: JsonList<Obj<EndedContainer<'a>>> = "initContainerStatuses" | 10,
    }

    /// `ContainerStatus`.
    struct EndedContainer<'a> {
        state: Obj<EndedState<'a>> = "state" | 2,
    }

    /// `ContainerState`.
    struct EndedState<'a> {
        waiting: Obj<WaitingContainer<'a>> = "waiting" | 1,
        terminated: Obj<ContainerEnd<'a>> = "terminated" | 3,
    }

    /// `ContainerStateWaiting`.
    struct WaitingContainer<'a> {
        reason: Text<'a> = "reason" | 1,
        message: Text<'a> = "message" | 2,
    }

    /// `ContainerStateTerminated`.
    struct ContainerEnd<'a> {
        exit_code: Int = "exitCode" | 1,
        reason: Text<'a> = "reason" | 3,
        message: Text<'a> = "message" | 4,
    }
}

impl RawFailedPod<'_> {
    fn facts(&self) -> FailedPod {
        let (Obj(meta), Obj(spec), Obj(status)) = (&self.metadata, &self.spec, &self.status);
        let owner = meta.controller();
        let (reason, message, blame) = status.ending();
        FailedPod {
            namespace: Clean::new(&meta.namespace),
            node: Clean::new(&spec.node),
            owner_kind: Clean::new(owner.map_or("", |owner| &*owner.kind)),
            owner_name: Clean::new(owner.map_or("", |owner| &*owner.name)),
            created: meta.created.0,
            reason: Clean::new(&reason),
            message: Clean::new(message),
            blame,
        }
    }
}

impl FailedStatus<'_> {
    /// Reason, message and blame of the ending.
    fn ending(&self) -> (String, &str, Blame) {
        let reason = &*self.reason;
        if reason.is_empty() {
            return self.container_ending();
        }
        let started = !self.containers.0.is_empty() || !self.init_containers.0.is_empty();
        let rejected = REJECTIONS.contains(&reason) || reason.starts_with("OutOf") || !started;
        let blame = if rejected && !ENDED_BY_OTHERS.contains(&reason) { Blame::Node } else { Blame::Pod };
        (reason.to_owned(), &self.message, blame)
    }

    /// The ending of the first container that ended with an error, or still waits.
    fn container_ending(&self) -> (String, &str, Blame) {
        let states = self.init_containers.0.iter().chain(&self.containers.0).map(|Obj(container)| &container.state.0);
        for state in states {
            let (Obj(end), Obj(waiting)) = (&state.terminated, &state.waiting);
            match end.exit_code.0 {
                Some(code) if code != 0 => return (end.reason_or(code), &end.message, end.blame(code)),
                None if !waiting.reason.is_empty() => {
                    let not_started = NOT_STARTED.contains(&&*waiting.reason);
                    let blame = if not_started { Blame::Node } else { Blame::Pod };
                    return (waiting.reason.0.to_string(), &waiting.message, blame);
                }
                _ => {}
            }
        }
        ("Failed".to_owned(), &self.message, Blame::Either)
    }
}

impl ContainerEnd<'_> {
    /// `Error` names no reason, so its exit code does.
    fn reason_or(&self, code: i64) -> String {
        match &*self.reason {
            "" | "Error" => format!("ExitCode:{code}"),
            reason => reason.to_owned(),
        }
    }

    fn blame(&self, code: i64) -> Blame {
        let reason = &*self.reason;
        if NOT_STARTED.contains(&reason) || (code == NOT_STARTED_CODE && !OWN_FAULT.contains(&reason)) {
            Blame::Node
        } else if OWN_FAULT.contains(&reason) {
            Blame::Pod
        } else {
            Blame::Either
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::wire::decode_list;

    /// A list with one pod of this status, as the API server writes it.
    fn decode(status: &str) -> Vec<FailedPod> {
        let body = format!(
            r#"{{"kind":"PodList","apiVersion":"v1","metadata":{{"resourceVersion":"9"}},"items":[{{"metadata":{{"name":"p",
            "namespace":"train","creationTimestamp":"2026-01-01T00:00:00Z","ownerReferences":[{{"kind":"Job","name":"llm",
            "controller":true}}]}},"spec":{{"nodeName":"n1","containers":[{{"name":"c","env":[{{"name":"TOKEN","value":"s3"}}]}}]}},
            "status":{status}}}]}}"#
        );
        let mut list = FailedPodList::default();
        body.as_bytes().chunks(7).for_each(|chunk| list.take(chunk));
        list.end().unwrap().1.pods
    }

    fn ending(status: &str) -> (String, String, Blame) {
        let pods = decode(status);
        (pods[0].reason.to_string(), pods[0].message.to_string(), pods[0].blame)
    }

    fn terminated(fields: &str) -> String {
        format!(r#"{{"phase":"Failed","containerStatuses":[{{"name":"c","state":{{"terminated":{{{fields}}}}}}}]}}"#)
    }

    #[test]
    fn a_rejected_pod_says_why_and_speaks_against_its_node() {
        // kubernetes `pkg/kubelet/cm/devicemanager/manager.go`, as `lifecycle/predicate.go` wraps it.
        let message = "Pod was rejected: Allocate failed due to no healthy devices present; cannot allocate unhealthy devices \
                       nvidia.com/gpu, which is unexpected";
        let status = format!(r#"{{"phase":"Failed","reason":"UnexpectedAdmissionError","message":"{message}"}}"#);
        assert_eq!(ending(&status), ("UnexpectedAdmissionError".into(), message.into(), Blame::Node));
        let pods = decode(&status);
        let names = [&pods[0].namespace, &pods[0].node, &pods[0].owner_kind, &pods[0].owner_name].map(|text| &**text);
        assert_eq!(names, ["train", "n1", "Job", "llm"]);
        assert_eq!(pods[0].created, "2026-01-01T00:00:00Z".parse().ok());
    }

    #[test]
    fn endings_speak_against_the_side_that_the_reference_names() {
        let status = |reason: &str| format!(r#"{{"phase":"Failed","reason":"{reason}"}}"#);
        for reason in ["OutOfcpu", "OutOfnvidia.com/gpu", "NodeAffinity", "TopologyAffinityError", "SomethingNew"] {
            assert_eq!(ending(&status(reason)).2, Blame::Node, "{reason}");
        }
        for reason in ["NodeShutdown", "Terminated", "Preempting", "DeadlineExceeded"] {
            assert_eq!(ending(&status(reason)).2, Blame::Pod, "{reason}");
        }
        let table = [
            (r#""exitCode":128,"reason":"StartError","message":"failed to create task""#, "StartError", Blame::Node),
            (r#""exitCode":128,"reason":"Error""#, "ExitCode:128", Blame::Node),
            (r#""exitCode":127,"reason":"ContainerCannotRun""#, "ContainerCannotRun", Blame::Node),
            (r#""exitCode":1,"reason":"Error""#, "ExitCode:1", Blame::Either),
            (r#""exitCode":139"#, "ExitCode:139", Blame::Either),
            (r#""exitCode":137,"reason":"OOMKilled""#, "OOMKilled", Blame::Pod),
        ];
        for (fields, reason, blame) in table {
            let (found, _, of) = ending(&terminated(fields));
            assert_eq!((&*found, of), (reason, blame), "{fields}");
        }
        let waiting = |reason: &str| {
            format!(r#"{{"phase":"Failed","containerStatuses":[{{"state":{{"waiting":{{"reason":"{reason}"}}}}}}]}}"#)
        };
        assert_eq!(ending(&waiting("RunContainerError")).2, Blame::Node);
        assert_eq!(ending(&waiting("CreateContainerConfigError")).2, Blame::Pod);
        assert_eq!(ending(&waiting("InvalidImageName")).2, Blame::Pod);
    }

    #[test]
    fn only_failed_pods_count_and_nothing_but_their_ending_is_kept() {
        assert_eq!(decode(r#"{"phase":"Succeeded"}"#), []);
        assert_eq!(decode(r#"{"phase":"Running"}"#), []);
        let kept = format!("{:?}", decode(r#"{"phase":"Failed"}"#));
        assert!(!kept.contains("TOKEN") && !kept.contains("s3"), "{kept}");
        let mut pods = FailedPods::default();
        assert!(decode_list(b"<html>", &mut FailedSink(&mut pods)).is_err());
    }

    #[test]
    fn of_a_page_that_is_longer_than_its_limit_500_pods_are_kept() {
        let pod = r#"{"metadata":{"name":"p","namespace":"train"},"status":{"phase":"Failed"}}"#;
        let body =
            |pods: usize| format!(r#"{{"kind":"PodList","metadata":{{}},"items":[{}]}}"#, vec![pod; pods].join(","));
        for (pods, more) in [(500, false), (501, true)] {
            let mut list = FailedPodList::default();
            list.take(body(pods).as_bytes());
            let page = list.end().unwrap().1;
            assert_eq!((page.pods.len(), page.more), (500, more));
        }
    }
}
