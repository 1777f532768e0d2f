//! Each rule of docs/counting.md, with numbers counted by hand.

use super::*;
use crate::facts::accelerator::Kind;
use crate::facts::dra::{AllocatedDevice, Consumer, CounterSet, DeviceSelector};
use crate::model::derive::dra::Offered;
use crate::model::store::nodes::admission::Admission;

const DRIVER: &str = "gpu.example.com";

/// Slice `number` of `of` of the pool of a node.
fn slice(node: &str, generation: i64, of: i64, devices: Vec<DeviceFacts>) -> SliceFacts {
    SliceFacts {
        driver: DRIVER.into(),
        pool: node.into(),
        generation,
        slices: of,
        scope: DeviceScope::Node(node.into()),
        counters: Vec::new(),
        devices,
    }
}

fn device(name: &str) -> DeviceFacts {
    DeviceFacts { name: name.into(), ..DeviceFacts::default() }
}

fn devices(names: &[&str]) -> Vec<DeviceFacts> {
    names.iter().map(|name| device(name)).collect()
}

fn set(name: &str, digest: u64) -> CounterSet {
    CounterSet { name: name.into(), digest }
}

fn tainted(device: DeviceFacts) -> DeviceFacts {
    DeviceFacts { tainted: true, ..device }
}

/// A GPU that can be cut: the card itself and two parts, all out of one counter set of 100.
fn card(name: &str) -> Vec<DeviceFacts> {
    let cut =
        |suffix: &str, digest| DeviceFacts { consumes: vec![set(name, digest)], ..device(&format!("{name}{suffix}")) };
    vec![cut("", 100), cut("-half-0", 50), cut("-half-1", 50)]
}

/// Two such cards in one slice.
fn cards(node: &str) -> SliceFacts {
    SliceFacts {
        counters: vec![set("gpu-0", 100), set("gpu-1", 100)],
        ..slice(node, 1, 1, [card("gpu-0"), card("gpu-1")].concat())
    }
}

fn result(pool: &str, device: &str) -> AllocatedDevice {
    AllocatedDevice { driver: DRIVER.into(), pool: pool.into(), device: device.into(), ..AllocatedDevice::default() }
}

fn claim(results: Vec<AllocatedDevice>, users: u128) -> ClaimFacts {
    let user =
        |n: u128| Consumer { resource: "pods".into(), name: format!("pod-{n}").as_str().into(), ..Consumer::default() };
    ClaimFacts { allocated: true, results, reserved_for: (0..users).map(user).collect(), since: None }
}

/// Without taint rules.
fn count<'a>(
    slices: impl IntoIterator<Item = &'a SliceFacts>,
    claims: impl IntoIterator<Item = &'a ClaimFacts>,
) -> DraDevices {
    super::count(slices, claims, &[])
}

/// A rule about what these three say, each of which may be empty.
fn rule(driver: &str, pool: &str, device: &str) -> RuleFacts {
    let selector =
        DeviceSelector { driver: driver.into(), pool: pool.into(), device: device.into(), by_expression: false };
    RuleFacts { selector: Some(selector), hard: true }
}

fn numbers(physical: u32, allocated: u32) -> DriverDevices {
    DriverDevices { driver: DRIVER.into(), physical, allocated, ..DriverDevices::default() }
}

fn on(counted: &DraDevices, node: &str) -> DriverDevices {
    let [one] = &counted.nodes[node][..] else { panic!("one driver on {node}") };
    one.clone()
}

#[test]
fn devices_without_counters_are_physical_and_counted_where_they_are() {
    let slices = [slice("a", 1, 1, devices(&["gpu-0", "gpu-1"])), slice("b", 1, 1, devices(&["gpu-0"]))];
    let counted = count(&slices, &[claim(vec![result("a", "gpu-1")], 1)]);
    assert_eq!((on(&counted, "a"), on(&counted, "b")), (numbers(2, 1), numbers(1, 0)));
    assert_eq!(counted.total, [numbers(3, 1)]);
    assert_eq!((counted.network.len(), counted.stray), (0, 0));
}

#[test]
fn only_the_highest_generation_of_a_pool_counts() {
    let slices = [
        slice("a", 3, 2, devices(&["gpu-0"])),
        slice("a", 2, 1, devices(&["gpu-0", "gpu-1", "gpu-2"])),
        slice("a", 3, 2, devices(&["gpu-1"])),
    ];
    assert_eq!(on(&count(&slices, &[]), "a"), numbers(2, 0));
}

