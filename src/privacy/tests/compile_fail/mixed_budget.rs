//! A probability is no loss.
use noisegate_privacy::budget::{Delta, Epsilon, Rho};

fn buy(delta: Delta, epsilon: Epsilon) {
    let _ = Rho::of_epsilon(&delta);
    let _ = epsilon == delta;
}

fn main() {}
