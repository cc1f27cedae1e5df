//! The public bounds of what is summed.

use noisegate_privacy::IBig;
use noisegate_privacy::expr::Expr;
use noisegate_privacy::plan::Bounds;
use noisegate_privacy::range::{on_grid, range, scale};

use crate::error::{Code, Refusal};

/// The public bounds of a summand and its grid.
pub(crate) fn bounds(value: &Expr, centred: bool) -> Result<Bounds, Refusal> {
    let Some(found) = range(value) else { return Err(no_bounds(value)) };
    let scale = match scale(value).filter(|scale| *scale <= 30) {
        Some(scale) => scale,
        None => {
            // Nine significant digits of the largest value: far below any noise.
            let (_, high) = on_grid(&found, 0).ok_or_else(|| no_bounds(value))?;
            let digits = high.to_string().len();
            u32::try_from(9_usize.saturating_sub(digits)).unwrap_or(0)
        }
    };
    let (low, high) = on_grid(&found, scale).ok_or_else(|| no_bounds(value))?;
    let centre = if centred { (&low + &high) / IBig::from(2) } else { IBig::ZERO };
    Ok(Bounds { scale, low, high, centre })
}

/// Whether a column has the name of one that a subquery computes: no analyst knows it by that.
pub(crate) fn is_computed(name: &str) -> bool {
    let number = name.strip_prefix(['a', 'c', 'k', 'w']);
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}

pub(crate) fn no_bounds(value: &Expr) -> Refusal {
    let mut name = None;
    value.columns(&mut |column| {
        if column.bounds.is_none() && !is_computed(&column.name) {
            name.get_or_insert_with(|| column.name.clone());
        }
    });
    let (sentence, near) = match name {
        Some(name) => {
            (format!("A sum over \"{name}\" needs bounds, and the policy declares none."), name)
        }
        None => {
            let sentence = "A sum over this expression needs bounds, and none follow from those \
                            of its columns.";
            (sentence.to_owned(), String::new())
        }
    };
    Refusal::new(
        Code::Bounds,
        sentence,
        "Write least(greatest(x, low), high) around it, with numbers that are possible whatever \
         the data, or have bounds declared in the policy.",
    )
    .near(&near)
}
