//! A charged plan is made from an analyzed one and a receipt, and not otherwise.
use noisegate_privacy::analyze::Analyzed;
use noisegate_privacy::plan::Plan;
use noisegate_privacy::release::Charged;

fn forge(plan: Plan<Analyzed>, state: Charged) -> Plan<Charged> {
    Plan { leaf: plan.leaf().clone(), state }
}

fn main() {}