#[test]
fn a_pool_that_is_not_complete_is_updating_and_its_devices_are_not_counted() {
    let slices = [slice("a", 2, 2, devices(&["gpu-0"])), slice("a", 1, 1, devices(&["gpu-0", "gpu-1"]))];
    let counted = count(&slices, &[]);
    assert_eq!(on(&counted, "a"), DriverDevices { updating: true, ..numbers(0, 0) });
    assert!(counted.total[0].updating);
    // What is allocated there is known all the same.
    let counted = count(&slices, &[claim(vec![result("a", "gpu-0")], 1)]);
    assert_eq!(on(&counted, "a"), DriverDevices { updating: true, ..numbers(1, 1) });
}

#[test]
fn parts_that_are_allocated_in_a_pool_that_is_not_complete_may_be_of_one_card() {
    let incomplete = SliceFacts { slices: 2, ..cards("a") };
    let parts = ["gpu-0-mig-0", "gpu-0-mig-1", "gpu-0-mig-2"];
    let claims: Vec<ClaimFacts> = parts.iter().map(|part| claim(vec![result("a", part)], 1)).collect();
    assert_eq!(on(&count(&[incomplete], &claims), "a"), DriverDevices { updating: true, ..numbers(1, 1) });
}

#[test]
fn more_slices_than_announced_are_not_complete_either() {
    let slices = [slice("a", 1, 1, devices(&["gpu-0"])), slice("a", 1, 1, devices(&["gpu-1"]))];
    assert!(on(&count(&slices, &[]), "a").updating);
}

#[test]
fn a_card_and_its_parts_are_one_physical_device() {
    let counted = count(&[cards("a")], &[]);
    assert_eq!(on(&counted, "a"), DriverDevices { partitions: 4, ..numbers(2, 0) }, "six devices on offer, two cards");
}

#[test]
fn two_parts_of_a_card_allocate_one_card() {
    let parts = claim(vec![result("a", "gpu-0-half-0"), result("a", "gpu-0-half-1")], 1);
    let counted = count(&[cards("a")], &[parts]);
    assert_eq!(on(&counted, "a"), DriverDevices { partitions: 4, partitions_allocated: 2, ..numbers(2, 1) });
    let whole = count(&[cards("a")], &[claim(vec![result("a", "gpu-1")], 1)]);
    assert_eq!(on(&whole, "a"), DriverDevices { partitions: 4, ..numbers(2, 1) });
}

#[test]
fn counters_and_devices_may_stand_in_different_slices_of_a_pool() {
    // From 1.35 on a slice has either shared counters or devices.
    let counters = SliceFacts { counters: vec![set("gpu-0", 100)], ..slice("a", 1, 2, Vec::new()) };
    let slices = [counters, slice("a", 1, 2, card("gpu-0"))];
    assert_eq!(on(&count(&slices, &[]), "a"), DriverDevices { partitions: 2, ..numbers(1, 0) });
}

#[test]
fn admin_access_takes_nothing() {
    let look = AllocatedDevice { admin: true, ..result("a", "gpu-0") };
    let counted = count(&[slice("a", 1, 1, devices(&["gpu-0"]))], &[claim(vec![look], 1)]);
    assert_eq!(on(&counted, "a"), numbers(1, 0));
}

#[test]
fn a_shared_claim_counts_once_whatever_the_number_of_its_pods() {
    let counted = count(&[slice("a", 1, 1, devices(&["gpu-0", "gpu-1"]))], &[claim(vec![result("a", "gpu-0")], 5)]);
    assert_eq!(on(&counted, "a"), numbers(2, 1));
}

#[test]
fn shares_of_one_device_are_one_device() {
    let share = |id: &str| AllocatedDevice { share: Some(id.into()), ..result("a", "gpu-0") };
    let claims = [claim(vec![share("x")], 1), claim(vec![share("y")], 1)];
    let counted = count(&[slice("a", 1, 1, devices(&["gpu-0", "gpu-1"]))], &claims);
    assert_eq!(on(&counted, "a"), DriverDevices { shares: 2, ..numbers(2, 1) });
}

