//! Known fields of a pod's scheduling constraints on the wire.

use crate::facts::json::{Int, JsonList, Obj, Present, Text};
use crate::facts::message::message;

message! {
    /// `Toleration`.
    pub(in crate::facts) struct RawToleration<'a> {
        key: Text<'a> = "key" | 1,
        operator: Text<'a> = "operator" | 2,
        value: Text<'a> = "value" | 3,
        effect: Text<'a> = "effect" | 4,
    }

    /// `Affinity`.
    pub(in crate::facts) struct RawAffinity<'a> {
        node: Obj<RawNodeAffinity<'a>> = "nodeAffinity" | 1,
        pod: Obj<RawPodAffinity<'a>> = "podAffinity" | 2,
        anti: Obj<RawPodAffinity<'a>> = "podAntiAffinity" | 3,
    }

    /// `NodeAffinity`.
    pub(in crate::facts) struct RawNodeAffinity<'a> {
        required: Option<Obj<RawNodeSelector<'a>>> = "requiredDuringSchedulingIgnoredDuringExecution" | 1,
    }

    /// `PodAffinity` and `PodAntiAffinity`.
    pub(in crate::facts) struct RawPodAffinity<'a> {
        required: JsonList<Obj<RawClaim<'a>>> = "requiredDuringSchedulingIgnoredDuringExecution" | 1,
    }

    /// `NodeSelector`.
    pub(in crate::facts) struct RawNodeSelector<'a> {
        terms: JsonList<Obj<RawNodeSelectorTerm<'a>>> = "nodeSelectorTerms" | 1,
    }

    /// `NodeSelectorTerm`.
    pub(in crate::facts) struct RawNodeSelectorTerm<'a> {
        labels: JsonList<Obj<RawNodeRequirement<'a>>> = "matchExpressions" | 1,
        fields: JsonList<Obj<RawNodeRequirement<'a>>> = "matchFields" | 2,
    }

    /// `NodeSelectorRequirement`.
    pub(in crate::facts) struct RawNodeRequirement<'a> {
        key: Text<'a> = "key" | 1,
        operator: Text<'a> = "operator" | 2,
        values: JsonList<Text<'a>> = "values" | 3,
    }

    /// `TopologySpreadConstraint`.
    pub(in crate::facts) struct RawSpread<'a> {
        when_unsatisfiable: Text<'a> = "whenUnsatisfiable" | 3,
    }

    /// `PodSchedulingGate`.
    pub(in crate::facts) struct RawGate<'a> {
        name: Text<'a> = "name" | 1,
    }

    /// `PodResourceClaim`, or another element that is only counted.
    pub(in crate::facts) struct RawClaim<'a> {
        name: Text<'a> = "name" | 1,
    }

    /// `PodSchedulingGroup`.
    pub(in crate::facts) struct RawSchedulingGroup<'a> {
        name: Text<'a> = "podGroupName" | 1,
    }

    /// `ContainerPort`.
    pub(in crate::facts) struct RawPort {
        host: Int = "hostPort" | 2,
    }

    /// `Volume`; its source stands beside its name in JSON.
    pub(in crate::facts) struct RawVolume {
        claim: Present = "persistentVolumeClaim",
        ephemeral: Present = "ephemeral",
        source: Obj<RawVolumeSource> = "volumeSource" | 2,
    }

    /// `VolumeSource`.
    pub(in crate::facts) struct RawVolumeSource {
        claim: Present = "persistentVolumeClaim" | 10,
        ephemeral: Present = "ephemeral" | 29,
    }
}
