//! Bad conditions of a node in readable words: the Xid, the GPU, and the actions that NVIDIA and the monitor recommend.
//!
//! Monitors write these facts in different places: GKE's device plugin in the reason, as JSON (`container-engine-accelerators
//! pkg/gpu/nvidia/health_check/health_checker.go`); EKS's agent in the name of the reason (`eks-node-monitoring-agent
//! pkg/reasons/reasons.go`); `NVSentinel` in the message (`NVSentinel platform-connectors/…/process_node_events.go`); plugins of the
//! node problem detector quote the kernel's line. The monitors and NVIDIA disagree about single numbers, so that a verdict names
//! its author.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::xid::xid_error;
use crate::facts::node::{ConditionStatus, NodeCondition};
use crate::facts::text::Clean;
use crate::model::store::nodes::Conditions;

/// Number of faults of one condition that are put into words.
const MOST: usize = 8;

/// One fault that a condition reports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct DeviceFault<'a> {
    /// Number of the Xid; `None` if the monitor names another code, or none.
    xid: Option<u32>,
    /// Code of the monitor that is no Xid; empty without one.
    code: &'a str,
    /// Index or id of the GPU; empty if it is not named.
    gpu: &'a str,
    /// Action that the monitor recommends, or its verdict; empty without one.
    action: &'a str,
}

/// Faults of one condition, and the monitor that reports them.
#[derive(Debug, Default)]
struct ConditionFaults<'a> {
    monitor: &'static str,
    faults: Vec<DeviceFault<'a>>,
}

/// Bad conditions in one line, each as by [`label`]; `bad` are their types.
pub(crate) fn labels<'a>(conditions: &Conditions, bad: impl Iterator<Item = &'a Clean>) -> String {
    let one = |kind: &Clean| {
        let condition = conditions.contents().iter().find(|condition| condition.kind == *kind);
        condition.map_or_else(|| kind.to_string(), label)
    };
    bad.map(one).collect::<Vec<_>>().join(", ")
}

/// Bad conditions of a node in a sentence, with the meaning of what they say of devices: `MemoryPressure, XidCriticalError: Xid
/// 79: GPU has fallen off the bus (NVIDIA: power-cycle the node; GKE: critical)`.
pub(crate) fn sentence<'a>(conditions: &Conditions, bad: impl Iterator<Item = &'a Clean>) -> String {
    let one = |kind: &Clean| {
        let condition = conditions.contents().iter().find(|condition| condition.kind == *kind);
        let Some(condition) = condition else { return kind.to_string() };
        match &*explanations(condition) {
            [] => label(condition),
            [only] => format!("{}: {only}", named(condition)),
            [first, rest @ ..] => format!("{}: {first} and {} more", named(condition), rest.len()),
        }
    };
    bad.map(one).collect::<Vec<_>>().join(", ")
}

/// A bad condition in one column: `XidCriticalError Xid 79`, `AcceleratedHardwareReady=False Xid 79`.
fn label(condition: &NodeCondition) -> String {
    let mut text = named(condition);
    let found = faults(condition);
    let xids: Vec<String> = unique(found.faults.iter().filter_map(|fault| fault.xid.map(|xid| xid.to_string())));
    let gpus = unique(found.faults.iter().map(|fault| fault.gpu.to_owned()).filter(|gpu| !gpu.is_empty()));
    for (word, values) in [("Xid", &xids), ("GPU", &gpus)] {
        if !values.is_empty() {
            _ = write!(text, " {word} {}", values.join(","));
        }
    }
    // A name that says something good needs the reason to say what is wrong.
    if xids.is_empty() && condition.status == ConditionStatus::False && !condition.reason.is_empty() {
        _ = write!(text, " {}", condition.reason);
    }
    text
}

/// Type of a bad condition, with its status if that is not `True`.
fn named(condition: &NodeCondition) -> String {
    let NodeCondition { kind, status, .. } = condition;
    match status {
        ConditionStatus::True => kind.to_string(),
        ConditionStatus::False => format!("{kind}=False"),
        ConditionStatus::Unknown => format!("{kind}=Unknown"),
        ConditionStatus::Other(other) => format!("{kind}={other}"),
    }
}

