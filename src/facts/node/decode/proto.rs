//! A node's protobuf, as far as it is kept.

use super::{Address, Info, Raw, RawCondition, RawTaint, Spec, Status};
use crate::facts::json::{Amount, Pairs};
use crate::facts::proto::{Malformed, Message, Value, kept};

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

/// `NodeSpec`.
impl<'a> Message<'a> for Spec<'a> {
    const KEPT: u64 = kept([4, 5]);

    fn field(&mut self, number: u64, value: Value<'a>) -> Result<(), Malformed> {
        match number {
            4 => self.unschedulable = value.flag(),
            5 => value.push(&mut self.taints)?,
            _ => {}
        }
        Ok(())
    }
}

/// `Taint`.
impl<'a> Message<'a> for RawTaint<'a> {
    fn field(&mut self, number: u64, value: Value<'a>) -> Result<(), Malformed> {
        match number {
            1 => self.key = value.text(),
            2 => self.value = value.text(),
            3 => self.effect = value.text(),
            _ => {}
        }
        Ok(())
    }
}

/// `NodeStatus`.
impl<'a> Message<'a> for Status<'a> {
    const KEPT: u64 = kept([1, 2, 4, 5, 7]);

    fn field(&mut self, number: u64, value: Value<'a>) -> Result<(), Malformed> {
        match number {
            1 => amount(&mut self.capacity, value)?,
            2 => amount(&mut self.allocatable, value)?,
            4 => value.push(&mut self.conditions)?,
            5 => value.push(&mut self.addresses)?,
            7 => value.merge(&mut self.info.0)?,
            _ => {}
        }
        Ok(())
    }
}

/// `NodeCondition`.
impl<'a> Message<'a> for RawCondition<'a> {
    const KEPT: u64 = kept([1, 2, 4, 5, 6]);

    fn field(&mut self, number: u64, value: Value<'a>) -> Result<(), Malformed> {
        match number {
            1 => self.kind = value.text(),
            2 => self.status = value.text(),
            4 => self.since = value.time()?,
            5 => self.reason = value.text(),
            6 => self.message = value.text(),
            _ => {}
        }
        Ok(())
    }
}

/// `NodeSystemInfo`.
impl<'a> Message<'a> for Info<'a> {
    const KEPT: u64 = kept([4, 5, 6, 7, 10]);

    fn field(&mut self, number: u64, value: Value<'a>) -> Result<(), Malformed> {
        match number {
            4 => self.kernel = value.text(),
            5 => self.os_image = value.text(),
            6 => self.runtime = value.text(),
            7 => self.kubelet = value.text(),
            10 => self.architecture = value.text(),
            _ => {}
        }
        Ok(())
    }
}

/// `NodeAddress`.
impl<'a> Message<'a> for Address<'a> {
    fn field(&mut self, number: u64, value: Value<'a>) -> Result<(), Malformed> {
        match number {
            1 => self.kind = value.text(),
            2 => self.address = value.text(),
            _ => {}
        }
        Ok(())
    }
}

fn amount<'a>(amounts: &mut Pairs<'a, Amount>, entry: Value<'a>) -> Result<(), Malformed> {
    let (name, value) = entry.entry()?;
    amounts.0.push((name, value.amount()?));
    Ok(())
}
