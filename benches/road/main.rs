//! What the road costs: the same work through noisegate and straight to PostgreSQL, side by side.
//!
//! `cargo bench --bench road` prints a table in Markdown; `benches/README.md` says how to read it.

mod cpu;
mod measure;
mod setup;
mod table;
mod work;

use std::error::Error;
use std::io::Write;
use std::time::Duration;

use measure::{Cell, Length};

/// Anything that ends the run.
type Failure = Box<dyn Error + Send + Sync>;

/// How much to measure.
#[derive(Debug)]
struct Options {
    rounds: usize,
    length: Duration,
    only: String,
}

fn main() -> Result<(), Failure> {
    let options = options()?;
    let bench = setup::Bench::open()?;
    bench.check()?;
    let mut cells: Vec<Cell> = work::all()
        .into_iter()
        .flat_map(|work| work.clients.iter().map(move |clients| Cell::new(work, *clients)))
        .filter(|cell| cell.title().contains(&options.only))
        .collect();
    bench.measure(&mut cells, &Length { rounds: options.rounds, batch: options.length })?;
    let mut out = std::io::stdout();
    writeln!(out, "{}", table::markdown(&cells))?;
    bench.close();
    Ok(())
}

/// `--quick` for a first look, `--rounds 31` for a long one, `--only "fresh leaf"` for a part.
fn options() -> Result<Options, Failure> {
    let mut options =
        Options { rounds: 15, length: Duration::from_millis(60), only: String::new() };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--quick" => options.rounds = 5,
            "--rounds" => {
                options.rounds = words.next().ok_or("--rounds needs a number")?.parse()?;
            }
            "--only" => options.only = words.next().ok_or("--only needs a word")?,
            // Cargo says this to every benchmark.
            "--bench" => {}
            other => return Err(format!("unknown option {other}").into()),
        }
    }
    Ok(options)
}
