//! Which Debian packages the tests need, and how to install them. Only the project's own command
//! calls this: a test must never install anything by itself.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::TestkitError;

/// What must be there, and the package that brings it.
const NEEDED: [(&str, &str); 27] = [
    ("dovecot", "dovecot-imapd"),
    ("imap", "dovecot-imapd"),
    ("lmtp", "dovecot-lmtpd"),
    ("pop3", "dovecot-pop3d"),
    ("sievec", "dovecot-sieve"),
    ("openssl", "openssl"),
    ("setpriv", "util-linux"),
    ("unshare", "util-linux"),
    ("mount", "mount"),
    ("initdb", "postgresql"),
    ("postgres", "postgresql"),
    ("psql", "postgresql-client"),
    ("sqlite3", "sqlite3"),
    ("offlineimap", "offlineimap3"),
    ("postfix", "postfix"),
    ("postfix-pgsql.so", "postfix-pgsql"),
    ("postfix-sqlite.so", "postfix-sqlite"),
    ("libdriver_pgsql.so", "dovecot-pgsql"),
    ("libdriver_sqlite.so", "dovecot-sqlite"),
    ("auth/libauthdb_lua.so", "dovecot-auth-lua"),
    // The servers alone: no service, and nothing of it on this machine but the programs.
    ("mariadbd", "mariadb-server-core"),
    ("mariadb-install-db", "mariadb-server-core"),
    ("mariadb", "mariadb-client-core"),
    ("chromium", "chromium"),
    ("chromedriver", "chromium-driver"),
    ("npm", "npm"),
    // Schemathesis has an environment of its own.
    ("python3", "python3-venv"),
];

/// Finds a program. `PATH` of an ordinary user often lacks the `sbin` directories; Dovecot's own
/// parts are in its private directory, PostgreSQL's in one for each version.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let fixed = [
        "/usr/sbin",
        "/usr/local/sbin",
        "/usr/lib/dovecot",
        "/usr/lib/dovecot/modules",
        "/usr/lib/postfix",
        "/usr/libexec/dovecot",
    ];
    env::split_paths(&path)
        .chain(fixed.iter().map(PathBuf::from))
        .chain(postgresql())
        .map(|dir| dir.join(name))
        .find(|candidate| candidate.is_file())
}

/// The folders of PostgreSQL's programs, the newest version first.
fn postgresql() -> Vec<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql");
    let mut found: Vec<PathBuf> = versions
        .into_iter()
        .flatten()
        .flatten()
        .map(|version| version.path().join("bin"))
        .collect();
    found.sort_unstable();
    found.reverse();
    found
}

/// The Debian packages that are still to be installed, each once.
pub fn missing_packages() -> Vec<&'static str> {
    let mut missing: Vec<&'static str> = NEEDED
        .iter()
        .filter(|(program, _)| find_program(program).is_none())
        .map(|(_, package)| *package)
        .collect();
    missing.dedup();
    missing
}

/// Refuses to go on when something is missing.
pub(crate) fn require_all() -> Result<(), TestkitError> {
    match missing_packages().as_slice() {
        [] => Ok(()),
        missing => Err(TestkitError::Missing(missing.join(", "))),
    }
}

/// The guard keeps the packages from starting a system-wide server on the standard ports. It is
/// taken away again even when the installation fails, and an existing one is left alone.
const INSTALL: &str = r#"set -e
guard=/usr/sbin/policy-rc.d
if [ ! -e "$guard" ]; then
    trap 'rm -f "$guard"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$guard"
    chmod 755 "$guard"
fi
apt-get update -q
apt-get install -q -y --no-install-recommends "$@"
"#;

/// Installs what [`missing_packages`] names, with `apt-get`, through `sudo` when not root.
pub fn install_missing() -> Result<(), TestkitError> {
    match missing_packages().as_slice() {
        [] => Ok(()),
        packages => install(packages),
    }
}

fn install(packages: &[&str]) -> Result<(), TestkitError> {
    if !Path::new("/usr/bin/apt-get").exists() {
        let wanted = packages.join(", ");
        return Err(TestkitError::Missing(format!(
            "{wanted} (and apt-get, to install it)"
        )));
    }
    // `env` is on the inner side of sudo, which drops the caller's environment.
    let mut line = vec![
        "env",
        "DEBIAN_FRONTEND=noninteractive",
        "sh",
        "-c",
        INSTALL,
        "install",
    ];
    if !rustix::process::geteuid().is_root() {
        line.insert(0, "sudo");
    }
    let status = Command::new(line[0])
        .args(&line[1..])
        .args(packages)
        .status()
        .map_err(TestkitError::io(format!("running {}", line[0])))?;
    if !status.success() {
        return Err(TestkitError::Command {
            program: "apt-get".into(),
            detail: status.to_string(),
        });
    }
    require_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_is_not_found() {
        assert!(find_program("sh").is_some());
        assert!(find_program("no-such-program-at-all").is_none());
    }
}