#[test]
fn allocated_and_not_reserved_is_held() {
    let slices = [slice("a", 1, 1, devices(&["gpu-0", "gpu-1", "gpu-2"]))];
    let claims = [claim(vec![result("a", "gpu-0")], 0), claim(vec![result("a", "gpu-1")], 1)];
    assert_eq!(on(&count(&slices, &claims), "a"), DriverDevices { held: 1, ..numbers(3, 2) });
    // A card of which one part is used is not held.
    let claims = [claim(vec![result("a", "gpu-0-half-0")], 0), claim(vec![result("a", "gpu-0-half-1")], 1)];
    let counted = count(&[cards("a")], &claims);
    assert_eq!(on(&counted, "a"), DriverDevices { partitions: 4, partitions_allocated: 2, ..numbers(2, 1) });
}

#[test]
fn tainted_devices_are_unhealthy_and_still_there() {
    let slices = [slice("a", 1, 1, vec![tainted(device("gpu-0")), device("gpu-1")])];
    assert_eq!(on(&count(&slices, &[]), "a"), DriverDevices { unhealthy: 1, ..numbers(2, 0) });
    // Of a card that can be cut the card decides, not a part of it.
    let mut part = cards("a");
    part.devices[1].tainted = true;
    assert_eq!(on(&count(&[part.clone()], &[]), "a").unhealthy, 0);
    part.devices[0].tainted = true;
    assert_eq!(on(&count(&[part], &[]), "a").unhealthy, 1);
    // Where only parts are on offer, all of them must be tainted.
    let mut parts = cards("b");
    parts.devices.retain(|device| device.name.contains("half"));
    parts.devices[0].tainted = true;
    assert_eq!(on(&count(&[parts.clone()], &[]), "b"), DriverDevices { partitions: 4, ..numbers(2, 0) });
    parts.devices[1].tainted = true;
    assert_eq!(on(&count(&[parts], &[]), "b").unhealthy, 1);
}

#[test]
fn a_taint_rule_is_worth_as_much_as_the_drivers_own_taint() {
    let slices = [slice("a", 1, 1, devices(&["gpu-0", "gpu-1"])), slice("b", 1, 1, devices(&["gpu-0"]))];
    let by_class =
        RuleFacts { selector: Some(DeviceSelector { by_expression: true, ..DeviceSelector::default() }), hard: true };
    // Unhealthy on a, on b, and rules that nobody can evaluate here.
    let rows = [
        ("no rule", vec![], (0, 0, 0)),
        ("the empty selector matches all", vec![rule("", "", "")], (2, 1, 0)),
        ("a driver", vec![rule(DRIVER, "", "")], (2, 1, 0)),
        ("another driver", vec![rule("nic.example.com", "", "")], (0, 0, 0)),
        ("a pool", vec![rule("", "a", "")], (2, 0, 0)),
        ("a device of every pool", vec![rule("", "", "gpu-0")], (1, 1, 0)),
        ("all three", vec![rule(DRIVER, "a", "gpu-1")], (1, 0, 0)),
        ("two rules for one device", vec![rule("", "b", ""), rule("", "", "gpu-0")], (1, 1, 0)),
        ("no selector matches nothing", vec![RuleFacts { selector: None, hard: true }], (0, 0, 0)),
        ("only information", vec![RuleFacts { hard: false, ..rule("", "", "") }], (0, 0, 0)),
        ("by expression", vec![by_class], (0, 0, 1)),
    ];
    for (name, rules, expected) in rows {
        let counted = super::count(&slices, &[], &rules.iter().collect::<Vec<_>>());
        let found = (on(&counted, "a").unhealthy, on(&counted, "b").unhealthy, counted.blind_rules);
        assert_eq!(found, expected, "{name}");
    }
    // Of a card that can be cut the card decides here too.
    let part = rule("", "a", "gpu-0-half-0");
    assert_eq!(on(&super::count(&[cards("a")], &[], &[&part]), "a").unhealthy, 0);
    let card = rule("", "a", "gpu-0");
    assert_eq!(on(&super::count(&[cards("a")], &[], &[&card]), "a").unhealthy, 1);
}

