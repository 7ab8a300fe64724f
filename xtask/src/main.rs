//! The project's own commands, run as `cargo xtask <command>`. What each does stands in [`HELP`].

mod bench;
mod cargo;
mod ci;
mod demo;
mod fuzz;
mod interrupt;
mod steps;
mod table;
mod tidy;

use std::process::ExitCode;

use anyhow::bail;

const HELP: &str = "\
The project's own commands.

cargo xtask demo [--exit] [--messages N]   move three mailboxes between two real servers, compare, and let you look
cargo xtask test [-- ARGS]                 build the release binary and run every test; ARGS go to cargo test
cargo xtask ci                             what CI runs: format, lints, tidy, test
cargo xtask tidy [--record]                check the tree against ARCHITECTURE.md; --record notes new schema files
cargo xtask fuzz [--minutes N] [TARGET…]   feed strange bytes to whatever reads bytes of strangers; 2 minutes each
cargo xtask bench [--quick] [OPTIONS]      time copies and updates beside peers and the physical limit; `bench --help`
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match run(&words) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// `Ok(false)` when the command ran and found something wrong; it has said what.
fn run(words: &[&str]) -> anyhow::Result<bool> {
    let Some((&command, rest)) = words.split_first() else {
        print!("{HELP}");
        return Ok(true);
    };
    match command {
        "demo" => demo::run(&demo::Options::parse(rest)?),
        "test" => ci::test(rest.strip_prefix(&["--"]).unwrap_or(rest)),
        "ci" if rest.is_empty() => ci::ci(),
        "tidy" => match rest {
            [] => tidy::run(),
            ["--record"] => tidy::record(),
            _ => bail!("tidy takes --record or nothing"),
        },
        "fuzz" => fuzz::run(&fuzz::Options::parse(rest)?),
        "bench" => bench::run(rest),
        // What `bench` runs of the optimised build of this program.
        "measure" => bench::measure(&bench::Options::parse(rest)?),
        "floor" => bench::floor::main(rest),
        "help" | "--help" | "-h" => {
            print!("{HELP}");
            Ok(true)
        }
        _ => bail!("“{}” is no command\n\n{HELP}", words.join(" ")),
    }
}
