//! `transhume verify`: both sides are read again, and every difference is explained. Nothing is written.

pub(crate) mod html;
pub(crate) mod json;
mod setup;
pub(crate) mod text;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use transhume_model::verify::Standing;
use transhume_sync::{Depth, Recorder, Verification};

use self::html::Title;
use self::setup::Setup;
use super::account;
use super::report::Seal;
use super::report::check::{Check, Outcome, Report};
use super::report::files::{Format, Names};
use super::report::write::Writer;
use crate::exit::{Exit, Failure};

const AFTER_HELP: &str = "\
Examples:
  transhume verify --from imaps://alice@mail.old.example --to maildir:/var/vmail/alice/Maildir
  transhume verify --from imaps://alice@mail.old.example --to maildir:/var/vmail/alice/Maildir --deep --html alice.html
  transhume verify --from imaps://alice@mail.old.example --to maildir:/var/vmail/alice/Maildir --write-report alice
  transhume verify --report alice.jsonl
  transhume verify --report alice.jsonl --target-only

Every file on the new side is read and compared with what was moved; --deep fetches every message from the old server
again as well, which takes as long as moving them. Nothing is written: not on the old server, not on the new side, not
in the state file. Before the old server is switched off, “unexplained: 0” and exit code 0 are what to wait for.

--write-report puts on record where every single message is. --report holds such a record against both sides later: a
message that is gone or other than it says is named. --target-only does so when the old server is gone.

Exit codes: 0 all of the old server's mail is here, and every difference explained; 2 wrong command line; 3 finished,
but some mail is not here (not moved yet, or quarantined), some difference has no explanation, or a report no longer
holds (what it is about is named); 4 login refused; 5 old server not reachable or connection lost; 6 certificate not trusted; 7 new side not
readable; 8 another run is at work there; 70 internal error; 130 interrupted.";

/// Compares the old account with the Maildir that it was moved into, and explains every difference; changes nothing
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
#[allow(
    clippy::doc_markdown,
    rustdoc::bare_urls,
    reason = "these comments are the help text"
)]
pub(crate) struct Arguments {
    /// The old account: imaps://USER@HOST[:PORT] (TLS), imap://… (STARTTLS), or imap+insecure://… (no encryption)
    #[arg(long, value_name = "ADDRESS", required_unless_present = "report")]
    from: Option<String>,

    /// The new mailbox: maildir:/PATH, as Dovecot's mail_location names it
    #[arg(long, value_name = "TARGET", required_unless_present = "report")]
    to: Option<String>,

    /// File that holds the password on its only line (- for standard input)
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,

    /// Where it is remembered what was moved [default: beside the Maildir, PATH.transhume.db]
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,

    #[command(flatten)]
    manner: account::Manner,

    #[command(flatten)]
    depth: DepthOptions,

    /// Write the outcome as a page for a browser into this file
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,

    /// Put on record where every message is: in NAME.jsonl, NAME.csv and NAME.html
    #[arg(long, value_name = "NAME", conflicts_with = "report")]
    write_report: Option<PathBuf>,

    /// Do not read files whose bytes are on record since they were moved
    #[arg(long, requires = "write_report", conflicts_with = "deep")]
    quick: bool,
}

impl Arguments {
    fn depth(&self) -> Depth {
        if self.quick {
            Depth::Names
        } else {
            self.depth.depth()
        }
    }
}

/// What is held against what.
#[derive(Debug, Args)]
pub(crate) struct DepthOptions {
    /// Fetch every message from the old server again, and compare its bytes too
    #[arg(long)]
    pub(crate) deep: bool,

    /// Hold this report against both sides; the old account and the Maildir are those that it names, unless others are given
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,

    /// What the report's chain is known to end with
    #[arg(long, value_name = "HEX", requires = "report")]
    pub(crate) chain: Option<String>,

    /// Do not ask the old server, which may be gone: only what is here is held against the report
    #[arg(long, requires = "report", conflicts_with = "deep")]
    pub(crate) target_only: bool,
}

impl DepthOptions {
    pub(crate) fn depth(&self) -> Depth {
        match (self.target_only, self.deep) {
            (true, _) => Depth::Target,
            (_, true) => Depth::Texts,
            _ => Depth::Rows,
        }
    }

    /// The report that is to be held against both sides.
    pub(crate) fn read_report(&self) -> Result<Option<Report>, Failure> {
        let noted = self.chain.as_deref();
        self.report
            .as_deref()
            .map(|path| Report::open(path, noted))
            .transpose()
    }
}

/// What a comparison has come to.
#[derive(Debug)]
pub(crate) struct Compared {
    pub(crate) verification: Verification,
    /// The report that was written.
    pub(crate) seal: Option<Seal>,
    /// What became of a report from before.
    pub(crate) checked: Option<Outcome>,
}

impl Compared {
    pub(crate) fn exit(&self) -> Exit {
        let holds = self.checked.as_ref().is_none_or(Outcome::holds);
        let is_complete = self.seal.as_ref().is_none_or(|seal| seal.is_complete);
        if self.verification.is_good() && holds && is_complete {
            Exit::Complete
        } else {
            Exit::Partial
        }
    }

    /// For a person.
    pub(crate) fn text(&self, depth: Depth, took: Duration) -> String {
        let mut text = text::report(&self.verification, depth, took);
        if let Some(outcome) = &self.checked {
            text.push_str(&outcome.text());
        }
        if let Some(seal) = &self.seal {
            text.push_str(&seal.text());
        }
        text
    }
}

