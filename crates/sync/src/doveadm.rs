//! Telling Dovecot how far the old server's modification sequences had got.
//!
//! A Maildir does not hold them, so Dovecot begins anew, below what clients that use CONDSTORE or QRESYNC (RFC 7162) have
//! seen on the old server. They would be told that nothing has changed, until Dovecot's numbers have caught up. `doveadm
//! mailbox update --min-highest-modseq` raises them. Done before Dovecot first looks at a mailbox, as here, its messages get
//! numbers above that too: a client that comes back is told their flags once more, which mends what it had missed on the
//! old server, and fetches no message again.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Command;

use transhume_model::mail::MailboxName;

use crate::report::{MailboxReport, MailboxState, Report};

/// Variables of ours that may hold passwords: none of doveadm's business.
const KEPT_BACK: [&str; 4] = [
    "PGPASSWORD",
    "TRANSHUME_DIRECTORY",
    "TRANSHUME_PASSWORD",
    "TRANSHUME_TO_PASSWORD",
];

/// How to reach the new server's `doveadm`.
#[derive(Clone, Debug)]
pub struct Doveadm {
    /// The account's name on the new server.
    pub user: String,
    /// Dovecot's configuration, where it is not the usual one.
    pub config: Option<PathBuf>,
}

/// Which mailboxes' numbers are raised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Raise {
    /// Those that the pass has written to.
    Touched,
    /// All: an earlier pass has written to some, and could not raise them.
    All,
}

impl Doveadm {
    /// Raises the numbers of mailboxes of a pass. Blocks until doveadm has ended. Gives what could not be done, in words.
    pub fn raise_mod_seqs(&self, report: &Report, which: Raise) -> Result<(), String> {
        let touched: Vec<(&MailboxReport, u64)> = report
            .mailboxes
            .iter()
            .filter_map(|mailbox| Some((mailbox, wanted(mailbox, which)?)))
            .collect();
        if touched.is_empty() {
            return Ok(());
        }
        let known: HashSet<String> = run(self.command(&["mailbox", "list"]))?
            .lines()
            .map(str::to_owned)
            .collect();
        for (mailbox, mod_seq) in touched {
            let name = find(&mailbox.target, &known)
                .ok_or_else(|| format!("doveadm does not list “{}” for {}", mailbox.target, self.user))?;
            run(self.raising(&name, mod_seq))?;
        }
        Ok(())
    }

    fn raising(&self, mailbox: &str, mod_seq: u64) -> Command {
        let mut command = self.command(&["mailbox", "update"]);
        command.args(["--min-highest-modseq", &mod_seq.to_string()]);
        // A mailbox may be called `-A`, which else would mean all users.
        command.args(["--", mailbox]);
        command
    }

    fn command(&self, verb: &[&str]) -> Command {
        let mut command = Command::new("doveadm");
        for variable in KEPT_BACK {
            command.env_remove(variable);
        }
        if let Some(config) = &self.config {
            command.arg("-c").arg(config);
        }
        command.args(verb).args(["-u", &self.user]);
        command
    }
}

/// Gives what a command prints, or says what it complains about.
fn run(mut command: Command) -> Result<String, String> {
    let output = command
        .output()
        .map_err(|error| format!("doveadm cannot be run: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let arguments: Vec<_> = command.get_args().map(OsStr::to_string_lossy).collect();
    let words = String::from_utf8_lossy(&output.stderr);
    Err(format!(
        "“doveadm {}” failed: {}",
        arguments.join(" "),
        words.trim()
    ))
}

/// One above what the old server had reached; `None` where it keeps no such numbers, or they need not be raised.
fn wanted(mailbox: &MailboxReport, which: Raise) -> Option<u64> {
    let is_meant = match mailbox.state {
        MailboxState::RemovedByOwner => false,
        MailboxState::Unchanged => which == Raise::All,
        _ => true,
    };
    mailbox
        .highest_mod_seq
        .filter(|_| is_meant)
        .map(|mod_seq| mod_seq.0.saturating_add(1))
}

/// The name by which Dovecot lists a mailbox: its namespace's separator and prefix are its own affair.
fn find(target: &MailboxName, known: &HashSet<String>) -> Option<String> {
    let joined = ["/", "."].map(|separator| (target.components().join(separator), separator));
    joined
        .into_iter()
        .flat_map(|(name, separator)| [format!("INBOX{separator}{name}"), name])
        .rev()
        .find(|name| known.contains(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use transhume_model::mail::ModSeq;

    #[test]
    fn doveadm_is_called_without_the_password_and_its_configuration_comes_first() {
        let doveadm = Doveadm {
            user: "amy".to_owned(),
            config: Some(PathBuf::from("/c")),
        };
        let command = doveadm.raising("-A", 8);
        let arguments: Vec<&str> = command
            .get_args()
            .map(|argument| argument.to_str().unwrap())
            .collect();
        assert_eq!(
            arguments.join(" "),
            "-c /c mailbox update -u amy --min-highest-modseq 8 -- -A"
        );
        let mut kept_back: Vec<_> = command.get_envs().collect();
        kept_back.sort();
        assert_eq!(kept_back, KEPT_BACK.map(|name| (name.as_ref(), None)));
    }

    #[test]
    fn numbers_are_raised_where_mail_was_written_or_may_have_been() {
        let name = MailboxName::from_path("A", Some('/')).unwrap();
        let mut mailbox = MailboxReport::new(&crate::survey::unknown(&name, &name));
        for (state, mod_seq, touched, all) in [
            (MailboxState::Filled, Some(7), Some(8), Some(8)),
            (
                MailboxState::Followed,
                Some(u64::MAX),
                Some(u64::MAX),
                Some(u64::MAX),
            ),
            (MailboxState::Unchanged, Some(7), None, Some(8)),
            (MailboxState::RemovedByOwner, Some(7), None, None),
            (MailboxState::Filled, None, None, None),
        ] {
            (mailbox.state, mailbox.highest_mod_seq) = (state, mod_seq.map(ModSeq));
            let raised = [Raise::Touched, Raise::All].map(|which| wanted(&mailbox, which));
            assert_eq!(raised, [touched, all], "{state:?}");
        }
    }

    #[test]
    fn names_are_found_whatever_the_separator_and_prefix() {
        let check = |path: &str, known: &[&str], expected: Option<&str>| {
            let name = MailboxName::from_path(path, Some('|')).unwrap();
            let known = known.iter().map(|name| (*name).to_owned()).collect();
            assert_eq!(find(&name, &known).as_deref(), expected);
        };
        check("A|B", &["A", "A.B"], Some("A.B"));
        check("A|B", &["A", "A/B"], Some("A/B"));
        check("A|B", &["INBOX", "INBOX.A.B"], Some("INBOX.A.B"));
        check("INBOX", &["INBOX", "INBOX/INBOX"], Some("INBOX"));
        check("A", &["B"], None);
    }
}