/// Faults of a condition in words, `Xid 79 on GPU 0: GPU has fallen off the bus (NVIDIA: power-cycle the node; NVSentinel:
/// RESTART_BM)`; none if the condition reports no fault of a device in a known way.
pub(crate) fn explanations(condition: &NodeCondition) -> Vec<Clean> {
    let ConditionFaults { monitor, faults } = faults(condition);
    let lines = unique(faults.iter().map(|fault| fault.text(monitor)));
    lines.iter().take(MOST).map(|line| Clean::new(line)).collect()
}

/// Returns `true` if there are bad conditions, and each of them reports faults of devices.
pub(crate) fn are_of_devices<'a>(conditions: &Conditions, bad: impl Iterator<Item = &'a Clean>) -> bool {
    let of = |kind: &Clean| conditions.contents().iter().find(|condition| condition.kind == *kind);
    let mut bad = bad.peekable();
    bad.peek().is_some() && bad.all(|kind| of(kind).is_some_and(|condition| !faults(condition).faults.is_empty()))
}

impl DeviceFault<'_> {
    fn text(&self, monitor: &str) -> String {
        let known = self.xid.and_then(xid_error);
        let mut text = match (self.xid, self.code) {
            (Some(xid), _) => format!("Xid {xid}"),
            (None, "") => "fault".to_owned(),
            (None, code) => code.to_owned(),
        };
        if !self.gpu.is_empty() {
            _ = write!(text, " on GPU {}", self.gpu);
        }
        match known {
            Some(known) => _ = write!(text, ": {}", known.name),
            None if self.xid.is_some() => text += ": no name in NVIDIA's catalog",
            None => {}
        }
        let nvidia = known.map(|known| format!("NVIDIA: {}", known.advice));
        let action = (!self.action.is_empty()).then(|| format!("{monitor}: {}", self.action));
        let verdicts: Vec<String> = nvidia.into_iter().chain(action).collect();
        if verdicts.is_empty() { text } else { format!("{text} ({})", verdicts.join("; ")) }
    }
}

/// Reads the faults of a condition in the way of the monitor that wrote it.
fn faults(condition: &NodeCondition) -> ConditionFaults<'_> {
    let NodeCondition { kind, status, reason, message, .. } = condition;
    if &**kind == "XidCriticalError" && reason.starts_with('{') {
        let fault = |xid| DeviceFault { xid: Some(xid), action: "critical", ..DeviceFault::default() };
        return ConditionFaults { monitor: "GKE", faults: keys_of_json(reason).into_iter().map(fault).collect() };
    }
    if let Some((xid, severity)) = eks_xid(reason).filter(|_| *status != ConditionStatus::True) {
        let action = if severity == "Warning" { "warning" } else { "fatal" };
        let fault = DeviceFault { xid: Some(xid), action, ..DeviceFault::default() };
        return ConditionFaults { monitor: "EKS", faults: vec![fault] };
    }
    if message.contains("ErrorCode:") || message.contains("Recommended Action=") {
        return ConditionFaults { monitor: "NVSentinel", faults: entries(message).collect() };
    }
    let quoted = [reason, message].into_iter().find_map(|text| quoted_xid(text));
    let fault = |xid| DeviceFault { xid: Some(xid), ..DeviceFault::default() };
    ConditionFaults { monitor: "", faults: quoted.map(fault).into_iter().collect() }
}

/// The numbers of GKE's reason, `{"79":true}`; none if it cannot be read.
fn keys_of_json(reason: &str) -> Vec<u32> {
    let read: BTreeMap<String, bool> = serde_json::from_str(reason).unwrap_or_default();
    let mut xids: Vec<u32> =
        read.iter().filter(|(_, is_set)| **is_set).filter_map(|(key, _)| key.parse().ok()).collect();
    xids.sort_unstable();
    xids
}

/// The number and the severity of EKS's reason, `NvidiaXID79Error` or `NvidiaXID94Warning`.
fn eks_xid(reason: &str) -> Option<(u32, &str)> {
    let rest = reason.strip_prefix("NvidiaXID")?;
    let end = rest.find(|letter: char| !letter.is_ascii_digit())?;
    Some((rest[..end].parse().ok()?, &rest[end..]))
}

