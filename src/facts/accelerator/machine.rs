//! Machine types of public clouds, recognised by the pattern of their names.
//!
//! The label `node.kubernetes.io/instance-type` holds any text that the provider's controller, the distribution or a person set:
//! `k3s`, `rke2`, `bare-metal`, `gpu1.2xlarge`, a flavour of a private cloud. Only the machine type of a public cloud implies an
//! accelerator, so each pattern begins with the families that its cloud offers.
//! Sources: the clouds' lists of machine types.

/// Patterns of the clouds. `#` matches one or more digits, `@` one or more letters and digits, `*` any text, even none,
/// `$` the name of an accelerator; `(a|b)` matches one of the alternatives.
const PATTERNS: &[&str] = &[
    // AWS: `p5en.48xlarge`, `p6-b200.48xlarge`, `g4dn.metal`, `g6f.large`, `trn1n.32xlarge`; `SageMaker HyperPod` prefixes `ml.`.
    "(|ml.)(p2|p3|p3dn|p4d|p4de|p5|p5e|p5en|p6-b#|p6e-gb#).(xlarge|#xlarge)",
    "(|ml.)(g2|g3|g3s|g4ad|g4dn|g5|g5g|g6|g6e|gr6|g7|g7e).(xlarge|#xlarge|metal)",
    "(|ml.)(g6f|gr6f).(large|xlarge|#xlarge)",
    "(|ml.)(inf1|inf2|trn1|trn1n|trn2|trn2u|trn3|dl1|dl2q|vt1|f1|f2).(xlarge|#xlarge)",
    // AWS general-purpose machines: `m5.large`, `c7i.metal-24xl`, `u-6tb1.112xlarge`. `m1.large` is a flavour of OpenStack too.
    "(c|i|m|r|t|x)(3|4|5|6|7|8)(|a|b|d|g|i|n|ad|dn|gd|gn|id|idn|ie|en|flex).(large|xlarge|#xlarge|metal|metal-#xl)",
    "u-#tb1.(#xlarge|metal)",
    // Google: `a2-highgpu-1g`, `a4x-highgpu-4g-metal`, `g2-standard-96`, `n1-custom-4-8192`, `ct5lp-hightpu-4t`.
    "(a2|a3|a4|a4x)-(highgpu|megagpu|ultragpu|edgegpu|maxgpu)-#g(|-nolssd|-metal)",
    "(g2|g4)-(standard-#|custom-#-#)",
    "(ct#|ct#@|tpu#x)-(hightpu|standard|ultranet)-#t(|-tpu)",
    "n1-(standard-#|highmem-#|highcpu-#|megamem-#|ultramem-#|custom-#-#)",
    "(c2|c2d|c3|c3d|c4|c4a|c4d|e2|n2|n2d|n4|t2a|t2d)-(standard|highmem|highcpu)-#(|-lssd|-metal)",
    "e2-(micro|small|medium)",
    // Azure: `Standard_ND96asr_v4`, `Standard_NC24ads_A100_v4`, `Standard_D4s_v5`.
    "Standard_(NC|ND|NG|NP|NV)#*",
    "(Standard|Basic)_(A|B|D|DC|DS|E|EC|F|FX|HB|HC|HX|L|M)#*",
    // Oracle: `BM.GPU4.8`, `VM.GPU3.1`, `BM.GPU.H100.8`, `BM.GPU.A100-v2.8`, `VM.Standard.E4.Flex`.
    "(BM|VM).GPU#.#",
    "(BM|VM).GPU.@(|-@).#",
    "(BM|VM).(Standard|DenseIO|Optimized|HPC)(|#).*",
    // Alibaba: `ecs.gn7i-c8g1.2xlarge`, `ecs.ebmgn7ex.32xlarge`; Volcengine: `ecs.pni2.28xlarge`.
    "ecs.(|ebm|scc)(gn|vgn|sgn|ga|gni|ini|pni|hpcgni|hpcpni)#(|@)(|-*).(large|xlarge|#xlarge)",
    // Huawei and its partners: `p2s.2xlarge.8`, `pi2.4xlarge.4`, `kai1s.3xlarge.2`.
    "(p|pi|g|ai|kai|kat)#(|@).(large|xlarge|#xlarge).#",
    // IBM: `gx3-16x80x1l4`, `gx3.24x120.l40s`, `mg4c.32x384.2xp100`, `bx2.4x16`.
    "gx#(|@)(-|.)#x#(x#|.|.#x|.#)$",
    "(ac|mg)#(|@).#x#(|.#x$)",
    "(bx|cx|mx)#(|d)(-|.)#x#",
    // Tencent: `GN10Xp.2XLARGE40`, `PNV4.7XLARGE116`, `SA2.MEDIUM4`.
    "(|P|HCCP)(GN|GI|GT|GNV|NV|GC)#(|@).(SMALL|MEDIUM|LARGE|#XLARGE)#",
    "(C|IT|M|MA|S|SA)#(|@).(SMALL|MEDIUM|LARGE|#XLARGE)#",
    // CoreWeave: `gd-8xh100ib-i128`, `gb200-4x`, `rtxp6000-8x`; Crusoe: `h100-80gb-sxm-ib.8x`.
    "gd-#x$(|ib)(|-i#)",
    "$-#x",
    "$-#gb(|-@)(|-ib).#x",
    // Lambda: `gpu_8x_h100_sxm5`.
    "gpu_#x_$(|_*)",
    // Nebius: `gpu-h100-sxm`, `gpu-l40s-a`; DigitalOcean: `gpu-h100x8-640gb`, `gpu-4000adax1-20gb`.
    "gpu-$-(sxm|pcie|nvl|a|b|c|d)(|-a|-b)",
    "gpu-($|#ada)x#-#gb(|-*)",
    // Akamai: `g2-gpu-rtx4000a1-s`, `g1-gpu-rtx6000-1`; Vultr: `vcg-a100-1c-6g-4vram`, `vbm-112c-2048gb-8-h100-gpu`.
    "(g1|g2|g3)-gpu-rtx@(|-@)-(s|m|l|hs|#)",
    "vcg-$-#c-#g-#vram",
    "vbm-#c-#gb-#-$-gpu",
    // Scaleway: `H100-1-80G`, `H100-SXM-8-80G`, `GPU-3070-S`.
    "$(|-SXM)-#-#G",
    "GPU-3070-S",
    // OVHcloud, after the memory in GB: `t1-45`, `t2-le-45`, `a100-180`, `rtx5000-28`.
    "(t1|t2)(|-le)-##",
    "$-##",
];