#[test]
fn groups_are_of_physical_devices_whatever_they_are_named_by() {
    let of = |model: &str, name: &str| DeviceFacts { model: model.into(), ..device(name) };
    let mut cut = cards("a");
    cut.devices.iter_mut().for_each(|device| device.model = "H100".into());
    let slices = [
        cut,
        slice("b", 1, 1, vec![of("L40S", "gpu-0"), of("L40S", "gpu-1"), tainted(of("L40S", "gpu-2")), of("", "x")]),
        slice("c", 1, 1, vec![of("H100", "gpu-0")]),
    ];
    // A part of a card of a, a tainted device of b, and one that only somebody looks at.
    let look = AllocatedDevice { admin: true, ..result("c", "gpu-0") };
    let claims = [claim(vec![result("a", "gpu-0-half-0"), result("b", "gpu-2"), look], 2)];
    let group = |name: &str, (nodes, physical, healthy): (u32, u32, u32), (allocated, free): (u32, u32)| GroupDevices {
        name: name.into(),
        driver: DRIVER.into(),
        nodes,
        physical,
        healthy,
        allocated,
        free: [free, 0, 0, 0, 0, 0],
    };
    let by_model = groups(&slices, &claims, &[], |_, model| model.into(), |_| Admission::Open);
    let expected = [group("", (1, 1, 1), (0, 1)), group("H100", (2, 3, 3), (1, 2)), group("L40S", (1, 3, 2), (1, 2))];
    assert_eq!(by_model, expected, "a tainted device that is allocated takes nothing from the free ones");
    let is_b = |scope: &DeviceScope| *scope == DeviceScope::Node("b".into());
    let name = |scope: &DeviceScope, _: &str| if is_b(scope) { "b" } else { "" }.into();
    let by_place = groups(&slices, &claims, &[], name, |_| Admission::Open);
    assert_eq!(by_place, [group("", (2, 3, 3), (1, 2)), group("b", (1, 4, 3), (1, 3))]);
    let b_is_cordoned = |scope: &DeviceScope| if is_b(scope) { Admission::Cordoned } else { Admission::Open };
    let by_place = groups(&slices, &claims, &[], name, b_is_cordoned);
    let behind_a_cordon = GroupDevices { free: [0, 0, 0, 0, 3, 0], ..group("b", (1, 4, 3), (1, 0)) };
    assert_eq!(by_place[1], behind_a_cordon, "no pod gets there");
}

#[test]
fn what_claims_hold_is_counted_once_for_each_name() {
    let slices = [cards("a"), slice("b", 1, 1, devices(&["gpu-0", "gpu-1"]))];
    let halves = claim(vec![result("a", "gpu-0-half-0"), result("a", "gpu-0-half-1")], 1);
    let same = claim(vec![result("a", "gpu-0-half-1"), result("b", "gpu-0")], 3);
    let gone = claim(vec![result("b", "gone"), AllocatedDevice { admin: true, ..result("b", "gpu-1") }], 1);
    let held = |name: &str, devices, users| Holding { name: name.into(), driver: DRIVER.into(), devices, users };
    let claims =
        [("x", "n/1", &halves), ("x", "n/2", &same), ("y", "n/2", &same), ("y", "m/2", &halves), ("z", "n/3", &gone)];
    let found = holdings(&slices, claims.map(|(name, key, claim)| (name.into(), key, claim)));
    // pod-0 of n uses two claims; the pod-0 of m is another one.
    assert_eq!(found, [held("x", 2, 3), held("y", 2, 4)]);
}

#[test]
fn a_device_is_described_by_the_newest_slices_of_its_pool() {
    let of = |model: &str| vec![DeviceFacts { model: model.into(), ..device("gpu-0") }];
    let slices = [
        slice("a", 2, 2, of("new")),
        slice("a", 1, 1, of("old")),
        slice("a", 2, 2, devices(&["gpu-1"])),
        slice("b", 9, 1, of("other")),
    ];
    let described = |rules: &[&RuleFacts], name| {
        offered(slices.iter(), rules, DeviceName { driver: DRIVER, pool: "a", device: name })
    };
    assert_eq!(described(&[], "gpu-0"), Some(Offered { model: "new".into(), tainted: false }));
    assert_eq!(described(&[&rule("", "a", "")], "gpu-1"), Some(Offered { model: "".into(), tainted: true }));
    assert_eq!(described(&[], "gpu-2"), None);
}

