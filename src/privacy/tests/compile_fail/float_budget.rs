//! A budget is read from decimal text, never made from a float.
use noisegate_privacy::budget::{Epsilon, Rho};

fn main() {
    let _: Epsilon = 0.1_f64.into();
    let _: Rho = 0.1_f64.into();
}
