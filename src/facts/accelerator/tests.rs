use super::*;
use crate::facts::node::NodeFacts;
use crate::facts::quantity::Quantity;

type Labels<'a> = &'a [(&'a str, &'a str)];

fn node(labels: Labels<'_>, capacity: &[&str]) -> NodeFacts {
    let mut labels: Vec<_> = labels.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
    labels.sort();
    let capacity = capacity.iter().map(|name| ((*name).into(), Quantity::whole(8))).collect();
    NodeFacts { labels, capacity, ..NodeFacts::default() }
}

#[test]
fn names_are_of_the_kind_that_the_table_of_the_reference_gives() {
    let rows = [
        (Kind::Device, "nvidia.com/gpu nvidia.com/GA102GL_A10 amd.com/gpu amd.com/spx_nps1"),
        (Kind::Device, "gpu.intel.com/i915 gpu.intel.com/xe habana.ai/gaudi google.com/tpu aws.amazon.com/neuron"),
        (Kind::Device, "huawei.com/Ascend910 huawei.com/Ascend910A huawei.com/Ascend910B3 huawei.com/Ascend310P"),
        (
            Kind::Device,
            "cambricon.com/mlu hygon.com/dcu metax-tech.com/gpu mthreads.com/gpu iluvatar.ai/gpu kunlunxin.com/xpu",
        ),
        (Kind::Slice, "nvidia.com/mig-1g.5gb nvidia.com/mig-7g.80gb nvidia.com/mig-1g.10gb.me amd.com/cpx_nps4"),
        (Kind::Slice, "aws.amazon.com/neuroncore huawei.com/Ascend910-2c"),
        (Kind::Shared, "nvidia.com/gpu.shared nvidia.com/mig-1g.5gb.shared volcano.sh/vgpu-number cambricon.com/vmlu"),
        (
            Kind::Shared,
            "hygon.com/dcunum metax-tech.com/sgpu mthreads.com/vgpu iluvatar.ai/BI-V100-vgpu kunlunxin.com/vxpu",
        ),
        (Kind::Aux, "nvidia.com/gpumem nvidia.com/gpumem-percentage nvidia.com/gpucores nvidia.com/priority"),
        (Kind::Aux, "volcano.sh/vgpu-memory volcano.sh/vgpu-cores amd.com/gpumem gpu.intel.com/i915_monitoring"),
        (
            Kind::Aux,
            "gpu.intel.com/xe_monitoring gpu.intel.com/millicores gpu.intel.com/memory.max gpu.intel.com/tiles",
        ),
        (Kind::Aux, "huawei.com/Ascend910B3-memory huawei.com/Ascend910B3-core cambricon.com/mlu.smlu.vmemory"),
        (
            Kind::Aux,
            "cambricon.com/mlu.smlu.vcore iluvatar.ai/BI-V100.vMem iluvatar.ai/BI-V100.vCore aliyun.com/gpu-mem",
        ),
        (Kind::Aux, "tencent.com/vcuda-core tke.cloud.tencent.com/qgpu-memory enflame.com/gcu-memory hygon.com/dcumem"),
    ];
    for (kind, names) in rows {
        for name in names.split(' ') {
            assert_eq!(classify(name), Some(kind), "{name}");
        }
    }
}

#[test]
fn what_only_sounds_like_a_gpu_is_none() {
    for name in [
        "cpu",
        "memory",
        "pods",
        "gpu",
        "",
        "/",
        "nvidia.com/",
        "nvidia.com/gpu-driver",
        "example.com/gpu",
        "xnvidia.com/gpu",
    ] {
        assert_eq!(classify(name), None, "{name}");
    }
}

#[test]
fn the_users_names_are_added_and_win() {
    let table = AcceleratorTable::with([
        ("example.com/npu".to_owned(), Kind::Slice),
        ("example.com/npu".to_owned(), Kind::Device),
        ("nvidia.com/gpu".to_owned(), Kind::Aux),
    ]);
    assert_eq!(table.classify("example.com/npu"), Some(Kind::Device));
    assert_eq!(table.classify("amd.com/gpu"), Some(Kind::Device));
    let shared = node(&[("nvidia.com/gpu.sharing-strategy", "mps")], &[]);
    assert_eq!(table.classify_on("nvidia.com/gpu", &shared), Some(Kind::Aux));
}

