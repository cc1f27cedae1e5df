//! A value before noise cannot be printed.
use noisegate_privacy::{Exact, IBig};

fn main() {
    let exact = Exact::new(IBig::from(1));
    println!("{exact}");
}
