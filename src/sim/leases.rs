//! Lease renewals of kubelets, every 10 s: lists compute the time, watches get an event at the tick.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::lock;
use super::object::SimObject;
use super::resource::SimResource;
use super::server::Server;

/// kubelet `nodeLeaseRenewIntervalFraction` of 40 s.
const RENEWAL: Duration = Duration::from_secs(10);

/// Renews the leases of running kubelets while somebody watches leases; otherwise they cost nothing.
pub(super) fn spawn(server: &Arc<Server>) {
    let server = Arc::clone(server);
    let alive = Arc::clone(&server);
    server.spawn(async move {
        let mut ticks = interval_at(Instant::now() + RENEWAL, RENEWAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let mut world = lock(&alive.world);
            if !world.store.is_watched(SimResource::Leases) {
                continue;
            }
            let living = |object: &&Arc<SimObject>| matches!(&***object, SimObject::Lease(lease) if lease.stopped == 0);
            let leases: Vec<SimObject> =
                world.store.all(SimResource::Leases).filter(living).map(|lease| (**lease).clone()).collect();
            for lease in leases {
                world.store.put(lease);
            }
        }
    });
}
