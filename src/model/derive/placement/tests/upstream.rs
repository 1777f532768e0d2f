//! Rows of upstream's test tables (kubernetes v1.34.1, component-helpers v0.34.1, api v0.34.1).

use super::{A, B, HUGE, NONE, TestAmounts};

/// Case, tolerations, taints, and the taint that is not tolerated.
pub(super) type TaintCase = (&'static str, &'static [&'static str], &'static [&'static str], Option<&'static str>);

/// Case, node selector, required terms (`None` without affinity), labels and name of the node, and the refusal.
pub(super) type AffinityCase =
    (&'static str, &'static str, Option<&'static str>, &'static str, &'static str, &'static [&'static str]);

/// Case of `TestEnoughRequests`, requests of the containers and of the init containers, what the node's pod holds, and the
/// insufficient resources.
pub(super) type FitCase =
    (&'static str, &'static [TestAmounts], &'static [TestAmounts], TestAmounts, &'static [&'static str]);

const AFFINITY: &[&str] = &["Affinity"];
const KUBERNETES: &str = "kubernetes.io/something";
const SUBDOMAIN: &str = "subdomain.kubernetes.io/something";
const FITS: &[&str] = &[];

/// `TestTaintTolerationFilter`, and the cordon of `TestNodeUnschedulable` as a taint.
pub(super) const TAINT_FILTER: [TaintCase; 10] = [
    (
        "A pod having no tolerations can't be scheduled onto a node with nonempty taints",
        &[],
        &["dedicated user1 NoSchedule"],
        Some("dedicated=user1:NoSchedule"),
    ),
    (
        "A pod which can be scheduled on a dedicated node assigned to user1 with effect NoSchedule",
        &["dedicated - user1 NoSchedule"],
        &["dedicated user1 NoSchedule"],
        None,
    ),
    (
        "A pod which can't be scheduled on a dedicated node assigned to user2 with effect NoSchedule",
        &["dedicated Equal user2 NoSchedule"],
        &["dedicated user1 NoSchedule"],
        Some("dedicated=user1:NoSchedule"),
    ),
    (
        "A pod can be scheduled onto the node, with a toleration uses operator Exists that tolerates the taints on the node",
        &["foo Exists - NoSchedule"],
        &["foo bar NoSchedule"],
        None,
    ),
    (
        "A pod has multiple tolerations, node has multiple taints, all the taints are tolerated",
        &["dedicated Equal user2 NoSchedule", "foo Exists - NoSchedule"],
        &["dedicated user2 NoSchedule", "foo bar NoSchedule"],
        None,
    ),
    (
        "A pod has a toleration that keys and values match the taint on the node, but (non-empty) effect doesn't match",
        &["foo Equal bar PreferNoSchedule"],
        &["foo bar NoSchedule"],
        Some("foo=bar:NoSchedule"),
    ),
    (
        "The pod has a toleration that keys and values match the taint on the node, the effect of toleration is empty",
        &["foo Equal bar -"],
        &["foo bar NoSchedule"],
        None,
    ),
    (
        "key and value don't match the taint on the node, but the effect of taint on node is PreferNoSchedule",
        &["dedicated Equal user2 NoSchedule"],
        &["dedicated user1 PreferNoSchedule"],
        None,
    ),
    (
        "The pod has no toleration, but the effect of taint on node is PreferNoSchedule",
        &[],
        &["dedicated user1 PreferNoSchedule"],
        None,
    ),
    (
        "NodeUnschedulable: Schedule pod with toleration to unschedulable node, by its taint",
        &["node.kubernetes.io/unschedulable - - NoSchedule"],
        &["node.kubernetes.io/unschedulable - NoSchedule"],
        None,
    ),
];

/// `TestTolerationToleratesTaint` and `TestFindMatchingUntoleratedTaint`.
pub(super) const TOLERATIONS: [TaintCase; 9] = [
    (
        "same key and effect, operator is Exists, and taint has no value",
        &["foo Exists - NoSchedule"],
        &["foo - NoSchedule"],
        None,
    ),
    (
        "same key and effect, operator is Exists, and taint has some value",
        &["foo Exists - NoSchedule"],
        &["foo bar NoSchedule"],
        None,
    ),
    (
        "toleration has empty key and operator is Exists, means match all taints",
        &["- Exists - NoSchedule"],
        &["foo bar NoSchedule"],
        None,
    ),
    ("same key, effect and value, and operator is Equal", &["foo Equal bar NoSchedule"], &["foo bar NoSchedule"], None),
    (
        "same key and effect, but different values, and operator is Equal",
        &["foo Equal value1 NoSchedule"],
        &["foo value2 NoSchedule"],
        Some("foo=value2:NoSchedule"),
    ),
    (
        "same key and value, but different effects, and operator is Equal",
        &["foo Equal bar NoSchedule"],
        &["foo bar NoExecute"],
        Some("foo=bar:NoExecute"),
    ),
    ("empty tolerations tolerate empty taints", &[], &[], None),
    ("non-empty tolerations tolerate empty taints", &["foo Exists - NoSchedule"], &[], None),
    (
        "no filterFunc indicated, means all taints apply to the filter, tolerations don't match taints",
        &["foo Exists - NoSchedule"],
        &["bar - NoSchedule"],
        Some("bar:NoSchedule"),
    ),
];

/// `TestNodeAffinity`, without the affinity that a profile adds.
pub(super) const AFFINITY_FILTER: [AffinityCase; 26] = [
    ("missing labels", "foo=bar", None, "", "n", &["Selector"]),
    ("same labels", "foo=bar", None, "foo=bar", "n", &[]),
    ("node labels are superset", "foo=bar", None, "foo=bar baz=blah", "n", &[]),
    ("node labels are subset", "foo=bar baz=blah", None, "foo=bar", "n", &["Selector"]),
    (
        "matchExpressions using In operator that matches the existing node",
        "",
        Some("foo In bar,value2"),
        "foo=bar",
        "n",
        &[],
    ),
    (
        "matchExpressions using Gt operator that matches the existing node",
        "",
        Some("kernel-version Gt 0204"),
        "kernel-version=0206",
        "n",
        &[],
    ),
    (
        "matchExpressions using NotIn operator that matches the existing node",
        "",
        Some("mem-type NotIn DDR,DDR2"),
        "mem-type=DDR3",
        "n",
        &[],
    ),
    (
        "matchExpressions using Exists operator that matches the existing node",
        "",
        Some("GPU Exists"),
        "GPU=NVIDIA-GRID-K1",
        "n",
        &[],
    ),
    ("Pod with affinity that don't match node's labels", "", Some("foo In value1,value2"), "foo=bar", "n", AFFINITY),
    (
        "Pod with empty MatchExpressions is not a valid value will match no objects",
        "",
        Some(""),
        "foo=bar",
        "n",
        AFFINITY,
    ),
    ("Pod with no Affinity will schedule onto a node", "", None, "foo=bar", "n", &[]),
    (
        "multiple matchExpressions ANDed that matches the existing node",
        "",
        Some("GPU Exists & GPU NotIn AMD,INTER"),
        "GPU=NVIDIA-GRID-K1",
        "n",
        &[],
    ),
    (
        "multiple matchExpressions ANDed that doesn't match the existing node",
        "",
        Some("GPU Exists & GPU In AMD,INTER"),
        "GPU=NVIDIA-GRID-K1",
        "n",
        AFFINITY,
    ),
    (
        "multiple NodeSelectorTerms ORed in affinity, matches the node's labels",
        "",
        Some("foo In bar,value2 ; diffkey In wrong,value2"),
        "foo=bar",
        "n",
        &[],
    ),
    ("an Affinity and a PodSpec.NodeSelector both are satisfied", "foo=bar", Some("foo Exists"), "foo=bar", "n", &[]),
    (
        "an Affinity matches node's labels but the PodSpec.NodeSelector is not satisfied",
        "foo=bar",
        Some("foo Exists"),
        "foo=barrrrrr",
        "n",
        &["Selector"],
    ),
    (
        "Pod with an invalid value in Affinity term won't be scheduled onto the node",
        "",
        Some("foo NotIn invalid value: ___@#$%^"),
        "foo=bar",
        "n",
        AFFINITY,
    ),
    (
        "matchFields using In operator that matches the existing node",
        "",
        Some("@metadata.name In node1"),
        "",
        "node1",
        &[],
    ),
    (
        "matchFields using In operator that does not match the existing node",
        "",
        Some("@metadata.name In node1"),
        "",
        "node2",
        AFFINITY,
    ),
    (
        "two terms: matchFields does not match, but matchExpressions matches",
        "",
        Some("@metadata.name In node1 & @metadata.name In node2 ; foo In bar"),
        "foo=bar",
        "node2",
        &[],
    ),
    (
        "one term: matchFields does not match, but matchExpressions matches",
        "",
        Some("@metadata.name In node1 & foo In bar"),
        "foo=bar",
        "node2",
        AFFINITY,
    ),
    (
        "one term: both matchFields and matchExpressions match",
        "",
        Some("@metadata.name In node1 & foo In bar"),
        "foo=bar",
        "node1",
        &[],
    ),
    (
        "two terms: both matchFields and matchExpressions do not match",
        "",
        Some("@metadata.name In node1 ; foo In not-match-to-bar"),
        "foo=bar",
        "node2",
        AFFINITY,
    ),
    (
        "Pod with two terms of node.Name affinity",
        "",
        Some("@metadata.name In node1 ; @metadata.name In node2"),
        "",
        "node2",
        &[],
    ),
    (
        "Pod with two conflicting mach field requirements",
        "",
        Some("@metadata.name In node1 & @metadata.name In node2"),
        "foo=bar",
        "node2",
        AFFINITY,
    ),
    ("Matches node selector correctly even if PreFilter is not called", "foo=bar", None, "foo=bar baz=blah", "n", &[]),
];

/// `TestMatchNodeSelectorTerms`, and a term that cannot be parsed beside one that matches.
pub(super) const SELECTOR_TERMS: [AffinityCase; 10] = [
    ("node label matches matchExpressions terms", "", Some("label_1 In label_1_val"), "label_1=label_1_val", "n", &[]),
    ("node field matches matchFields terms", "", Some("@metadata.name In host_1"), "", "host_1", &[]),
    ("invalid node field requirement", "", Some("@metadata.name In host_1,host_2"), "", "host_1", AFFINITY),
    (
        "fieldSelectorTerm with node labels",
        "",
        Some("@metadata.name In host_1"),
        "metadata.name=host_1",
        "not_host_1",
        AFFINITY,
    ),
    ("labelSelectorTerm with node fields", "", Some("metadata.name In host_1"), "", "host_1", AFFINITY),
    (
        "labelSelectorTerm and fieldSelectorTerm was set, but only node fields",
        "",
        Some("label_1 In label_1_val & @metadata.name In host_1"),
        "",
        "host_1",
        AFFINITY,
    ),
    (
        "both node fields and labels (both matched)",
        "",
        Some("label_1 In label_1_val & @metadata.name In host_1"),
        "label_1=label_1_val",
        "host_1",
        &[],
    ),
    (
        "both node fields and labels (one mismatched)",
        "",
        Some("label_1 In label_1_val & @metadata.name In host_1"),
        "label_1=label_1_val-failed",
        "host_1",
        AFFINITY,
    ),
    (
        "multi-selector was set, both node fields and labels (one mismatched)",
        "",
        Some("label_1 In label_1_val ; @metadata.name In host_1"),
        "label_1=label_1_val-failed",
        "host_1",
        &[],
    ),
    (
        "a term that cannot be parsed is skipped, the others count (LazyErrorNodeSelector.Match)",
        "",
        Some("@metadata.name In host_1,host_2 ; invalid/key/ In label_value ; label_1 Exists"),
        "label_1=x",
        "host_1",
        &[],
    ),
];

/// `TestEnoughRequests`, without ignored resources and dynamic resource allocation.
pub(super) const ENOUGH_REQUESTS: [FitCase; 31] = [
    ("no resources requested always fits", &[], &[], (10, 20, &[]), FITS),
    ("too many resources fails", &[(1, 1, &[])], &[], (10, 20, &[]), &["cpu", "memory"]),
    ("too many resources fails due to init container cpu", &[(1, 1, &[])], &[(3, 1, &[])], (8, 19, &[]), &["cpu"]),
    (
        "too many resources fails due to highest init container cpu",
        &[(1, 1, &[])],
        &[(3, 1, &[]), (2, 1, &[])],
        (8, 19, &[]),
        &["cpu"],
    ),
    (
        "too many resources fails due to init container memory",
        &[(1, 1, &[])],
        &[(1, 3, &[])],
        (9, 19, &[]),
        &["memory"],
    ),
    (
        "too many resources fails due to highest init container memory",
        &[(1, 1, &[])],
        &[(1, 3, &[]), (1, 2, &[])],
        (9, 19, &[]),
        &["memory"],
    ),
    (
        "init container fits because it's the max, not sum, of containers and init containers",
        &[(1, 1, &[])],
        &[(1, 1, &[])],
        (9, 19, &[]),
        FITS,
    ),
    (
        "multiple init containers fit because it's the max, not sum",
        &[(1, 1, &[])],
        &[(1, 1, &[]), (1, 1, &[])],
        (9, 19, &[]),
        FITS,
    ),
    ("both resources fit", &[(1, 1, &[])], &[], (5, 5, &[]), FITS),
    ("one resource memory fits", &[(2, 1, &[])], &[], (9, 5, &[]), &["cpu"]),
    ("one resource cpu fits", &[(1, 2, &[])], &[], (5, 19, &[]), &["memory"]),
    ("equal edge case", &[(5, 1, &[])], &[], (5, 19, &[]), FITS),
    ("equal edge case for init container", &[(4, 1, &[])], &[(5, 1, &[])], (5, 19, &[]), FITS),
    ("extended resource fits", &[(0, 0, &[(A, 1)])], &[], NONE, FITS),
    ("extended resource fits for init container", &[NONE], &[(0, 0, &[(A, 1)])], NONE, FITS),
    ("extended resource capacity enforced", &[(1, 1, &[(A, 10)])], &[], NONE, &[A]),
    ("extended resource capacity enforced for init container", &[NONE], &[(1, 1, &[(A, 10)])], NONE, &[A]),
    ("extended resource allocatable enforced", &[(1, 1, &[(A, 1)])], &[], (0, 0, &[(A, 5)]), &[A]),
    (
        "extended resource allocatable enforced for init container",
        &[NONE],
        &[(1, 1, &[(A, 1)])],
        (0, 0, &[(A, 5)]),
        &[A],
    ),
    (
        "extended resource allocatable enforced for multiple containers",
        &[(1, 1, &[(A, 3)]), (1, 1, &[(A, 3)])],
        &[],
        (0, 0, &[(A, 2)]),
        &[A],
    ),
    (
        "extended resource allocatable admits multiple init containers",
        &[NONE],
        &[(1, 1, &[(A, 3)]), (1, 1, &[(A, 3)])],
        (0, 0, &[(A, 2)]),
        FITS,
    ),
    (
        "extended resource allocatable enforced for multiple init containers",
        &[NONE],
        &[(1, 1, &[(A, 6)]), (1, 1, &[(A, 3)])],
        (0, 0, &[(A, 2)]),
        &[A],
    ),
    ("extended resource allocatable enforced for unknown resource", &[(1, 1, &[(B, 1)])], &[], NONE, &[B]),
    (
        "extended resource allocatable enforced for unknown resource for init container",
        &[NONE],
        &[(1, 1, &[(B, 1)])],
        NONE,
        &[B],
    ),
    ("kubernetes.io resource capacity enforced", &[(1, 1, &[(KUBERNETES, 10)])], &[], NONE, &[KUBERNETES]),
    (
        "kubernetes.io resource capacity enforced for init container",
        &[NONE],
        &[(1, 1, &[(SUBDOMAIN, 10)])],
        NONE,
        &[SUBDOMAIN],
    ),
    ("hugepages resource capacity enforced", &[(1, 1, &[(HUGE, 10)])], &[], NONE, &[HUGE]),
    ("hugepages resource capacity enforced for init container", &[NONE], &[(1, 1, &[(HUGE, 10)])], NONE, &[HUGE]),
    (
        "hugepages resource allocatable enforced for multiple containers",
        &[(1, 1, &[(HUGE, 3)]), (1, 1, &[(HUGE, 3)])],
        &[],
        (0, 0, &[(HUGE, 2)]),
        &[HUGE],
    ),
    ("skip checking extended resource request with quantity zero", &[(1, 1, &[(A, 0)])], &[], (0, 0, &[(A, 6)]), FITS),
    ("skip checking resource request with quantity zero", &[(0, 0, &[(A, 1)])], &[], (20, 30, &[(A, 1)]), FITS),
];