/// The entries of `NVSentinel`'s message, `ErrorCode:79 GPU:0 PCI:… text Recommended Action=RESTART_BM;`. Its last entry may be
/// truncated, and its documentation shows other orders of the fields, so that each field is searched by itself.
fn entries(message: &str) -> impl Iterator<Item = DeviceFault<'_>> {
    let entries = message.split(';').map(str::trim).filter(|entry| !entry.is_empty());
    entries.filter_map(|entry| {
        let code = field(entry, "ErrorCode:");
        let xid: Option<u32> = code.and_then(|code| code.parse().ok());
        let action = field(entry, "Recommended Action=").unwrap_or("");
        let gpu = field(entry, "GPU:").unwrap_or("");
        let fault = DeviceFault { xid, code: code.filter(|_| xid.is_none()).unwrap_or(""), gpu, action };
        (fault != DeviceFault::default()).then_some(fault)
    })
}

/// The word after a name that begins a word of the text.
fn field<'a>(entry: &'a str, name: &str) -> Option<&'a str> {
    let begins_word = |at: &usize| *at == 0 || entry[..*at].ends_with([' ', ',', '[', '(']);
    let at = entry.match_indices(name).map(|(at, _)| at).find(begins_word)? + name.len();
    let value = entry[at..].split([' ', ',', ';', ')', ']']).next()?;
    (!value.is_empty()).then_some(value)
}

/// The number in a line of the kernel, `NVRM: Xid (PCI:0000:3b:00): 79, pid=…`, or in `XID=79`, `Xid 79`, `XID: 79`.
fn quoted_xid(text: &str) -> Option<u32> {
    let at = text.as_bytes().windows(3).position(|word| word.eq_ignore_ascii_case(b"xid"))?;
    let rest = text.get(at + 3..)?.trim_start();
    let rest = rest.strip_prefix('(').and_then(|rest| rest.split_once(')')).map_or(rest, |(_, rest)| rest);
    let rest = rest.trim_start_matches([' ', ':', '=', ',']);
    let end = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
    rest[..end].parse().ok()
}

