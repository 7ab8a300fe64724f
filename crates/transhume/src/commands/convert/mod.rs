//! `transhume convert`: another platform's database becomes part of the directory.

mod json;
mod postfixadmin;
mod text;

use clap::{Args, Subcommand};

use crate::exit::Exit;

/// Brings another platform's domains, accounts and aliases into the directory
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    platform: Platform,
}

#[derive(Debug, Subcommand)]
enum Platform {
    Postfixadmin(Box<postfixadmin::Arguments>),
}

/// Runs the command to its end and says how it went.
pub(crate) fn run(arguments: &Arguments) -> Exit {
    match &arguments.platform {
        Platform::Postfixadmin(arguments) => postfixadmin::run(arguments),
    }
}
