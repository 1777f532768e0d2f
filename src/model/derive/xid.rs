//! NVIDIA's catalog of Xid errors: name and immediate action of each number.
//!
//! Source: `docs.nvidia.com/deploy/xid-errors/analyzing-xid-catalog.html` as of 2025-10-29, as copied in leptonai/gpud
//! `components/accelerator/nvidia/xid/catalog_generated.go` (4a8de33a3f02), columns *Description* and *Immediate Resolution*. Numbers
//! that the catalog calls unused are left out.

/// `RESTART_BM`.
const POWER_CYCLE: &str = "power-cycle the node";
/// `RESET_GPU`: nothing may run on the GPU then.
const RESET: &str = "drain, then reset the GPU";
/// `RESTART_APP`.
const RESTART_APP: &str = "restart the application";
/// `RESTART_VM`.
const RESTART_VM: &str = "restart the VM";
/// `IGNORE`.
const IGNORE: &str = "ignore";
/// `CONTACT_SUPPORT`.
const SUPPORT: &str = "contact support";
/// `UPDATE_SWFW`.
const UPDATE: &str = "update software or firmware";
/// `CHECK_MECHANICALS`.
const CABLE: &str = "check power cable and seating";
/// `CHECK_UVM`.
const CHECK: &str = "check UVM";
/// `WORKFLOW_XID_48`.
const WORKFLOW_48: &str = "workflow for Xid 48";
/// `WORKFLOW_NVLINK_ERR`.
const NVLINK: &str = "NVLink workflow";
/// `WORKFLOW_NVLINK5_ERR`.
const NVLINK_5: &str = "NVLink 5 workflow";
/// `WORKFLOW_XID_45` and `XID_154`, which both follow from another Xid.
const OTHER_XID: &str = "see the other Xid";
/// No immediate action.
const NONE: &str = "no action named";

/// An Xid error as NVIDIA describes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct XidError {
    /// Its number.
    pub(crate) code: u32,
    /// Its description.
    pub(crate) name: &'static str,
    /// The immediate action that NVIDIA recommends.
    pub(crate) advice: &'static str,
}

/// The description of an Xid; `None` if the catalog does not have it.
pub(crate) fn xid_error(code: u32) -> Option<XidError> {
    let at = CATALOG.binary_search_by_key(&code, |(code, ..)| *code).ok()?;
    let (code, name, advice) = CATALOG[at];
    Some(XidError { code, name, advice })
}

