//! The file of accounts: all of it is checked, and all that is wrong is told, before anything is done.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};

use crate::commands::account::address::TargetAddress;
use crate::commands::account::password::Password;
use crate::commands::account::{Ends, address, state_file};

use super::table::{self, Column, Fault, Row};

/// One account to be moved.
#[derive(Debug)]
pub(crate) struct Account {
    /// The line of the file.
    pub(crate) line: u64,
    /// Source, target, state file.
    pub(crate) ends: Ends,
    /// The source's.
    pub(crate) password: Password,
    /// Whether the password itself stands in the file of accounts.
    pub(crate) is_password_in_file: bool,
    /// The account's name in Dovecot, where doveadm is to be called.
    pub(crate) dovecot_user: Option<String>,
}

/// How a person knows an account.
#[derive(Clone, Debug)]
pub(crate) struct Label {
    /// The line of the file.
    pub(crate) line: u64,
    /// `user@host`.
    pub(crate) source: String,
    /// The Maildir.
    pub(crate) maildir: PathBuf,
}

impl Account {
    /// What it is called.
    pub(crate) fn label(&self) -> Label {
        Label {
            line: self.line,
            source: self.ends.source.account(),
            maildir: self.ends.maildir.clone(),
        }
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

/// Where files lie that the file of accounts names, or does not name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Folders<'a> {
    /// To which paths in it are relative.
    pub(crate) own: &'a Path,
    /// For state files that it does not name; [`None`] is beside each Maildir.
    pub(crate) state: Option<&'a Path>,
}

/// Reads the file's bytes.
pub(crate) fn read(bytes: &[u8], folders: Folders<'_>) -> Result<Vec<Account>, Vec<Fault>> {
    let (rows, mut faults) = table::read(bytes);
    if rows.is_empty() && faults.is_empty() {
        faults.push(Fault::new(
            1,
            Column::From,
            "there is no account below the header",
        ));
    }
    let mut accounts = Vec::new();
    for row in &rows {
        accounts.extend(account(row, folders, &mut faults));
    }
    faults.extend(clashes(&accounts));
    faults.sort_by_key(|fault| fault.line);
    if faults.is_empty() {
        Ok(accounts)
    } else {
        Err(faults)
    }
}

/// The account of a row; [`None`] where something is wrong with it.
fn account(row: &Row, folders: Folders<'_>, faults: &mut Vec<Fault>) -> Option<Account> {
    let mut hear = |told: Result<Option<String>, Fault>| {
        told.unwrap_or_else(|fault| {
            faults.push(fault);
            None
        })
    };
    let mut text = |column| hear(row.text(column).map(|text| text.map(str::to_owned)));
    let (from, to) = (text(Column::From), text(Column::To));
    let (state, dovecot_user) = (text(Column::State), text(Column::DovecotUser));
    let password_file = text(Column::PasswordFile);
    let before = faults.len();
    let mut wrong = |column, what: String| faults.push(Fault::new(row.line, column, what));
    let source = match from.as_deref() {
        None => Err("the old account is missing".to_owned()),
        Some(from) if holds_password(from) => {
            let what = "there is a password in the address, which shows wherever the address does: it has a column of its own \
                        (a colon that belongs to the user name is written %3A)";
            Err(what.to_owned())
        }
        // In a file, it is no option.
        Some(from) => address::parse_source(from)
            .map_err(|failure| failure.what.trim_start_matches("--from: ").to_owned()),
    };
    let source = source.map_err(|what| wrong(Column::From, what)).ok();
    // Not in the parser's words: they repeat what stands there, and cells may have been mixed up.
    let maildir = match to.as_deref().and_then(|to| address::parse_target(to).ok()) {
        Some(TargetAddress::Maildir(path)) => Some(path),
        Some(TargetAddress::Imap(_)) => {
            let what = "accounts on a server are moved to one at a time, with “transhume move”; here, write maildir:/PATH";
            wrong(Column::To, what.to_owned());
            None
        }
        None => {
            let what = "this does not name a Maildir: write maildir:/PATH";
            wrong(Column::To, what.to_owned());
            None
        }
    };
    let typed = row.bytes(Column::Password);
    let password = match (typed, password_file) {
        ([], None) => {
            wrong(Column::Password, "the password is missing".to_owned());
            None
        }
        ([], Some(file)) if file == "-" => {
            let what = "standard input cannot be the password file of one account among many";
            wrong(Column::PasswordFile, what.to_owned());
            None
        }
        ([], Some(file)) => match std::fs::read(folders.own.join(file)) {
            Ok(bytes) => Some(Password::of_file(bytes)),
            Err(error) => {
                // Without its name: it may be a password that was put into the wrong column.
                let what = format!("the file that is named here cannot be read: {error}");
                wrong(Column::PasswordFile, what);
                None
            }
        },
        (typed, None) => Some(Password::from(typed.to_vec())),
        (_, Some(_)) => {
            let what = "there is a password and a password file: leave one of them empty";
            wrong(Column::Password, what.to_owned());
            None
        }
    };
    if faults.len() > before {
        return None;
    }
    let source = source?;
    let state = match (state, folders.state) {
        (Some(state), _) => Some(folders.own.join(state)),
        (None, Some(folder)) => {
            Some(folder.join(format!("{}.transhume.db", state_file::plain(&source.account()))))
        }
        (None, None) => None,
    };
    Some(Account {
        line: row.line,
        ends: Ends::new(source, maildir?, state),
        password: password?,
        is_password_in_file: !typed.is_empty(),
        dovecot_user,
    })
}

fn holds_password(from: &str) -> bool {
    let rest = from.split_once("://").map_or(from, |(_, rest)| rest);
    rest.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'))
}

/// Accounts that would get into each other's way.
fn clashes(accounts: &[Account]) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut targets: Vec<(PathBuf, u64)> = accounts
        .iter()
        .map(|account| (real(&account.ends.maildir), account.line))
        .collect();
    // A folder comes before all that lies in it, and nothing else comes between.
    targets.sort();
    let mut outer: Option<&(PathBuf, u64)> = None;
    for target in &targets {
        let (path, line) = target;
        match outer {
            Some((over, other)) if path == over => faults.push(Fault::new(
                *line,
                Column::To,
                format!("this is the Maildir of line {other} as well"),
            )),
            Some((over, other)) if path.starts_with(over) => faults.push(Fault::new(
                *line,
                Column::To,
                format!("this lies in the Maildir of line {other}"),
            )),
            _ => outer = Some(target),
        }
    }
    let mut states: HashMap<PathBuf, u64> = HashMap::new();
    for account in accounts {
        let other = *states.entry(real(&account.ends.state)).or_insert(account.line);
        // Of two lines with the same Maildir, that is what is wrong.
        let told = faults.iter().any(|fault| fault.line == account.line);
        if other != account.line && !told {
            let what = format!("this is the state file of line {other} as well");
            faults.push(Fault::new(account.line, Column::State, what));
        }
    }
    faults
}

