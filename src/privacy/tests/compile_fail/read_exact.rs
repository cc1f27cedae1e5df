//! A value before noise cannot be read.
use noisegate_privacy::{Exact, IBig};

fn main() {
    let exact = Exact::new(IBig::from(1));
    let value: IBig = exact.0;
    let _ = value;
}
