//! Only a mechanism makes a noisy value.
use noisegate_privacy::{IBig, Noisy};

fn main() {
    let _ = Noisy(IBig::from(1));
}
