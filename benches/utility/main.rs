//! How far off one answer is under a total of (ε = 1, δ = 10⁻⁶): with the best bounds given, and
//! with bounds that are estimated. `benches/README.md` says how to read the table.

mod measure;
mod queries;
mod sides;

use std::error::Error;
use std::io::Write;

use measure::{Measured, Way};
use queries::QUERIES;
use sides::Sides;

/// Anything that ends the run.
type Failure = Box<dyn Error + Send + Sync>;

struct Options {
    scale: f64,
    runs: usize,
    only: String,
    write: bool,
}

fn main() -> Result<(), Failure> {
    let options = options()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut sides = Sides::open(options.scale).await?;
        let mut lines = Vec::new();
        for query in QUERIES.iter().filter(|query| query.name.contains(&options.only)) {
            let measured = Box::pin(measure::query(&sides, query, options.runs)).await?;
            let line = line(query, &measured);
            writeln!(std::io::stderr(), "{line}")?;
            lines.push(line);
        }
        let page = page(&options, &lines);
        writeln!(std::io::stdout(), "{page}")?;
        if options.write {
            std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/utility.md"), page)?;
        }
        sides.close().await;
        Ok(())
    })
}

fn page(options: &Options, lines: &[String]) -> String {
    format!(
        "# Utility\n\n\
         One release under a total of (ε = 1, δ = 10⁻⁶), TPC-H scale {}, one person is one customer.\n\
         Relative error in per cent: the median over the groups of an answer, and of that the median \
         over {} answers.\n\
         Made by `cargo bench --bench utility -- --scale {} --runs {} --write`; \
         [benches/README.md](../benches/README.md#how-far-off-answers-are) says what the columns are.\n\n\
         | query | noise | floor | bounds given | by floor | bounds estimated | by floor | equal shares | Wilson et al. | R2T | Qrlew | SmartNoise |\n\
         | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n{}\n",
        options.scale,
        options.runs,
        options.scale,
        options.runs,
        lines.join("\n")
    )
}

fn line(query: &queries::Query, measured: &Measured) -> String {
    let peers = query.peers.join(" | ");
    match measured {
        Measured::Refused(why) => {
            format!("| {} | refused: {why} | | | | | | | {peers} |", query.name)
        }
        Measured::Errors { way, floor, given, automatic, equal } => format!(
            "| {} | {} | {} | {} | {:.1} | {} | {:.1} | {} | {peers} |",
            query.name,
            match way {
                Way::Gaussian => "Gaussian",
                Way::Laplace => "Laplace",
            },
            percent(*floor),
            percent(*given),
            given / floor,
            percent(*automatic),
            automatic / floor,
            equal.map(percent).unwrap_or_default(),
        ),
    }
}

/// Two digits that say something.
fn percent(error: f64) -> String {
    let percent = error * 100.0;
    match percent {
        _ if percent >= 10.0 => format!("{percent:.0}"),
        _ if percent >= 1.0 => format!("{percent:.1}"),
        _ if percent >= 0.1 => format!("{percent:.2}"),
        _ if percent >= 0.01 => format!("{percent:.3}"),
        _ => format!("{percent:.4}"),
    }
}

/// `--scale 0.1`, `--runs 50`, `--only Q6`, `--write` for docs/utility.md.
fn options() -> Result<Options, Failure> {
    let mut options = Options { scale: 1.0, runs: 50, only: String::new(), write: false };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut next = || words.next().ok_or(format!("{word} needs a value"));
        match word.as_str() {
            "--scale" => options.scale = next()?.parse()?,
            "--runs" => options.runs = next()?.parse()?,
            "--only" => options.only = next()?,
            "--write" => options.write = true,
            // Cargo says this to every benchmark.
            "--bench" => {}
            other => return Err(format!("unknown option {other}").into()),
        }
    }
    Ok(options)
}
