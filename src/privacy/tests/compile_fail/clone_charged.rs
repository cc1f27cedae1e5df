//! A charged plan cannot be copied.
use noisegate_privacy::plan::Plan;
use noisegate_privacy::release::Charged;

fn copy(plan: &Plan<Charged>) -> Plan<Charged> {
    plan.clone()
}

fn main() {}