/// Accelerators of NVIDIA, AMD and Intel as clouds write them in machine types, in lower case.
const ACCELERATORS: [&str; 3] = [
    "a10 a100 a16 a2 a30 a40 a4000 a5000 a6000 b200 b300 gb200 gb300 gh200 h100 h200 h800 h20 k80 l20 l4 l40 l40s m60 p100 p4 p40 \
     rtx4000 rtx5000 rtx6000 rtxa5000 rtxa6000 rtxp6000 rtxpro6000 t4 v100 v100s",
    "mi210 mi250 mi250x mi300 mi300a mi300x mi325 mi325x mi350x mi355x",
    "gaudi2 gaudi3",
];

/// Returns `true` if a label's value is a machine type of a public cloud.
pub(super) fn is_cloud_machine_type(kind: &str) -> bool {
    // A label has at most 63 characters; a longer value would only cost time.
    kind.len() <= 63 && PATTERNS.iter().any(|form| matches_pattern(form, kind, &str::is_empty))
}

/// Returns `true` if a prefix of `text` matches the pattern and `is_end` accepts the rest.
fn matches_pattern(form: &str, text: &str, is_end: &dyn Fn(&str) -> bool) -> bool {
    let Some(first) = form.chars().next() else { return is_end(text) };
    let rest = &form[first.len_utf8()..];
    match first {
        '#' => prefix_lengths(text, |letter| letter.is_ascii_digit())
            .any(|end| matches_pattern(rest, &text[end..], is_end)),
        '@' => prefix_lengths(text, |letter| letter.is_ascii_alphanumeric())
            .any(|end| matches_pattern(rest, &text[end..], is_end)),
        '*' => (0..=text.len())
            .filter(|end| text.is_char_boundary(*end))
            .any(|end| matches_pattern(rest, &text[end..], is_end)),
        '$' => ACCELERATORS.iter().flat_map(|names| names.split(' ')).any(|name| {
            text.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name))
                && matches_pattern(rest, &text[name.len()..], is_end)
        }),
        '(' => {
            let (forms, rest) = rest.split_once(')').unwrap_or((rest, ""));
            forms.split('|').any(|form| matches_pattern(form, text, &|text| matches_pattern(rest, text, is_end)))
        }
        letter => text.strip_prefix(letter).is_some_and(|text| matches_pattern(rest, text, is_end)),
    }
}

