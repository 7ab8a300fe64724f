//! The binary: reads the command line, runs one command, ends with an exit code that scripts can use.

mod commands;
mod config;
mod exit;
mod service;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Moves mailboxes onto your own server, and loses nothing.
#[derive(Debug, Parser)]
#[command(name = "transhume", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Move(commands::move_account::Arguments),
    Verify(commands::verify::Arguments),
    MoveAll(commands::move_all::Arguments),
    Import(commands::import::Arguments),
    Export(commands::export::Arguments),
    Schema(commands::schema::Arguments),
    Convert(commands::convert::Arguments),
    Config(commands::config::Arguments),
    Serve(commands::serve::Arguments),
    Work(commands::work::Arguments),
    Provider(commands::provider::Arguments),
    Settings(commands::settings::Arguments),
    Migration(commands::migration::Arguments),
    Account(commands::people::Arguments),
    Domain(commands::domain::Arguments),
    #[command(alias = "generate_offlineimap_config")]
    OfflineimapConfig(commands::offlineimap::Arguments),
}

fn main() -> ExitCode {
    let exit = match Cli::parse().command {
        Command::Move(arguments) => commands::move_account::run(&arguments),
        Command::Verify(arguments) => commands::verify::run(&arguments),
        Command::MoveAll(arguments) => commands::move_all::run(&arguments),
        Command::Import(arguments) => commands::import::run(&arguments),
        Command::Export(arguments) => commands::export::run(&arguments),
        Command::Schema(arguments) => commands::schema::run(&arguments),
        Command::Convert(arguments) => commands::convert::run(&arguments),
        Command::Config(arguments) => commands::config::run(&arguments),
        Command::Serve(arguments) => commands::serve::run(&arguments),
        Command::Work(arguments) => commands::work::run(&arguments),
        Command::Provider(arguments) => commands::provider::run(&arguments),
        Command::Settings(arguments) => commands::settings::run(&arguments),
        Command::Migration(arguments) => commands::migration::run(&arguments),
        Command::Account(arguments) => commands::people::run(&arguments),
        Command::Domain(arguments) => commands::domain::run(&arguments),
        Command::OfflineimapConfig(arguments) => commands::offlineimap::run(&arguments),
    };
    ExitCode::from(exit.code())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
