//! The results in Markdown.

use super::measure::Cell;

const HEAD: &str = "\
| work | protocol | clients | straight, µs | noisegate, µs | ratio | least to most of the rounds \
| ratio of the fastest tenths | noisegate's CPU, µs |
| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |";

/// The table.
pub(crate) fn markdown(cells: &[Cell]) -> String {
    let lines: Vec<String> = cells.iter().map(line).collect();
    format!("{HEAD}\n{}", lines.join("\n"))
}

fn line(cell: &Cell) -> String {
    let straight: Vec<f64> = cell.straight.iter().map(|round| median(round)).collect();
    let through: Vec<f64> = cell.through.iter().map(|round| median(round)).collect();
    let ratios: Vec<f64> =
        through.iter().zip(&straight).map(|(ours, plain)| ours / plain).collect();
    let fastest = tenth(&cell.through.concat()) / tenth(&cell.straight.concat());
    let cpu = if cell.cpu.is_empty() {
        "not known".to_owned()
    } else {
        format!("{:.0}", median(&cell.cpu))
    };
    format!(
        "| {} | {} | {} | {:.0} | {:.0} | **{:.2}** | {:.2} to {:.2} | {fastest:.2} | {cpu} |",
        cell.work.name,
        cell.work.protocol.name(),
        cell.clients,
        median(&straight),
        median(&through),
        median(&ratios),
        at(&ratios, 0),
        at(&ratios, ratios.len().saturating_sub(1)),
    )
}

/// The middle value.
fn median(values: &[f64]) -> f64 {
    at(values, values.len() / 2)
}

/// The value that a tenth of all are below.
fn tenth(values: &[f64]) -> f64 {
    at(values, values.len() / 10)
}

/// The value at this place in their order; NaN if there is none.
fn at(values: &[f64], place: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(place).copied().unwrap_or(f64::NAN)
}
