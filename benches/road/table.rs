//! The results in Markdown.

use super::measure::{Cell, median};

/// The table.
pub(crate) fn markdown(cells: &[Cell]) -> String {
    let mut lines = vec![
        "| work | protocol | clients | straight, µs | through noisegate, µs | ratio (least to most of the rounds) | noisegate's CPU, µs |".to_owned(),
        "| --- | --- | ---: | ---: | ---: | ---: | ---: |".to_owned(),
    ];
    lines.extend(cells.iter().map(line));
    lines.join("\n")
}

fn line(cell: &Cell) -> String {
    let pairs = cell.through.iter().zip(&cell.straight);
    let ratios: Vec<f64> = pairs.map(|(through, straight)| through / straight).collect();
    let least = ratios.iter().copied().fold(f64::INFINITY, f64::min);
    let most = ratios.iter().copied().fold(0.0, f64::max);
    let cpu = if cell.cpu.is_empty() {
        "not known".to_owned()
    } else {
        format!("{:.0}", median(cell.cpu.clone()))
    };
    format!(
        "| {} | {} | {} | {:.0} | {:.0} | **{:.2}** ({least:.2} to {most:.2}) | {cpu} |",
        cell.work.name,
        cell.work.protocol.name(),
        cell.clients,
        median(cell.straight.clone()),
        median(cell.through.clone()),
        median(ratios),
    )
}