/// Lengths of the non-empty prefixes of `text` in which every character satisfies `is_one`.
fn prefix_lengths(text: &str, is_one: impl Fn(char) -> bool) -> impl Iterator<Item = usize> {
    let longest = text.find(|letter: char| !is_one(letter)).unwrap_or(text.len());
    1..=longest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_of_machines_are_distinguished_from_what_distributions_and_people_write() {
        let clouds = "p4d.24xlarge g5.xlarge p5en.48xlarge p6-b200.48xlarge g4dn.metal u-6tb1.112xlarge c7i.metal-24xl m5.large \
            trn1.32xlarge a2-highgpu-1g a3-megagpu-8g a2-ultragpu-8g n1-standard-4 n1-custom-4-8192 g2-standard-96 e2-medium \
            ct5lp-hightpu-4t c3-standard-176-lssd Standard_ND96asr_v4 Standard_NC24ads_A100_v4 Standard_D4s_v5 BM.GPU.H100.8 \
            BM.GPU4.8 VM.GPU.A10.1 VM.GPU3.1 VM.Standard.E4.Flex ecs.gn7i-c8g1.2xlarge ecs.ebmgn7ex.32xlarge p2s.2xlarge.8 \
            gx3.24x120.l40s gx3-16x80x1l4 bx2.4x16 gx3d.160x1792.8h100 mg4c.32x384.2xp100 GN10Xp.2XLARGE40 SA2.MEDIUM4 \
            gd-8xh100ib-i128 gd-1xgh200 gb200-4x gpu_8x_h100_sxm5 gpu-h100-sxm gpu-l40s-a gpu-h100x8-640gb gpu-mi300x1-192gb \
            g2-gpu-rtx4000a1-s vcg-a100-1c-6g-4vram H100-1-80G L40S-4-48G H100-SXM-8-80G GPU-3070-S h100-80gb-sxm-ib.8x t1-45 \
            a100-180 l40s-90 t2-le-45 rtx5000-28";
        // From the clouds' lists of machines with accelerators.
        let accelerated = "p2.xlarge p3dn.24xlarge p4de.24xlarge p5.4xlarge p6e-gb200.36xlarge g3s.xlarge g4ad.16xlarge \
            g5g.metal g6e.48xlarge g6f.large gr6.4xlarge g7e.48xlarge inf1.24xlarge inf2.xlarge trn1n.32xlarge trn2.48xlarge \
            trn2u.48xlarge dl1.24xlarge vt1.3xlarge ml.p5.48xlarge ml.g5.2xlarge a2-megagpu-16g a3-highgpu-1g a3-edgegpu-8g \
            a3-ultragpu-8g a4-highgpu-8g a4x-highgpu-4g g4-standard-384 ct6e-standard-4t tpu7x-standard-4t n1-highmem-96 \
            Standard_NC6s_v3 Standard_NC80adis_H100_v5 Standard_ND96isr_MI300X_v5 Standard_ND128isr_NDR_GB200_v6 \
            Standard_NV36ads_A10_v5 Standard_NG32ads_V620_v1 Standard_NC4as_T4_v3 BM.GPU2.2 VM.GPU2.1 BM.GPU.A10.4 \
            BM.GPU.A100-v2.8 BM.GPU.B200.8 BM.GPU.GB200.4 BM.GPU.L40S.4 BM.GPU.MI300X.8 BM.GPU.MI355X-v1.8 VM.GPU.A10.2 \
            ecs.gn6i-c4g1.xlarge ecs.gn6e-c12g1.12xlarge ecs.gn8is.4xlarge ecs.vgn6i-m4-vws.xlarge ecs.sgn7i-vws-m2.xlarge \
            ecs.ga1.xlarge ecs.pni2.28xlarge ecs.ebmhpcpni2l.32xlarge pi2.2xlarge.4 g6.10xlarge.7 p2vs.4xlarge.8 kai1s.3xlarge.2 \
            gx2-8x64x1v100 gx3d-160x1792x8h200 GN7.2XLARGE32 GI3X.8XLARGE64 PNV4.7XLARGE116 gd-8xh200ib-i128 gd-8xl40s-i128 \
            gd-8xa100-i128 b200-8x gb300-4x a100-80gb.1x l40s-48gb.10x mi300x-192gb-ib.8x gpu_1x_a10 gpu_1x_gh200 \
            gpu_8x_a100_80gb_sxm4 gpu_8x_b200_sxm6 gpu-h200-sxm gpu-b200-sxm-a gpu-l40s-d gpu-h200x8-1128gb gpu-4000adax1-20gb \
            g1-gpu-rtx6000-1 vcg-l40s-16c-180g-48vram H100-2-80G L4-1-24G h100-380 l4-90";
        for kind in accelerated.split_whitespace() {
            assert!(is_cloud_machine_type(kind), "{kind}");
        }
        for kind in clouds.split_whitespace() {
            assert!(is_cloud_machine_type(kind), "{kind}");
        }
        let others = "k3s rke2 k3d kind minikube microk8s kwok k0s talos metal bare-metal baremetal unknown default gpu worker \
            gpu-node gpu-worker-1 node-1 dgx-a100 dgx-h100 gaudi2 hgx-h100-8 vsphere-vm.cpu-8.mem-32gb.os-ubuntu qemu kvm virtual \
            openstack large m xlarge flavor-7 R740xd ProLiant-DL380 0f5e5c5a-3e1c-4f6e-9a58-1f6e6c7ac8b1 harvester \
            g1.large gpu1.2xlarge vm.gpu4.xlarge custom-standard-8 server-standard-2 bm-standard-1 node1-8x256 DL380-gen10.2x \
            m1.large m1.xlarge m1.medium t1.micro gpu.small gpu-a1 gpu-t4 gpu-node-1 gpu2.large.4 k8s1.large rack3.4xlarge \
            worker-highmem-4 my-custom-4 node-small-2 node2-medium host1-4x rack1-4x b1-8x t3-45x server1.16x r1-8x256 hv7.24x120 \
            Standard_8 Standard_x8 Basic_1 BM.GPU VM.GPU bm.gpu4.8 BM.GPUs VM.Standardised ecs.large ecs.custom1.large \
            srv1.MEDIUM4 Node.LARGE8 gd-8xfoo gpu_8x_server gpu_2x vcg-1 H100 h100 a100 h100-8 a100-4 g2-gpu-node A1-1-1G \
            GPU-1-S x1-45 v1-2";
        for kind in others.split_whitespace().chain([""]) {
            assert!(!is_cloud_machine_type(kind), "{kind}");
        }
    }

    #[test]
    fn a_value_of_any_form_is_read_in_time() {
        assert!(!is_cloud_machine_type(&"1-".repeat(31)));
        assert!(!is_cloud_machine_type(&"1".repeat(63)));
        assert!(!is_cloud_machine_type(&"é.".repeat(20)));
        assert!(!is_cloud_machine_type(&"x".repeat(1_000)));
    }
}