#[test]
fn labels_say_what_nvidia_com_gpu_is_on_a_node() {
    let mig = ("nvidia.com/gpu.product", "A100-SXM4-40GB-MIG-1g.5gb");
    let single = ("nvidia.com/mig.strategy", "single");
    let rows: [(Labels<'_>, Kind); 8] = [
        (&[], Kind::Device),
        (&[("nvidia.com/gpu.sharing-strategy", "none")], Kind::Device),
        (&[("nvidia.com/gpu.sharing-strategy", "time-slicing")], Kind::Shared),
        (&[("nvidia.com/gpu.sharing-strategy", "mps")], Kind::Shared),
        (&[single, mig], Kind::Slice),
        (&[single, mig, ("nvidia.com/gpu.sharing-strategy", "time-slicing")], Kind::Shared),
        (&[("nvidia.com/mig.strategy", "mixed"), mig], Kind::Device),
        (&[single, ("nvidia.com/gpu.product", "A100-SXM4-40GB-MIG-INVALID")], Kind::Device),
    ];
    for (labels, kind) in rows {
        assert_eq!(classify_on("nvidia.com/gpu", &node(labels, &[])), Some(kind), "{labels:?}");
    }
}

#[test]
fn what_hami_splits_is_shared_and_its_annotation_counts_the_shares() {
    let gpu = "nvidia.com/gpu";
    let count = ("nvidia.com/gpu.count", "2");
    let rows: [(Labels<'_>, &[&str], Kind, Option<i64>); 5] = [
        (&[("hami.io/node-nvidia-register", "2 devices, 20 shares"), count], &[gpu], Kind::Shared, Some(20)),
        (&[("hami.io/node-nvidia-register", "2 devices, 20 shares")], &[], Kind::Shared, Some(20)),
        // A split count of 1: each device is given away whole.
        (&[("hami.io/node-nvidia-register", "2 devices, 2 shares"), count], &[gpu], Kind::Device, Some(2)),
        (&[count], &[gpu, "nvidia.com/gpumem", "nvidia.com/gpucores"], Kind::Shared, None),
        (&[("hami.io/node-nvidia-register", "whatever"), count], &[gpu], Kind::Device, Some(2)),
    ];
    for (labels, capacity, kind, promised) in rows {
        let capacity: Vec<_> = capacity.iter().map(|name| (*name, 2)).collect();
        let node = amounts(labels, &capacity);
        assert_eq!((classify_on(gpu, &node), expected(gpu, &node)), (Some(kind), promised), "{labels:?}");
    }
    let table = AcceleratorTable::with([(gpu.to_owned(), Kind::Device)]);
    let split = node(&[("hami.io/node-nvidia-register", "2 devices, 20 shares")], &[gpu]);
    assert_eq!(table.classify_on(gpu, &split), Some(Kind::Device), "what the user says wins");
}

#[test]
fn neuron_devices_with_two_names_count_under_one() {
    let both = node(&[], &["aws.amazon.com/neuron", "aws.amazon.com/neurondevice"]);
    assert_eq!(classify_on("aws.amazon.com/neuron", &both), Some(Kind::Device));
    assert_eq!(classify_on("aws.amazon.com/neurondevice", &both), Some(Kind::Aux));
    let old = node(&[], &["aws.amazon.com/neurondevice"]);
    assert_eq!(classify_on("aws.amazon.com/neurondevice", &old), Some(Kind::Device));
}

#[test]
fn the_model_comes_from_the_most_telling_label_and_is_short() {
    let product = "nvidia.com/gpu.product";
    let kind = ("node.kubernetes.io/instance-type", "p4d.24xlarge");
    let gke = ("cloud.google.com/gke-accelerator", "nvidia-tesla-t4");
    let rows: [(Labels<'_>, Option<&str>); 5] = [
        (&[("nvidia.com/gpu.product", "NVIDIA-A100-SXM4-80GB")], Some("A100-SXM4-80GB")),
        (&[("nvidia.com/gpu.product", "Tesla-T4-SHARED")], Some("Tesla-T4")),
        (&[("nvidia.com/gpu.product", "A100-SXM4-40GB-MIG-1g.5gb")], Some("A100-SXM4-40GB-MIG-1g.5gb")),
        (&[("gpu.intel.com/family", "A_Series"), ("gpu.intel.com/product", "Flex_170")], Some("Flex_170")),
        (&[("amd.com/gpu.product-name", "AMD_Instinct_MI300X_OAM")], Some("AMD_Instinct_MI300X_OAM")),
    ];
    for (labels, expected) in rows {
        assert_eq!(model(&node(labels, &[])), expected);
    }
    assert_eq!(model(&node(&[gke, kind, (product, "")], &["nvidia.com/gpu"])), Some("nvidia-tesla-t4"));
    assert_eq!(model(&node(&[kind], &["cpu", "nvidia.com/gpu"])), Some("p4d.24xlarge"));
    assert_eq!(model(&node(&[kind], &["cpu", "nvidia.com/gpumem"])), None);
    assert_eq!(model(&node(&[(product, "NVIDIA-")], &[])), Some("NVIDIA-"));
    assert_eq!(model(&node(&[(product, "A100\u{202e}GPJ\x1b[2J")], &[])), Some("A100GPJ␛[2J"));
}

#[test]
fn labels_promise_devices_only_where_they_can_say() {
    let count = ("nvidia.com/gpu.count", "8");
    let replicas = ("nvidia.com/gpu.replicas", "10");
    let sliced = ("nvidia.com/gpu.sharing-strategy", "time-slicing");
    let gpu = "nvidia.com/gpu";
    let shared = "nvidia.com/gpu.shared";
    let single = ("nvidia.com/mig.strategy", "single");
    let mixed = ("nvidia.com/mig.strategy", "mixed");
    let rows: [(&str, Labels<'_>, &[&str], Option<i64>); 16] = [
        (gpu, &[count], &[], Some(8)),
        (gpu, &[], &[gpu], None),
        (gpu, &[("nvidia.com/gpu.count", "many")], &[gpu], None),
        (gpu, &[("nvidia.com/gpu.count", "-8")], &[gpu], None),
        // Shared without another name: the capacity counts shares.
        (gpu, &[count, replicas, sliced], &[gpu], Some(80)),
        (gpu, &[count, sliced], &[gpu], None),
        // Replicas of 1 and the strategy `none` are what the plugin writes without sharing.
        (gpu, &[count, ("nvidia.com/gpu.replicas", "1"), ("nvidia.com/gpu.sharing-strategy", "none")], &[gpu], Some(8)),
        // Renamed: 8 GPUs × 10 = 80 under the other name, nothing under this one.
        (shared, &[count, replicas, sliced], &[shared], Some(80)),
        (gpu, &[count, replicas, sliced], &[shared], None),
        (shared, &[count], &[gpu], None),
        // MIG.
        (
            gpu,
            &[("nvidia.com/gpu.count", "56"), single, ("nvidia.com/gpu.product", "A100-MIG-1g.5gb")],
            &[gpu],
            Some(56),
        ),
        (gpu, &[("nvidia.com/gpu.count", "0"), single, ("nvidia.com/gpu.product", "A100-MIG-INVALID")], &[gpu], None),
        (gpu, &[count, mixed], &[gpu], None),
        ("nvidia.com/mig-1g.5gb", &[count, mixed, ("nvidia.com/mig-1g.5gb.count", "7")], &[], Some(7)),
        ("nvidia.com/mig-2g.10gb", &[count, mixed, ("nvidia.com/mig-1g.5gb.count", "7")], &[], None),
        ("amd.com/gpu", &[count], &["amd.com/gpu"], None),
    ];
    for (at, (resource, labels, capacity, promised)) in rows.into_iter().enumerate() {
        assert_eq!(expected(resource, &node(labels, capacity)), promised, "row {at}");
    }
}

fn amounts(labels: Labels<'_>, capacity: &[(&str, i64)]) -> NodeFacts {
    let mut node = node(labels, &[]);
    node.capacity = capacity.iter().map(|(name, amount)| ((*name).into(), Quantity::whole(*amount))).collect();
    node.capacity.sort_unstable();
    node
}

/// Labels and capacity of a node, with the expected kind and the devices behind it.
struct Shown<'a> {
    resource: &'a str,
    announced: i64,
    /// `key=value`, apart by blanks; `{}` stands for the resource's name.
    labels: &'a str,
    kind: Kind,
    devices: Option<i64>,
}

fn shown(rows: &[(&str, i64, &str, Kind, Option<i64>)]) {
    for &(resource, announced, labels, kind, devices) in rows {
        Shown { resource, announced, labels, kind, devices }.holds();
    }
}

impl Shown<'_> {
    fn holds(&self) {
        let labels = self.labels.replace("{}", self.resource).replace("gke:", "cloud.google.com/gke-");
        let labels: Vec<_> = labels.split_whitespace().map(|label| label.split_once('=').unwrap()).collect();
        let node = amounts(&labels, &[(self.resource, self.announced)]);
        assert_eq!(classify_on(self.resource, &node), Some(self.kind), "{labels:?}");
        assert_eq!(devices_behind(self.resource, &node), self.devices, "{labels:?}");
    }
}

#[test]
fn labels_of_gke_say_that_the_plain_name_counts_shares_or_slices() {
    let gpu = "nvidia.com/gpu";
    shown(&[
        (gpu, 16, "gke:gpu-sharing-strategy=time-sharing gke:max-shared-clients-per-gpu=16", Kind::Shared, Some(1)),
        (gpu, 32, "gke:gpu-sharing-strategy=mps gke:max-shared-clients-per-gpu=4", Kind::Shared, Some(8)),
        (gpu, 16, "gke:gpu-sharing-strategy=time-sharing", Kind::Shared, None),
        (gpu, 2, "gke:max-shared-clients-per-gpu=2", Kind::Shared, Some(1)),
        // One client has its device alone.
        (gpu, 4, "gke:gpu-sharing-strategy=time-sharing gke:max-shared-clients-per-gpu=1", Kind::Device, None),
        (gpu, 7, "gke:gpu-partition-size=1g.5gb", Kind::Slice, None),
        (gpu, 21, "gke:gpu-partition-size=1g.5gb gke:max-shared-clients-per-gpu=3", Kind::Shared, None),
        (gpu, 8, "gke:gpu-sharing-strategy= gke:accelerator=nvidia-l4", Kind::Device, None),
    ]);
}

#[test]
fn labels_of_nvidia_say_that_a_name_counts_shares_or_slices() {
    let gpu = "nvidia.com/gpu";
    let mig = "nvidia.com/mig-1g.5gb";
    let single = "nvidia.com/mig.strategy=single";
    shown(&[
        // Before 0.15 there was no strategy, only the replicas and the end of the product.
        (gpu, 20, "{}.count=2 {}.replicas=10 {}.product=Tesla-T4-SHARED", Kind::Shared, Some(2)),
        (gpu, 20, "{}.count=2 {}.replicas=10", Kind::Shared, Some(2)),
        (gpu, 20, "{}.product=Tesla-T4-SHARED", Kind::Shared, None),
        (gpu, 8, "{}.count=2 {}.replicas=4 {}.sharing-strategy=time-slicing", Kind::Shared, Some(2)),
        (gpu, 8, "{}.count=2 {}.replicas=4 {}.sharing-strategy=mps", Kind::Shared, Some(2)),
        (gpu, 8, "{}.count=1 nvidia.com/mps.capable=true", Kind::Shared, Some(1)),
        (
            gpu,
            8,
            "{}.count=8 {}.replicas=1 {}.sharing-strategy=none nvidia.com/mps.capable=false",
            Kind::Device,
            Some(8),
        ),
        (gpu, 8, "{}.count=8 {}.replicas=0", Kind::Device, Some(8)),
        // A virtual machine with a vGPU.
        (gpu, 1, "{}.count=1 nvidia.com/vgpu.present=true", Kind::Shared, None),
        (gpu, 1, "nvidia.com/vgpu.present=false", Kind::Device, None),
        // More than there are devices: feature discovery was not told of the sharing.
        (gpu, 40, "{}.count=4", Kind::Shared, Some(4)),
        (gpu, 40, "{}.count=4 {}.replicas=1 {}.sharing-strategy=none", Kind::Shared, Some(4)),
        (gpu, 4, "{}.count=4", Kind::Device, Some(4)),
        (gpu, 3, "{}.count=4", Kind::Device, Some(4)),
        // A vGPU by its product or by the driver of its host.
        (gpu, 1, "{}.count=1 {}.product=GRID-T4-2Q", Kind::Shared, None),
        (gpu, 1, "{}.count=1 {}.product=NVIDIA-A40-48Q", Kind::Shared, None),
        (gpu, 1, "{}.product=GRID-A100-1-5CME", Kind::Shared, None),
        (gpu, 1, "{}.product=GRID-A100D-1-10C-MIG-1g.10gb", Kind::Shared, None),
        (gpu, 4, "{}.product=GRID-T4-16C-SHARED {}.replicas=4", Kind::Shared, None),
        (gpu, 1, "{}.product=GRID-K120Q", Kind::Shared, None),
        (gpu, 1, "{}.count=1 nvidia.com/vgpu.host-driver-version=580.126.08", Kind::Shared, None),
        (gpu, 1, "{}.count=1 nvidia.com/vgpu.host-driver-branch=r582_12", Kind::Shared, None),
        // Cards whose names are near to those.
        (gpu, 1, "{}.product=GRID-K520", Kind::Device, None),
        (gpu, 1, "{}.product=NVIDIA-A100-SXM4-40GB", Kind::Device, None),
        (gpu, 1, "{}.product=NVIDIA-RTX-A6000", Kind::Device, None),
        (gpu, 1, "{}.product=NVIDIA-A40", Kind::Device, None),
        // MIG: with the strategy, without it, by the attributes of a slice, shared in turn.
        (gpu, 7, &format!("{single} {{}}.product=NVIDIA-A100-SXM4-40GB-MIG-1g.5gb"), Kind::Slice, None),
        (gpu, 7, "{}.product=NVIDIA-A100-SXM4-40GB-MIG-1g.5gb", Kind::Slice, None),
        (gpu, 7, &format!("{single} {{}}.slices.gi=1"), Kind::Slice, None),
        (gpu, 14, &format!("{single} {{}}.product=A100-SXM4-40GB-MIG-1g.5gb-SHARED"), Kind::Shared, None),
        (gpu, 8, &format!("{single} {{}}.product=NVIDIA-A100-SXM4-40GB"), Kind::Device, None),
        (mig, 14, "{}.replicas=2 {}.count=7", Kind::Shared, None),
        (mig, 7, "{}.replicas=1 {}.count=7", Kind::Slice, None),
    ]);
}

#[test]
fn labels_of_amd_intel_and_clouds_say_that_the_plain_name_counts_shares_or_slices() {
    let amd = "amd.com/gpu";
    shown(&[
        // As AMD's documents and as its labeller write them.
        (amd, 64, "amd.com/compute-memory-partition=cpx_nps4", Kind::Slice, None),
        (amd, 16, "amd.com/gpu.compute-memory-partition=dpx_nps1", Kind::Slice, Some(8)),
        (amd, 32, "beta.amd.com/gpu.compute-memory-partition=QPX_NPS1", Kind::Slice, Some(8)),
        (amd, 12, "beta.amd.com/compute-memory-partition=tpx_nps1", Kind::Slice, Some(4)),
        (amd, 8, "amd.com/compute-memory-partition=spx_nps1", Kind::Device, None),
        (amd, 8, "amd.com/compute-partitioning-supported=true", Kind::Device, None),
        (amd, 8, "amd.com/gpu.mode=vf-passthrough", Kind::Shared, None),
        (amd, 8, "amd.com/gpu.mode=pf-passthrough", Kind::Device, None),
        // Intel says only how many cards there are.
        ("gpu.intel.com/i915", 20, "gpu.intel.com/device.count=2", Kind::Shared, Some(2)),
        ("gpu.intel.com/xe", 3, "gpu.intel.com/gpu-numbers=0.1.2", Kind::Device, Some(3)),
        // Its rules count each type of card, and those of data centres a second time.
        ("gpu.intel.com/i915", 10, "gpu.intel.com/device-id.0300-56a0.count=1", Kind::Shared, Some(1)),
        ("gpu.intel.com/xe", 1, "gpu.intel.com/device-id.0300-e20b.count=1", Kind::Device, Some(1)),
        (
            "gpu.intel.com/i915",
            3,
            "gpu.intel.com/device-id.0300-4680.count=1 gpu.intel.com/device-id.0380-56c0.count=2 gpu.intel.com/device.count=2",
            Kind::Device,
            Some(3),
        ),
        (
            "gpu.intel.com/i915",
            30,
            "gpu.intel.com/device-id.0300-4680.count=1 gpu.intel.com/device-id.0380-56c0.count=2 gpu.intel.com/device.count=2",
            Kind::Shared,
            Some(3),
        ),
        ("gpu.intel.com/i915", 8, "gpu.intel.com/device-id.0380-0bd5.count=many", Kind::Device, None),
        (
            "gpu.intel.com/i915",
            5,
            "gpu.intel.com/gpu-numbers=0.1.2 gpu.intel.com/gpu-numbers2=3.4",
            Kind::Device,
            Some(5),
        ),
        // AWS's plugin cuts each device into ten.
        ("k8s.amazonaws.com/vgpu", 40, "karpenter.k8s.aws/instance-gpu-count=4", Kind::Shared, Some(4)),
        ("k8s.amazonaws.com/vgpu", 10, "nvidia.com/gpu.count=1", Kind::Shared, Some(1)),
        ("eks.amazonaws.com/vgpu", 10, "", Kind::Shared, None),
        // So do clouds, where a plugin shares devices without a label of its own.
        ("nvidia.com/gpu", 10, "karpenter.k8s.aws/instance-gpu-count=1", Kind::Shared, Some(1)),
        ("nvidia.com/gpu", 8, "eks.amazonaws.com/instance-gpu-count=8", Kind::Device, Some(8)),
    ]);
}

#[test]
fn beside_shares_of_some_devices_the_plain_name_counts_the_whole_others() {
    let gpu = "nvidia.com/gpu";
    let shared = "nvidia.com/gpu.shared";
    let labels = [
        ("nvidia.com/gpu.count", "8"),
        ("nvidia.com/gpu.replicas", "4"),
        ("nvidia.com/gpu.sharing-strategy", "time-slicing"),
    ];
    let reported = |whole: i64| {
        let node = amounts(&labels, &[(gpu, whole), (shared, 16)]);
        let of = |name| (classify_on(name, &node), expected(name, &node), devices_behind(name, &node));
        [of(gpu), of(shared)]
    };
    let sixteen = (Some(Kind::Shared), None, Some(4));
    assert_eq!(reported(4), [(Some(Kind::Device), Some(4), Some(4)), sixteen]);
    assert_eq!(reported(3), [(Some(Kind::Device), Some(4), Some(3)), sixteen], "one is missing");

    let mig = "nvidia.com/mig-1g.5gb";
    let labels = [("nvidia.com/mig-1g.5gb.count", "7"), ("nvidia.com/mig-1g.5gb.replicas", "2")];
    let node = amounts(&labels, &[(mig, 3), ("nvidia.com/mig-1g.5gb.shared", 8)]);
    assert_eq!((classify_on(mig, &node), expected(mig, &node)), (Some(Kind::Slice), Some(3)));
    assert_eq!(expected("nvidia.com/mig-1g.5gb.shared", &node), None);

    // A name that the plugin has given up stays at 0.
    let node = amounts(&[("nvidia.com/gpu.count", "8"), ("nvidia.com/gpu.replicas", "4")], &[(gpu, 32), (shared, 0)]);
    assert_eq!(classify_on(gpu, &node), Some(Kind::Shared));
}

#[test]
fn labels_that_do_not_know_of_the_sharing_promise_nothing() {
    let labels = [("nvidia.com/gpu.count", "4")];
    assert_eq!(expected("nvidia.com/gpu", &amounts(&labels, &[("nvidia.com/gpu", 40)])), None);
    assert_eq!(expected("nvidia.com/gpu", &amounts(&labels, &[("nvidia.com/gpu", 3)])), Some(4));
}

#[test]
fn cards_of_intel_that_two_drivers_run_are_counted_together() {
    let labels = [("gpu.intel.com/device-id.0300-4680.count", "1"), ("gpu.intel.com/device-id.0300-e20b.count", "1")];
    for (each, kind) in [(1, Kind::Device), (2, Kind::Shared), (10, Kind::Shared)] {
        let node = amounts(&labels, &[("gpu.intel.com/i915", each), ("gpu.intel.com/xe", each)]);
        for name in ["gpu.intel.com/i915", "gpu.intel.com/xe"] {
            assert_eq!((classify_on(name, &node), devices_behind(name, &node)), (Some(kind), Some(1)), "{name} {each}");
        }
    }
}

#[test]
fn nothing_is_missing_where_the_silicon_is_announced_under_another_name() {
    let labels = [("nvidia.com/gpu.count", "2"), ("nvidia.com/gpu.replicas", "1")];
    for other in [
        "nvidia.com/gpu.shared",
        "nvidia.com/pgpu",
        "nvidia.com/GA102GL_A10",
        "nvidia.com/GRID_T4-2Q",
        "nvidia.com/mig-1g.5gb",
        "volcano.sh/vgpu-number",
        "k8s.amazonaws.com/vgpu",
        "aliyun.com/gpu-mem",
    ] {
        assert_eq!(expected("nvidia.com/gpu", &amounts(&labels, &[(other, 50)])), None, "{other}");
        assert_eq!(
            expected("nvidia.com/gpu", &amounts(&labels, &[(other, 50), ("nvidia.com/gpu", 0)])),
            None,
            "{other}"
        );
    }
    for capacity in [
        &[][..],
        &[("nvidia.com/gpu", 1)],
        &[("nvidia.com/priority", 9)],
        &[("nvidia.com/gpu.shared", 0)],
        &[("amd.com/gpu", 8)],
    ] {
        assert_eq!(expected("nvidia.com/gpu", &amounts(&labels, capacity)), Some(2), "{capacity:?}");
    }
}

#[test]
fn plugins_for_virtual_machines_name_cards_and_vgpus_after_their_products() {
    let rows = [
        (
            Some(Kind::Shared),
            "nvidia.com/GRID_T4-2Q nvidia.com/GRID_A100-10C nvidia.com/GRID_M10-0B nvidia.com/GRID_K120Q",
        ),
        (Some(Kind::Shared), "nvidia.com/NVIDIA_A40-4Q nvidia.com/NVIDIA_A100-1-5C nvidia.com/NVIDIA_A100-1-5CME"),
        (
            Some(Kind::Shared),
            "nvidia.com/NVIDIA_L40S-48A nvidia.com/GRID_T4-2B4 nvidia.com/NVIDIA_RTXA6000-48Q amd.com/gpu_vf",
        ),
        (Some(Kind::Shared), "amd.com/AQUA_VANJARAM_INSTINCT_MI300X_VF intel.com/i915-GVTg_V5_4"),
        (
            Some(Kind::Device),
            "nvidia.com/pgpu nvidia.com/GA102GL_A10 nvidia.com/TU104GL_Tesla_T4 nvidia.com/GK104GL_GRID_K520",
        ),
        (
            Some(Kind::Device),
            "nvidia.com/2236 nvidia.com/20b0 nvidia.com/GH100_H100_SXM5_80GB nvidia.com/A100-SXM4-80GB",
        ),
        (Some(Kind::Device), "amd.com/gpu_pf amd.com/NAVI_21_RADEON_PRO_W6800 amd.com/AQUA_VANJARAM_INSTINCT_MI300X"),
        (Some(Kind::Device), "intel.com/PONTE_VECCHIO_XT_DATA_CENTER_GPU_MAX_1550 intel.com/DG2_ARC_A770"),
        (None, "nvidia.com/nvswitch nvidia.com/GH100_H100_NVSWITCH nvidia.com/GA102_HIGH_DEFINITION_AUDIO_CONTROLLER"),
        (None, "nvidia.com/TU104_USB_3.1_HOST_CONTROLLER nvidia.com/hostdev nvidia.com/mlnxnics nvidia.com/22369"),
        (None, "amd.com/nic amd.com/vnic amd.com/STARSHIP_MATISSE_ROOT_COMPLEX amd.com/NAVI_21_RADEON_HDMI_AUDIO"),
        (None, "intel.com/qat intel.com/ETHERNET_CONTROLLER_E810 intel.com/sriov intel.com/gpu-tool"),
    ];
    for (kind, names) in rows {
        for name in names.split(' ') {
            assert_eq!(classify(name), kind, "{name}");
        }
    }
}

#[test]
fn an_instance_type_is_a_model_only_where_a_cloud_sells_it() {
    for (kind, model) in [("k3s", None), ("rke2", None), ("p4d.24xlarge", Some("p4d.24xlarge"))] {
        let node = node(&[("node.kubernetes.io/instance-type", kind)], &["nvidia.com/gpu"]);
        assert_eq!(super::model(&node), model);
    }
}