#[test]
fn devices_on_a_network_are_no_nodes() {
    let network = SliceFacts { scope: DeviceScope::Network, ..slice("fabric", 1, 1, devices(&["nic-0", "nic-1"])) };
    let local = DeviceFacts { scope: DeviceScope::Node("b".into()), ..device("x") };
    let each = SliceFacts { scope: DeviceScope::Unspecified, ..slice("mixed", 1, 1, vec![local, device("y")]) };
    let counted =
        count(&[network, each, slice("a", 1, 1, devices(&["gpu-0"]))], &[claim(vec![result("fabric", "nic-1")], 1)]);
    assert_eq!((on(&counted, "a"), on(&counted, "b")), (numbers(1, 0), numbers(1, 0)));
    assert_eq!(counted.network, [numbers(3, 1)]);
    assert_eq!(counted.total, [numbers(5, 1)]);
}

#[test]
fn allocated_devices_that_no_slice_names_are_a_number_of_their_own() {
    let claims = [claim(vec![result("a", "gone"), result("nowhere", "gpu-0")], 1)];
    let counted = count(&[slice("a", 1, 1, devices(&["gpu-0"]))], &claims);
    assert_eq!((on(&counted, "a"), counted.stray), (numbers(1, 0), 2));
}

#[test]
fn drivers_and_pools_of_one_name_are_kept_apart() {
    let other = SliceFacts { driver: "nic.example.com".into(), ..slice("a", 1, 1, devices(&["gpu-0"])) };
    let counted = count(&[slice("a", 1, 1, devices(&["gpu-0"])), other], &[claim(vec![result("a", "gpu-0")], 1)]);
    let nic = DriverDevices { driver: "nic.example.com".into(), ..numbers(1, 0) };
    assert_eq!(counted.nodes["a"], [numbers(1, 1), nic]);
}

/// A claim of the extended-resource bridge looks like any other here: its device is counted on this side, and only here.
#[test]
fn the_order_of_objects_does_not_matter() {
    let mut slices =
        vec![cards("a"), slice("b", 1, 1, devices(&["gpu-0"])), slice("b", 2, 1, devices(&["gpu-0", "gpu-1"]))];
    let claims =
        [claim(vec![result("b", "gpu-1"), result("a", "gpu-0-half-0")], 1), claim(vec![result("a", "gpu-1")], 0)];
    let forward = count(&slices, &claims);
    slices.reverse();
    for slice in &mut slices {
        slice.devices.reverse();
    }
    assert_eq!(count(&slices, claims.iter().rev()), forward);
    assert_eq!(forward.total[0], DriverDevices { partitions: 4, partitions_allocated: 1, held: 1, ..numbers(4, 3) });
}

#[test]
fn a_claim_that_nobody_uses_keeps_whole_devices_parts_and_shares_from_others_each_for_itself() {
    let share = |id: &str| AllocatedDevice { share: Some(id.into()), ..result("plain", "nic-0") };
    let look = AllocatedDevice { admin: true, ..result("plain", "gpu-1") };
    let slices = [cards("cut"), slice("plain", 1, 1, devices(&["gpu-0", "gpu-1", "nic-0"]))];
    let claims = [
        ("train/parts", claim(vec![result("cut", "gpu-0-half-0"), result("cut", "gpu-0-half-1")], 0)),
        ("train/whole", claim(vec![result("cut", "gpu-1"), result("plain", "gpu-0"), look], 0)),
        ("web/share", claim(vec![share("a")], 0)),
        ("web/used", claim(vec![share("b"), result("plain", "gpu-1")], 1)),
        ("web/stray", claim(vec![result("plain", "gone")], 0)),
        ("web/waits", ClaimFacts::default()),
    ];
    let idle = idle_claims(&slices, claims.iter().map(|(key, claim)| (*key, claim)));
    let node = |scope: &DeviceScope| if let DeviceScope::Node(node) = scope { node.to_string() } else { String::new() };
    let seen: Vec<_> =
        idle.iter().map(|c| (format!("{}/{}", c.namespace, c.name), node(&c.scope), c.kind, c.amount)).collect();
    let expected = [
        ("train/parts", "cut", Kind::Slice, 2),
        ("train/whole", "cut", Kind::Device, 1),
        ("train/whole", "plain", Kind::Device, 1),
        ("web/share", "plain", Kind::Shared, 1),
    ];
    assert_eq!(seen, expected.map(|(name, node, kind, amount)| (name.to_owned(), node.to_owned(), kind, amount)));
}