/// Runs the command to its end and says how it went.
pub(crate) fn run(arguments: &Arguments) -> Exit {
    let began = Instant::now();
    let outcome = execute(arguments);
    let took = began.elapsed();
    let mut exit = match &outcome {
        Ok((_, compared)) => compared.exit(),
        Err(failure) => failure.exit,
    };
    if let (Ok((title, compared)), Some(file)) = (&outcome, &arguments.html)
        && let Err(failure) = write_page(file, title, &compared.verification)
    {
        eprintln!("transhume: {failure}");
        exit = failure.exit;
    }
    let outcome = outcome.map(|(_, compared)| compared);
    if arguments.manner.json {
        let text = json::outcome(exit, &outcome, took);
        // Whoever reads standard output may have gone; the exit code still tells.
        let _ = writeln!(std::io::stdout(), "{text}");
    }
    match outcome {
        Ok(compared) if !arguments.manner.json => {
            let text = compared.text(arguments.depth(), took);
            let _ = write!(std::io::stdout(), "{text}");
        }
        Ok(_) => {}
        Err(failure) => eprintln!("transhume: {failure}"),
    }
    exit
}

fn execute(arguments: &Arguments) -> Result<(Title, Compared), Failure> {
    let before = arguments.depth.read_report()?;
    let names = arguments.write_report.as_deref();
    let names = names.map(|name| Names::new(name, &[Format::Csv, Format::Html], "--write-report"));
    let names = names.transpose()?;
    let options = options(arguments, before.as_ref())?;
    let depth = arguments.depth();
    let setup = Setup::new(&options, arguments.html.as_deref(), depth)?;
    let title = setup.title();
    let writer = names
        .map(|names| Writer::begin(names, setup.about()))
        .transpose()?;
    let manner = &arguments.manner;
    let compared = account::run(manner.quiet, async |observer, stop| {
        held_against(before, writer, &title, depth, async |recorder| {
            setup.verify(recorder, observer, stop).await
        })
        .await
    })?;
    Ok((title, compared))
}

/// What was typed, and what the report says where nothing was.
fn options(arguments: &Arguments, before: Option<&Report>) -> Result<account::Options, Failure> {
    let head = before.map(|report| &report.head);
    if let Some(address) = head.and_then(|head| head.migration.as_deref())
        && arguments.from.is_none()
    {
        return Err(Failure::usage(
            "--report: this report is about a migration of the service",
            format!("Run “transhume migration verify {address} --report FILE”, which knows both its ends."),
        ));
    }
    let from = arguments.from.clone();
    let to = arguments.to.clone();
    Ok(account::Options {
        from: from
            .or_else(|| head.map(|head| head.source.clone()))
            .unwrap_or_default(),
        to: to
            .or_else(|| head.map(|head| format!("maildir:{}", head.maildir)))
            .unwrap_or_default(),
        password_file: arguments.password_file.clone(),
        state: arguments.state.clone(),
        manner: arguments.manner.clone(),
    })
}

/// Runs a comparison that is taken down: for a report that is written, or to hold one against it.
pub(crate) async fn held_against(
    before: Option<Report>,
    writer: Option<Writer>,
    title: &Title,
    depth: Depth,
    compare: impl AsyncFnOnce(&mut dyn Recorder) -> Result<Verification, Failure>,
) -> Result<Compared, Failure> {
    let mut compared = Compared {
        verification: Verification::default(),
        seal: None,
        checked: None,
    };
    if let Some(report) = before {
        let path = report.path.clone();
        let cannot = |error| Failure::usage(format!("--report: {}: {error}", path.display()), "");
        let mut check = Check::new(report, depth.asks_source()).map_err(cannot)?;
        compared.verification = compare(&mut check).await?;
        if depth == Depth::Target && !compared.verification.has_base {
            return Err(Failure::new(
                Exit::Partial,
                "--target-only: there is no record of a move into this Maildir",
                "Without it nobody can tell which file here is which message; is --state right?",
            ));
        }
        compared.checked = Some(check.finish().map_err(cannot)?);
    } else if let Some(mut writer) = writer {
        compared.verification = compare(&mut writer).await?;
        compared.seal = Some(writer.finish(&compared.verification, title)?);
    } else {
        compared.verification = compare(&mut ()).await?;
    }
    Ok(compared)
}

fn write_page(file: &Path, title: &Title, verification: &Verification) -> Result<(), Failure> {
    let page = html::page(title, verification, None);
    std::fs::write(file, page).map_err(|error| {
        Failure::new(
            Exit::Usage,
            format!("--html: {} cannot be written: {error}", file.display()),
            "Name a file in a folder that can be written, and run the same command again.",
        )
    })
}

/// What a comparison comes to, in one sentence.
fn verdict(verification: &Verification) -> &'static str {
    let (behind, unexplained) = (
        verification.count(Standing::Behind),
        verification.count(Standing::Unexplained),
    );
    match (behind, unexplained) {
        (0, 0) => "All of the old server's mail is here, and every difference is explained.",
        (_, 0) => {
            "Not all of the old server's mail is here: run “transhume move” again, which brings it or says why not."
        }
        (0, _) => "Some differences have no explanation: look at them before the old server is switched off.",
        (_, _) => {
            "Some differences have no explanation, and not all of the old server's mail is here: run “transhume move” \
             again, then look at what is left."
        }
    }
}

/// What a comparison without a base cannot tell.
const NO_BASE: &str = "No record of a move into this Maildir was found (is --state right?). Messages are known by their marks \
                       only: their bytes are compared by size, unless --deep is given, and what is missing or has other flags \
                       cannot be explained.";
