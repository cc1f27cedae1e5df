//! A value before noise cannot be compared, which would tell it bit by bit.
use noisegate_privacy::{Exact, IBig};

fn main() {
    let exact = Exact::new(IBig::from(1));
    let _ = exact == Exact::new(IBig::from(2));
}
