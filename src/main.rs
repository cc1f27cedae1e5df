//! noisegate
fn main() {}
