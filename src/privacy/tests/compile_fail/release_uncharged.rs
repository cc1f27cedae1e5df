//! A plan is released after it was charged.
use noisegate_privacy::analyze::Analyzed;
use noisegate_privacy::plan::Plan;

fn release(plan: Plan<Analyzed>) {
    let _ = plan.release(Vec::new());
}

fn main() {}