/// The path without symbolic links, as far as it exists.
fn real(path: &Path) -> PathBuf {
    if let Ok(real) = path.canonicalize() {
        return real;
    }
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) => real(parent).join(name),
        _ => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(folder: &Path) -> Folders<'_> {
        Folders {
            own: folder,
            state: None,
        }
    }

    const HEADER: &str = "from,to,password,password_file,state,dovecot_user\n";

    fn faults(rows: &str, folder: &Path) -> Vec<String> {
        let file = format!("{HEADER}{rows}");
        let faults = read(file.as_bytes(), at(folder)).err().unwrap_or_default();
        faults.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn accounts_are_read() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("pw"), " s3cret \n").unwrap();
        let file = format!(
            "{HEADER}imaps://a@old.example,maildir:/v/a/Maildir, s3 ,,,\n\
             imap://b@old.example,maildir:/v/b/Maildir,,pw,b.db,b@new.example\n"
        );
        let accounts = read(file.as_bytes(), at(folder.path())).unwrap();
        let shown = format!("{accounts:?}");
        assert!(!shown.contains("s3"), "{shown}");
        let [a, b] = <[Account; 2]>::try_from(accounts).unwrap();
        assert_eq!(a.ends.state, Path::new("/v/a/Maildir.transhume.db"));
        assert_eq!((a.line, a.dovecot_user), (2, None));
        assert_eq!(a.password.reveal(), b" s3 ");
        assert_eq!(b.ends.source.account(), "b@old.example");
        assert_eq!(b.ends.state, folder.path().join("b.db"));
        assert_eq!(b.dovecot_user.as_deref(), Some("b@new.example"));
        assert_eq!(b.password.reveal(), b" s3cret ");
    }

    #[test]
    fn state_files_in_a_folder_are_named_after_accounts() {
        let file =
            "from,to,password,state\nimaps://a%2fb%25@H,maildir:/v/a,p,\nimaps://c@h,maildir:/v/c,p,own\n";
        let folders = Folders {
            own: Path::new("/own"),
            state: Some(Path::new("/state")),
        };
        let states = read(file.as_bytes(), folders).unwrap();
        let states: Vec<_> = states
            .iter()
            .map(|account| account.ends.state.to_string_lossy())
            .collect();
        assert_eq!(states, ["/state/a%2Fb%25@h.transhume.db", "/own/own"]);
        assert_eq!(
            faults("", Path::new("")),
            ["line 1, from: there is no account below the header"]
        );
    }

    /// I10: what is wrong is told, all of it, and no password with it.
    #[test]
    fn all_that_is_wrong_is_told_together() {
        let folder = tempfile::tempdir().unwrap();
        let told = faults(
            "imaps://a:s3cret@h,maildir:/v/a,s3cret,,,\n\
             pop3://a@h,s3cret,,,,\n\
             ,,s3cret,pw,,\n\
             imaps://a@h,maildir:/v/b,,-,,\n\
             imaps://a@h,maildir:/v/c,,s3cret,,\n",
            folder.path(),
        );
        let expected = [
            "line 2, from: there is a password in the address",
            "line 3, from: the scheme must be",
            "line 3, to: this does not name a Maildir",
            "line 3, password: the password is missing",
            "line 4, from: the old account is missing",
            "line 4, to: this does not name",
            "line 4, password: there is a password and",
            "line 5, password_file: standard input",
            "line 6, password_file: the file that is named here cannot be read",
        ];
        assert_eq!(told.len(), expected.len(), "{told:#?}");
        for (told, expected) in told.iter().zip(expected) {
            assert!(told.starts_with(expected), "{told}");
            assert!(!told.contains("s3cret"), "{told}");
        }
    }

    #[test]
    fn accounts_that_get_into_each_others_way_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let there = folder.path().join("there");
        std::fs::create_dir(&there).unwrap();
        std::os::unix::fs::symlink(&there, folder.path().join("link")).unwrap();
        let base = folder.path().display();
        let check = |targets: &[String], expected: &[&str]| {
            let rows: Vec<String> = targets
                .iter()
                .map(|target| format!("imaps://a@h,maildir:{target},p,,,\n"))
                .collect();
            assert_eq!(faults(&rows.concat(), folder.path()), expected);
        };
        check(&["/v/a".to_owned(), "/v/ab".to_owned(), "/v/b".to_owned()], &[]);
        check(
            &["/v/a".to_owned(), "/v//a/".to_owned()],
            &["line 3, to: this is the Maildir of line 2 as well"],
        );
        check(
            &[
                "/v/a/b".to_owned(),
                "/v/a".to_owned(),
                "/v/a-b".to_owned(),
                "/v/a/c".to_owned(),
            ],
            &[
                "line 2, to: this lies in the Maildir of line 3",
                "line 5, to: this lies in the Maildir of line 3",
            ],
        );
        check(
            &[format!("{base}/there/x"), format!("{base}/link/x")],
            &["line 3, to: this is the Maildir of line 2 as well"],
        );
        assert_eq!(
            faults(
                "imaps://a@h,maildir:/v/a,p,,s.db,\nimaps://a@h,maildir:/v/b,p,,s.db,\n",
                folder.path()
            ),
            ["line 3, state: this is the state file of line 2 as well"]
        );
    }
}
