//! `noisegate completion`: what a shell needs to complete the commands.

use clap::CommandFactory;
use clap_complete::aot::{Shell, generate};

use super::args::{self, Cli};
use super::output::say;

pub(super) fn run(args: &args::Completion) {
    let shell = match args.shell {
        args::Shell::Bash => Shell::Bash,
        args::Shell::Zsh => Shell::Zsh,
        args::Shell::Fish => Shell::Fish,
    };
    // Not straight to the standard output, whose reader may go away.
    let mut script = Vec::new();
    generate(shell, &mut Cli::command(), "noisegate", &mut script);
    say(String::from_utf8_lossy(&script));
}
