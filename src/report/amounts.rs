//! Amounts of resources in a snapshot: exact decimals in base units, as text, so that no reader's floats round them.

use std::collections::BTreeMap;

use serde::Serialize;

use super::PodVisibility;
use crate::facts::quantity::Quantity;
use crate::facts::text::Clean;
use crate::model::derive::rows::ResourceAmounts;

/// Billionths in a unit.
const NANO: u128 = 1_000_000_000;

/// Amounts by resource name.
pub type ResourceReports = BTreeMap<Clean, ResourceReport>;

/// Requests, allocatable and capacity of one resource: `"51.2"` cores, `"442381631488"` bytes, `"8"` devices.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceReport {
    /// Requests of bound pods that are neither Succeeded nor Failed; for `pods` their number; see the cluster's `pods.state`.
    pub requested: Option<String>,
    /// `status.allocatable`, or the capacity of a node without it; `None` if no node has either.
    pub allocatable: Option<String>,
    /// `status.capacity`; `None` if no node has it.
    pub capacity: Option<String>,
}

/// The resources of one node.
pub(super) fn of_node(resources: &[ResourceAmounts], shown: PodVisibility) -> ResourceReports {
    let amounts = |row: &ResourceAmounts| ResourceReport {
        requested: shown.of(row.requested).map(decimal),
        allocatable: row.allocatable.map(decimal),
        capacity: row.capacity.map(decimal),
    };
    resources.iter().map(|row| (row.name.clone(), amounts(row))).collect()
}

/// The resources of several nodes, summed.
pub(super) fn summed<'a>(nodes: impl Iterator<Item = &'a [ResourceAmounts]>, shown: PodVisibility) -> ResourceReports {
    let mut sums: BTreeMap<&Clean, [Option<Quantity>; 3]> = BTreeMap::new();
    for row in nodes.flatten() {
        let sum = sums.entry(&row.name).or_default();
        for (sum, amount) in sum.iter_mut().zip([shown.of(row.requested), row.allocatable, row.capacity]) {
            *sum = amount.map_or(*sum, |amount| Some(sum.unwrap_or_default() + amount));
        }
    }
    let amounts = |[requested, allocatable, capacity]: [Option<Quantity>; 3]| ResourceReport {
        requested: requested.map(decimal),
        allocatable: allocatable.map(decimal),
        capacity: capacity.map(decimal),
    };
    sums.into_iter().map(|(name, sums)| (name.clone(), amounts(sums))).collect()
}

/// `1.5`, `-0.000000001`, `8`: without an exponent or trailing zeros.
pub(super) fn decimal(amount: Quantity) -> String {
    let nano = amount.nano();
    let (whole, rest) = (nano.unsigned_abs() / NANO, nano.unsigned_abs() % NANO);
    let sign = if nano < 0 { "-" } else { "" };
    let text = format!("{sign}{whole}.{rest:09}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_exact_and_have_no_zeros_at_the_end() {
        for (quantity, text) in [
            ("0", "0"),
            ("100", "100"),
            ("1500m", "1.5"),
            ("-1n", "-0.000000001"),
            ("100.035Ki", "102435.84"),
            ("9Ei", "9223372036854775807"),
            ("12E", "12000000000000000000"),
        ] {
            assert_eq!(decimal(Quantity::parse(quantity).unwrap()), text);
        }
    }
}
