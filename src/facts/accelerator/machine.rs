//! Types of machines that a cloud sells, by the form of their names.
//!
//! The label `node.kubernetes.io/instance-type` holds whatever the provider's controller, the distribution or a person wrote:
//! `k3s`, `rke2`, `bare-metal`, a flavour of a private cloud. Only the type of a public cloud tells which accelerator is in it.
//! Sources: the clouds' lists of machine types.

/// Forms of the clouds. `#` stands for one or more digits, `@` for one or more letters and digits, `*` for anything or nothing;
/// in `(a|b)` one of the words stands.
const FORMS: &[&str] = &[
    // AWS: `p4d.24xlarge`, `u-6tb1.metal`, `c7i.metal-24xl`; Alibaba: `ecs.gn7i-c8g1.2xlarge`; Huawei: `p2s.2xlarge.8`.
    "*#*.(nano|micro|small|medium|large|xlarge|metal)",
    "*#*.#xlarge",
    "*#*.metal-#xl",
    "*#*.(small|medium|large|xlarge).#",
    "*#*.#xlarge.#",
    // Google: `a2-highgpu-1g`, `n1-standard-4`, `ct5lp-hightpu-4t`, `e2-medium`, `c3-standard-8-lssd`.
    "@-(standard|highmem|highcpu|highgpu|megagpu|ultragpu|edgegpu|maxgpu|hightpu|ultramem|megamem|hypermem|custom)-#*",
    "@#-(micro|small|medium)",
    // Azure: `Standard_ND96asr_v4`.
    "(Standard|Basic)_@#*",
    // Oracle: `BM.GPU.H100.8`, `VM.GPU3.1`, `VM.Standard.E4.Flex`.
    "(BM|VM).(GPU|Standard|DenseIO|Optimized|HPC)*",
    // IBM: `gx3-16x80x1l4`, `gx3.24x120.l40s`, `bx2.4x16`.
    "@#(-|.)#x#*",
    "@#@(-|.)#x#*",
    // Tencent: `GN10Xp.2XLARGE40`.
    "@.(SMALL|MEDIUM|LARGE)#",
    "@.#XLARGE#",
    // CoreWeave: `gd-8xh100ib-i128`, `gb200-4x`, `rtxp6000-8x`; Crusoe: `h100-80gb-sxm-ib.8x`.
    "gd-#x*",
    "@#-#x",
    "*#*.#x",
    // Lambda: `gpu_8x_h100_sxm5`.
    "gpu_#x_*",
    // Nebius: `gpu-h100-sxm`; DigitalOcean: `gpu-mi300x1-192gb`.
    "gpu-(a|b|gb|gh|h|l|mi|p|rtx|t|v)#*",
    // Akamai: `g2-gpu-rtx4000a1-s`; Vultr: `vcg-a100-1c-6g-4vram`.
    "g#-gpu-*",
    "vcg-*",
    // Scaleway: `H100-1-80G`, `L40S-4-48G`, `GPU-3070-S`.
    "(A|B|H|L)#*-#-#G",
    "GPU-#-(S|M|L)",
    // OVHcloud: `t1-45`, `a100-180`, `l40s-90`, `t2-le-45`.
    "(a|h|l|t|v|rtx)#(|s)(|-le)-#",
];

/// Whether a label's value is the type of a machine of a public cloud.
pub(super) fn is_of_a_cloud(kind: &str) -> bool {
    // A label has at most 63 characters; a longer value would only cost time.
    kind.len() <= 63 && FORMS.iter().any(|form| fits(form, kind))
}

fn fits(form: &str, text: &str) -> bool {
    let Some(first) = form.chars().next() else { return text.is_empty() };
    let rest = &form[first.len_utf8()..];
    match first {
        '#' => some(text, |letter| letter.is_ascii_digit()).any(|end| fits(rest, &text[end..])),
        '@' => some(text, |letter| letter.is_ascii_alphanumeric()).any(|end| fits(rest, &text[end..])),
        '*' => (0..=text.len()).filter(|end| text.is_char_boundary(*end)).any(|end| fits(rest, &text[end..])),
        '(' => {
            let (words, rest) = rest.split_once(')').unwrap_or((rest, ""));
            words.split('|').any(|word| text.strip_prefix(word).is_some_and(|text| fits(rest, text)))
        }
        letter => text.strip_prefix(letter).is_some_and(|text| fits(rest, text)),
    }
}

/// Lengths of the beginnings of `text`, of one letter or more, in which every letter is one of these.
fn some(text: &str, is_one: impl Fn(char) -> bool) -> impl Iterator<Item = usize> {
    let longest = text.find(|letter: char| !is_one(letter)).unwrap_or(text.len());
    1..=longest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_of_machines_are_told_from_what_distributions_and_people_write() {
        let clouds = "p4d.24xlarge g5.xlarge p5en.48xlarge p6-b200.48xlarge g4dn.metal u-6tb1.112xlarge c7i.metal-24xl m5.large \
            trn1.32xlarge a2-highgpu-1g a3-megagpu-8g a2-ultragpu-8g n1-standard-4 n1-custom-4-8192 g2-standard-96 e2-medium \
            ct5lp-hightpu-4t c3-standard-176-lssd Standard_ND96asr_v4 Standard_NC24ads_A100_v4 Standard_D4s_v5 BM.GPU.H100.8 \
            BM.GPU4.8 VM.GPU.A10.1 VM.GPU3.1 VM.Standard.E4.Flex ecs.gn7i-c8g1.2xlarge ecs.ebmgn7ex.32xlarge p2s.2xlarge.8 \
            gx3.24x120.l40s gx3-16x80x1l4 bx2.4x16 gx3d.160x1792.8h100 mg4c.32x384.2xp100 GN10Xp.2XLARGE40 SA2.MEDIUM4 \
            gd-8xh100ib-i128 gd-1xgh200 gb200-4x gpu_8x_h100_sxm5 gpu-h100-sxm gpu-l40s-a gpu-h100x8-640gb gpu-mi300x1-192gb \
            g2-gpu-rtx4000a1-s vcg-a100-1c-6g-4vram H100-1-80G L40S-4-48G H100-SXM-8-80G GPU-3070-S h100-80gb-sxm-ib.8x t1-45 \
            a100-180 l40s-90 t2-le-45 rtx5000-28";
        for kind in clouds.split_whitespace() {
            assert!(is_of_a_cloud(kind), "{kind}");
        }
        let others = "k3s rke2 k3d kind minikube microk8s kwok k0s talos metal bare-metal baremetal unknown default gpu worker \
            gpu-node gpu-worker-1 node-1 dgx-a100 dgx-h100 gaudi2 hgx-h100-8 vsphere-vm.cpu-8.mem-32gb.os-ubuntu qemu kvm virtual \
            openstack large m xlarge flavor-7 R740xd ProLiant-DL380 0f5e5c5a-3e1c-4f6e-9a58-1f6e6c7ac8b1 harvester";
        for kind in others.split_whitespace().chain([""]) {
            assert!(!is_of_a_cloud(kind), "{kind}");
        }
    }

    #[test]
    fn a_value_of_any_form_is_read_in_time() {
        assert!(!is_of_a_cloud(&"1-".repeat(31)));
        assert!(!is_of_a_cloud(&"1".repeat(63)));
        assert!(!is_of_a_cloud(&"é.".repeat(20)));
        assert!(!is_of_a_cloud(&"x".repeat(1_000)));
    }
}