/// The values without those that have come before.
fn unique(values: impl Iterator<Item = String>) -> Vec<String> {
    let mut seen = Vec::new();
    for value in values {
        if !seen.contains(&value) {
            seen.push(value);
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    fn condition(kind: &str, status: ConditionStatus, reason: &str, message: &str) -> NodeCondition {
        let [kind, reason, message] = [kind, reason, message].map(Clean::new);
        NodeCondition { kind, status, reason, message, since: None }
    }

    fn read(kind: &str, status: ConditionStatus, reason: &str, message: &str) -> (String, Vec<String>) {
        let condition = condition(kind, status, reason, message);
        (label(&condition), explanations(&condition).iter().map(ToString::to_string).collect())
    }

    const TRUE: ConditionStatus = ConditionStatus::True;
    const FALSE: ConditionStatus = ConditionStatus::False;

    /// `health_checker.go:41-147,288-391`: the reason is a JSON map of Xids, the message is the id of the boot.
    #[test]
    fn the_reason_of_gke_is_json_and_its_message_is_a_boot() {
        let boot = "5b1a8c9e-1c1a-4b6c-8f43-1f5a2c9d0e11";
        let (label, lines) = read("XidCriticalError", TRUE, r#"{"79":true}"#, boot);
        assert_eq!(label, "XidCriticalError Xid 79");
        assert_eq!(lines, ["Xid 79: GPU has fallen off the bus (NVIDIA: power-cycle the node; GKE: critical)"]);
        let (label, lines) = read("XidCriticalError", TRUE, r#"{"63":true,"119":true,"123":true}"#, boot);
        assert_eq!(label, "XidCriticalError Xid 63,119,123");
        assert_eq!(
            lines,
            [
                "Xid 63: GPU memory remapping event (NVIDIA: ignore; GKE: critical)",
                "Xid 119: GSP RPC Timeout (NVIDIA: drain, then reset the GPU; GKE: critical)",
                "Xid 123: no name in NVIDIA's catalog (GKE: critical)",
            ]
        );
        assert_eq!(read("XidCriticalError", TRUE, "{not json", boot), ("XidCriticalError".to_owned(), vec![]));
    }

    /// `pkg/reasons/reasons.go`: `NvidiaXID%dError` is fatal, `NvidiaXID%dWarning` a warning, the others have no number.
    #[test]
    fn the_reason_of_eks_has_the_number_in_its_name() {
        let kind = "AcceleratedHardwareReady";
        let (label, lines) = read(kind, FALSE, "NvidiaXID79Error", "XID 79 reported by GPU 0");
        assert_eq!(label, "AcceleratedHardwareReady=False Xid 79");
        assert_eq!(lines, ["Xid 79: GPU has fallen off the bus (NVIDIA: power-cycle the node; EKS: fatal)"]);
        let (_, lines) = read(kind, FALSE, "NvidiaXID63Error", "");
        assert_eq!(lines, ["Xid 63: GPU memory remapping event (NVIDIA: ignore; EKS: fatal)"]);
        let (label, lines) = read(kind, FALSE, "NvidiaDeviceCountMismatch", "expected 8 devices, found 7");
        assert_eq!(label, "AcceleratedHardwareReady=False NvidiaDeviceCountMismatch");
        assert!(lines.is_empty());
    }

    /// `process_node_events.go`: one entry an error, ended by `;`; its page on integrations shows commas.
    #[test]
    fn the_message_of_nvsentinel_has_the_gpu_and_the_action() {
        let message = "ErrorCode:79 GPU:0 PCI:0000:17:00 GPU has fallen off the bus Recommended Action=RESTART_BM;\
                       ErrorCode:48 GPU:3 PCI:0000:9a:00 DBE Recommended Action=COMPONENT_RESET;";
        let (label, lines) = read("SysLogsXIDError", TRUE, "SysLogsXIDErrorIsNotHealthy", message);
        assert_eq!(label, "SysLogsXIDError Xid 79,48 GPU 0,3");
        assert_eq!(
            lines,
            [
                "Xid 79 on GPU 0: GPU has fallen off the bus (NVIDIA: power-cycle the node; NVSentinel: RESTART_BM)",
                "Xid 48 on GPU 3: Double Bit ECC Error (NVIDIA: workflow for Xid 48; NVSentinel: COMPONENT_RESET)",
            ]
        );
        let dcgm = "ErrorCode:DCGM_FR_CORRUPT_INFOROM GPU:5 InfoROM is corrupt Recommended Action=COMPONENT_RESET;";
        let (label, lines) = read("GpuInforomWatch", TRUE, "GpuInforomWatchIsNotHealthy", dcgm);
        assert_eq!(label, "GpuInforomWatch GPU 5");
        assert_eq!(lines, ["DCGM_FR_CORRUPT_INFOROM on GPU 5 (NVSentinel: COMPONENT_RESET)"]);
        let (_, lines) =
            read("SysLogsXIDError", TRUE, "", "[ErrorCode:31, GPU:2, Recommended Action=NONE]; ErrorCode:9");
        assert_eq!(
            lines,
            [
                "Xid 31 on GPU 2: GPU memory page fault (NVIDIA: restart the application; NVSentinel: NONE)",
                "Xid 9: no name in NVIDIA's catalog"
            ]
        );
    }

    /// The kernel's own line (`NVRM: Xid (PCI:0000:03:00): 14, Channel 00000001`, NVIDIA's "Xid Errors"), and GKE's event.
    #[test]
    fn a_number_that_a_plugin_quotes_is_found() {
        for (text, xid) in [
            ("NVRM: Xid (PCI:0000:cb:00): 13, pid='<unknown>', name=<unknown>", Some(13)),
            ("Caught XID error, XID=79", None),
            ("XID=79", Some(79)),
            ("found Xid 94 on 2 GPUs", Some(94)),
            ("XID: 119", Some(119)),
            ("no Xid errors", None),
            ("Xid", None),
            ("XID 99999999999", None),
            ("", None),
        ] {
            assert_eq!(quoted_xid(text), xid, "{text}");
        }
        let (label, lines) = read("XIDErrors", TRUE, "XIDErrorsDetected", "NVRM: Xid (PCI:0001:00:00): 95, pid=7");
        assert_eq!(label, "XIDErrors Xid 95");
        assert_eq!(lines, ["Xid 95: Uncontained memory error (NVIDIA: drain, then reset the GPU)"]);
    }

    #[test]
    fn other_conditions_keep_their_names() {
        assert_eq!(read("MemoryPressure", TRUE, "KubeletHasInsufficientMemory", "").0, "MemoryPressure");
        assert_eq!(read("NetworkingReady", FALSE, "IPAMDNotRunning", "").0, "NetworkingReady=False IPAMDNotRunning");
        assert_eq!(read("DiskPressure", ConditionStatus::Other("Maybe".into()), "", "").0, "DiskPressure=Maybe");
        assert!(
            read("MemoryPressure", TRUE, "KubeletHasInsufficientMemory", "kubelet has insufficient memory")
                .1
                .is_empty()
        );
    }
}
