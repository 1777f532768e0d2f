//! Nodes whose NVIDIA devices `HAMi` splits: `nvidia.com/gpu` is then devices × split count (docs/counting.md).
//!
//! `HAMi`'s device plugin announces only that product. The two factors are in an annotation of the node, which the plugin
//! writes for its scheduler (`HAMi` `pkg/device/devices.go`, `MarshalNodeDevices`; up to 2.4 `EncodeNodeDevices`).

use serde::Deserialize;

/// Name of the annotation. A summary (`8 devices, 80 shares`) is stored among the node's labels under the same name.
pub(super) const HAMI_REGISTER: &str = "hami.io/node-nvidia-register";

/// Counts from the annotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct HamiSplit {
    /// Devices that are split.
    pub(super) devices: u32,
    /// Shares of all of them.
    pub(super) shares: u32,
}

impl HamiSplit {
    /// Parses the annotation; `None` if it is unreadable or names no device.
    pub(super) fn read(text: &str) -> Option<Self> {
        let counts = if text.trim_start().starts_with('[') { listed(text)? } else { encoded(text)? };
        let devices = u32::try_from(counts.len()).ok().filter(|devices| *devices > 0)?;
        Some(Self { devices, shares: counts.into_iter().fold(0, u32::saturating_add) })
    }

    /// Writes the summary that is stored among the labels.
    pub(super) fn label(self) -> String {
        format!("{} devices, {} shares", self.devices, self.shares)
    }

    /// Reads back what [`HamiSplit::label`] wrote.
    pub(super) fn parse_label(label: &str) -> Option<Self> {
        let (devices, shares) = label.strip_suffix(" shares")?.split_once(" devices, ")?;
        Some(Self { devices: devices.parse().ok()?, shares: shares.parse().ok()? })
    }
}

/// `[{"id":"GPU-…","count":10,"devmem":32768,…}]`.
fn listed(text: &str) -> Option<Vec<u32>> {
    #[derive(Deserialize)]
    struct HamiDevice {
        #[serde(default)]
        count: u32,
    }
    let devices: Vec<HamiDevice> = serde_json::from_str(text).ok()?;
    Some(devices.into_iter().map(|device| device.count).collect())
}

/// `GPU-…,10,32768,100,NVIDIA-…,0,true:GPU-…,10,…:`.
fn encoded(text: &str) -> Option<Vec<u32>> {
    text.split(':').filter(|device| !device.is_empty()).map(|device| device.split(',').nth(1)?.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_the_annotation_are_read() {
        // The examples of HAMi's own documents: `docs/develop/protocol.md`, and the JSON of `MarshalNodeDevices`.
        let encoded = "GPU-00552014-5c87-89ac-b1a6-7b53aa24b0ec,10,32768,100,NVIDIA-Tesla V100-PCIE-32GB,0,true:\
                       GPU-0fc3eda5-e98b-a25b-5b0d-cf5c855d1448,10,32768,100,NVIDIA-Tesla V100-PCIE-32GB,0,true:";
        let newer = "GPU-1,10,32768,100,NVIDIA-Tesla V100-PCIE-32GB,0,true,0,hami-core:";
        let listed = r#"[{"id":"GPU-1","index":0,"count":4,"devmem":24576,"devcore":100,"type":"NVIDIA-A10","mode":"hami-core","health":true},
                        {"id":"GPU-2","count":5,"migProfiles":[{"name":"1g.5gb"}]}]"#;
        for (text, devices, shares) in [(encoded, 2, 20), (newer, 1, 10), (listed, 2, 9)] {
            assert_eq!(HamiSplit::read(text), Some(HamiSplit { devices, shares }), "{text}");
        }
        for text in ["", ":", "[]", "[", "{}", "GPU-1", "GPU-1,ten,1", r#"[{"count":-1}]"#, "[7]"] {
            assert_eq!(HamiSplit::read(text), None, "{text}");
        }
    }
}
