//! A receipt cannot be copied.
use noisegate_privacy::receipt::Receipt;

fn copy(receipt: &Receipt) -> Receipt {
    receipt.clone()
}

fn main() {}
