//! A pod's protobuf, as far as it is kept.

use super::raw::{
    ClaimStatus, Condition, Container, ContainerStatus, Raw, Resources, Served, ServedRequest, Spec, State,
    StateDetail, Status, Taken,
};
use crate::facts::json::{Amount, Obj, When};
use crate::facts::proto::{Malformed, Message, Value, kept};
use crate::facts::requests::Amounts;

impl<'a> Message<'a> for Raw<'a> {
    const KEPT: u64 = kept([1, 2, 3]);

    fn field(&mut self, number: u64, value: Value<'a>) -> Result<(), Malformed> {
        match number {
            1 => value.merge(&mut self.metadata.0),
            2 => value.merge(&mut self.spec.0),
            3 => value.merge(&mut self.status.0),
            _ => Ok(()),
        }
    }
}

/// `PodSpec`.
impl<'a> Message<'a> for Spec<'a> {
    const KEPT: u64 = kept([2, 10, 20, 32, 40]);

    fn field(&mut self, number: u64, value: Value<'a>) -> Result<(), Malformed> {
        match number {
            2 => value.add(&mut self.containers)?,
            10 => self.node = value.text(),
            20 => value.add(&mut self.init_containers)?,
            32 => amount(&mut self.overhead, value)?,
            40 => value.merge(&mut self.resources.0)?,
            _ => {}
        }
        Ok(())
    }
}

impl<'a> Message<'a> for Container<'a> {
    const KEPT: u64 = kept([1, 8, 24]);

    fn field(&mut self, number: u64, value: Value<'a>) -> Result<(), Malformed> {
        match number {
            1 => self.name = value.text(),
            8 => value.merge(&mut self.resources.0)?,
            24 => self.restart_policy = value.text(),
            _ => {}
        }
        Ok(())
    }
}

/// `ResourceRequirements`.
impl<'a> Message<'a> for Resources<'a> {
    const KEPT: u64 = kept([1, 2]);

    fn field(&mut self, number: u64, value: Value<'a>) -> Result<(), Malformed> {
        match number {
            1 => amount(&mut self.limits, value),
            2 => amount(&mut self.requests, value),
            _ => Ok(()),
        }
    }
}

/// `PodStatus`.
impl<'a> Message<'a> for Status<'a> {
    const KEPT: u64 = kept([1, 2, 4, 8, 10, 18, 19, 20, 21]);

    fn field(&mut self, number: u64, value: Value<'a>) -> Result<(), Malformed> {
        match number {
            1 => self.phase = value.text(),
            2 => value.add(&mut self.conditions)?,
            4 => self.reason = value.text(),
            8 => value.add(&mut self.containers)?,
            10 => value.add(&mut self.init_containers)?,
            18 => value.merge(&mut self.served.0)?,
            19 => amount(&mut self.allocated, value)?,
            20 => value.merge(&mut self.resources.0)?,
            21 => value.push(&mut self.claims)?,
            _ => {}
        }
        Ok(())
    }
}

/// `PodExtendedResourceClaimStatus`.
impl<'a> Message<'a> for Served<'a> {
    fn field(&mut self, number: u64, value: Value<'a>) -> Result<(), Malformed> {
        if number == 1 { value.push(&mut self.requests) } else { Ok(()) }
    }
}

/// `ContainerExtendedResourceRequest`.
impl<'a> Message<'a> for ServedRequest<'a> {
    fn field(&mut self, number: u64, value: Value<'a>) -> Result<(), Malformed> {
        match number {
            1 => self.container = value.text(),
            2 => self.resource = value.text(),
            _ => {}
        }
        Ok(())
    }
}

/// `NodeAllocatableResourceClaimStatus`.
impl<'a> Message<'a> for ClaimStatus<'a> {
    fn field(&mut self, number: u64, value: Value<'a>) -> Result<(), Malformed> {
        match number {
            2 => self.containers.0.push(value.text()),
            3 => amount(&mut self.resources, value)?,
            4 => value.push(&mut self.mapping)?,
            5 => value.push(&mut self.overhead)?,
            _ => {}
        }
        Ok(())
    }
}

/// `NodeAllocatableMappedResources` and `NodeAllocatableOverheadResources`.
impl<'a> Message<'a> for Taken<'a> {
    fn field(&mut self, number: u64, value: Value<'a>) -> Result<(), Malformed> {
        match number {
            1 => self.name = value.text(),
            2 => self.once = value.amount()?,
            3 => self.each = value.amount()?,
            _ => {}
        }
        Ok(())
    }
}

/// `PodCondition`.
impl<'a> Message<'a> for Condition<'a> {
    const KEPT: u64 = kept([1, 2, 4, 5]);

    fn field(&mut self, number: u64, value: Value<'a>) -> Result<(), Malformed> {
        match number {
            1 => self.kind = value.text(),
            2 => self.status = value.text(),
            4 => self.since = When::Seconds(value.seconds()?),
            5 => self.reason = value.text(),
            _ => {}
        }
        Ok(())
    }
}

impl<'a> Message<'a> for ContainerStatus<'a> {
    const KEPT: u64 = kept([1, 2, 4, 5, 9, 10, 11]);

    fn field(&mut self, number: u64, value: Value<'a>) -> Result<(), Malformed> {
        match number {
            1 => self.name = value.text(),
            2 => value.merge(&mut self.state.0)?,
            4 => self.ready = value.flag(),
            5 => self.restarts = value.int(),
            9 => self.started = value.flag(),
            10 => amount(&mut self.allocated, value)?,
            11 => value.merge(&mut self.resources.0)?,
            _ => {}
        }
        Ok(())
    }
}

/// `ContainerState`.
impl<'a> Message<'a> for State<'a> {
    const KEPT: u64 = kept([1, 2, 3]);

    fn field(&mut self, number: u64, value: Value<'a>) -> Result<(), Malformed> {
        match number {
            1 => self.waiting = Some(Obj(reason_only(value)?)),
            // What a running container says of itself is not kept.
            2 => self.running = Some(Obj::default()),
            3 => value.merge(&mut self.terminated.get_or_insert_default().0)?,
            _ => {}
        }
        Ok(())
    }
}

/// `ContainerStateTerminated`.
impl<'a> Message<'a> for StateDetail<'a> {
    const KEPT: u64 = kept([1, 2, 3]);

    fn field(&mut self, number: u64, value: Value<'a>) -> Result<(), Malformed> {
        match number {
            1 => self.exit_code = value.int(),
            2 => self.signal = value.int(),
            3 => self.reason = value.text(),
            _ => {}
        }
        Ok(())
    }
}

/// `ContainerStateWaiting`: its reason has another number than that of an end.
fn reason_only(value: Value<'_>) -> Result<StateDetail<'_>, Malformed> {
    let (reason, _) = value.entry()?;
    Ok(StateDetail { reason, ..StateDetail::default() })
}

fn amount<'a>(amounts: &mut Amounts<'a>, entry: Value<'a>) -> Result<(), Malformed> {
    amounts.give();
    let (name, value) = entry.entry()?;
    if let Amount::Known(amount) = value.amount()? {
        amounts.insert(name, amount);
    }
    Ok(())
}
