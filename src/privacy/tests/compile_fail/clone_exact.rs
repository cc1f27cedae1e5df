//! A value before noise is consumed by one mechanism.
use noisegate_privacy::{Exact, IBig};

fn main() {
    let exact = Exact::new(IBig::from(1));
    let _ = [exact.clone(), exact];
}
