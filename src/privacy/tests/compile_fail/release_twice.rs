//! One charge pays for one release.
use noisegate_privacy::plan::Plan;
use noisegate_privacy::release::Charged;

fn release(plan: Plan<Charged>) {
    let _ = plan.release(Vec::new());
    let _ = plan.release(Vec::new());
}

fn main() {}
