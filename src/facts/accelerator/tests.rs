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
        (Kind::Device, "nvidia.com/gpu nvidia.com/GA102GL_A10 nvidia.com/GRID_T4-4Q amd.com/gpu amd.com/spx_nps1"),
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
    let table = Table::with([
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
        let node = node(labels, capacity);
        assert_eq!((classify_on(gpu, &node), expected(gpu, &node)), (Some(kind), promised), "{labels:?}");
    }
    let table = Table::with([(gpu.to_owned(), Kind::Device)]);
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