/// Number, description and immediate action, sorted by number.
const CATALOG: &[(u32, &str, &str)] = &[
    (8, "GPU stopped processing", RESTART_APP),
    (11, "Invalid or corrupted push buffer stream", RESTART_APP),
    (13, "Graphics Engine Exception", RESTART_APP),
    (25, "Invalid or illegal push buffer stream", RESTART_APP),
    (31, "GPU memory page fault", RESTART_APP),
    (32, "Invalid or corrupted push buffer stream", RESTART_APP),
    (37, "Driver firmware error", IGNORE),
    (38, "Driver firmware error", IGNORE),
    (39, "Copy Engine Exception", RESTART_APP),
    (40, "Copy Engine Exception", RESTART_APP),
    (41, "Copy Engine Exception", RESTART_APP),
    (43, "GPU stopped processing", IGNORE),
    (44, "Graphics Engine fault during context switch", IGNORE),
    (45, "Preemptive cleanup, due to previous errors", OTHER_XID),
    (46, "GPU stopped processing", RESET),
    (48, "Double Bit ECC Error", WORKFLOW_48),
    (54, "Auxiliary power is not connected to the GPU board", CABLE),
    (60, "Video processor exception", RESTART_APP),
    (62, "Internal micro-controller halt", RESET),
    (63, "GPU memory remapping event", IGNORE),
    (64, "GPU memory remapping failure", RESET),
    (66, "Illegal access by driver", IGNORE),
    (67, "Illegal access by driver", IGNORE),
    (68, "NVDEC0 Exception", RESTART_APP),
    (69, "Graphics Engine class error", RESTART_APP),
    (70, "CE3: Unknown Error", RESTART_APP),
    (71, "CE4: Unknown Error", RESTART_APP),
    (72, "CE5: Unknown Error", RESTART_APP),
    (74, "NVLINK Error", NVLINK),
    (75, "CE6: Unknown Error", RESTART_APP),
    (76, "CE7: Unknown Error", RESTART_APP),
    (77, "CE8: Unknown Error", RESTART_APP),
    (78, "vGPU Start Error", UPDATE),
    (79, "GPU has fallen off the bus", POWER_CYCLE),
    (80, "Corrupted data sent to GPU", RESTART_APP),
    (82, "NVJPG0 Error", RESTART_APP),
    (83, "NVDEC1 Error", RESTART_APP),
    (84, "NVDEC2 Error", RESTART_APP),
    (85, "CE9: Unknown Error", RESTART_APP),
    (86, "OFA Exception", RESTART_APP),
    (88, "NVDEC3 Error", RESTART_APP),
    (89, "NVDEC4 Error", RESTART_APP),
    (92, "High single-bit ECC error rate", IGNORE),
    (93, "Non-fatal violation of provisioned InfoROM wear limit", IGNORE),
    (94, "Contained memory error", RESTART_APP),
    (95, "Uncontained memory error", RESET),
    (96, "NVDEC5 Error", RESTART_APP),
    (97, "NVDEC6 Error", RESTART_APP),
    (98, "NVDEC7 Error", RESTART_APP),
    (99, "NVJPG1 Error", RESTART_APP),
    (100, "NVJPG2 Error", RESTART_APP),
    (101, "NVJPG3 Error", RESTART_APP),
    (102, "NVJPG4 Error", RESTART_APP),
    (103, "NVJPG5 Error", RESTART_APP),
    (104, "NVJPG6 Error", RESTART_APP),
    (105, "NVJPG7 Error", RESTART_APP),
    (106, "SMBPBI Test Message", IGNORE),
    (107, "SMBPBI Test Message Silent", IGNORE),
    (109, "Context Switch Timeout Error", RESET),
    (110, "Security Fault Error", RESET),
    (119, "GSP RPC Timeout", RESET),
    (120, "GSP Error", RESET),
    (121, "C2C Error", IGNORE),
    (126, "CE10: Unknown Error", RESTART_APP),
    (127, "CE11: Unknown Error", RESTART_APP),
    (128, "CE12: Unknown Error", RESTART_APP),
    (129, "CE13: Unknown Error", RESTART_APP),
    (130, "CE14: Unknown Error", RESTART_APP),
    (131, "CE15: Unknown Error", RESTART_APP),
    (132, "CE16: Unknown Error", RESTART_APP),
    (133, "CE17: Unknown Error", RESTART_APP),
    (134, "CE18: Unknown Error", RESTART_APP),
    (135, "CE19: Unknown Error", RESTART_APP),
    (136, "Link Training Failed", RESET),
    (137, "NVLink Privilege Error", IGNORE),
    (139, "OFA1 Error", RESTART_APP),
    (140, "ECC Unrecovered Error", RESET),
    (141, "CUDA Fast Path Error", IGNORE),
    (142, "NVENC3 Error", SUPPORT),
    (143, "GPU Initialization Error", RESET),
    (144, "NVLINK: SAW Error", NVLINK_5),
    (145, "NVLINK: RLW Error", NVLINK_5),
    (146, "NVLINK: TLW Error", NVLINK_5),
    (147, "NVLINK: TREX Error", NVLINK_5),
    (148, "NVLINK: NVLPW_CTRL Error", NVLINK_5),
    (149, "NVLINK: NETIR Error", NVLINK_5),
    (150, "NVLINK: MSE Error", NVLINK_5),
    (151, "Key rotation Error", RESTART_VM),
    (152, "DLA SMMU Error", IGNORE),
    (153, "DLA timeout Error", IGNORE),
    (154, "GPU Recovery Action Changed", OTHER_XID),
    (155, "NVLINK: SW Defined Error", RESET),
    (156, "Resource Retirement Event", RESET),
    (157, "Resource Retirement Failure", IGNORE),
    (158, "GPU Fatal Timeout", RESET),
    (159, "CHI Non-Data Error", CHECK),
    (160, "Channel Retirement Event", IGNORE),
    (161, "Channel Retirement Failure", IGNORE),
    (162, "Power Smoothing HW Circuitry capability reengaged", NONE),
    (163, "Power Smoothing HW Circuitry capability disengaged", NONE),
    (164, "Power Smoothing HW Circuitry low lifetime reached", NONE),
    (165, "Power Smoothing HW Circuitry lifetime exhausted", NONE),
    (166, "CC traffic before the link was set up for encryption", NONE),
    (167, "PCIe fatal timeout", NONE),
    (168, "Errors in WPR (write protected region)", NONE),
    (169, "Internal micro-controller halt", NONE),
    (170, "Interrupt seen in CC mode", NONE),
    (171, "Details of Xid 48 (DRAM or SRAM)", NONE),
    (172, "Details of Xid 48 (DRAM or SRAM)", NONE),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of the catalog, and the groups of NVIDIA's actions in the same catalog.
    #[test]
    fn numbers_have_the_name_and_the_action_of_nvidias_catalog() {
        let rows = [
            (79, "GPU has fallen off the bus", "power-cycle the node"),
            (95, "Uncontained memory error", "drain, then reset the GPU"),
            (119, "GSP RPC Timeout", "drain, then reset the GPU"),
            (94, "Contained memory error", "restart the application"),
            (13, "Graphics Engine Exception", "restart the application"),
            (63, "GPU memory remapping event", "ignore"),
            (74, "NVLINK Error", "NVLink workflow"),
            (149, "NVLINK: NETIR Error", "NVLink 5 workflow"),
            (48, "Double Bit ECC Error", "workflow for Xid 48"),
            (54, "Auxiliary power is not connected to the GPU board", "check power cable and seating"),
            (151, "Key rotation Error", "restart the VM"),
            (154, "GPU Recovery Action Changed", "see the other Xid"),
        ];
        for (code, name, advice) in rows {
            assert_eq!(xid_error(code), Some(XidError { code, name, advice }));
        }
        let reset = [46, 62, 64, 95, 109, 110, 119, 120, 136, 140, 143, 155, 156, 158];
        assert!(reset.iter().all(|code| xid_error(*code).is_some_and(|xid| xid.advice == RESET)));
        let ignore = [37, 38, 43, 44, 63, 66, 67, 92, 93, 106, 107, 121, 137, 141, 152, 153, 157, 160, 161];
        assert!(ignore.iter().all(|code| xid_error(*code).is_some_and(|xid| xid.advice == IGNORE)));
        assert_eq!(xid_error(123), None, "unused in NVIDIA's catalog, critical for GKE");
        assert!(CATALOG.is_sorted_by_key(|(code, ..)| *code));
    }
}
