//! A real Cyrus for one test: own directory, own port on 127.0.0.1, gone when dropped.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::account::Account;
use crate::enclosure::Enclosure;
use crate::error::TestkitError;
use crate::oracle::Oracle;
use crate::place::{free_ports, private_dir};

/// What a [`Cyrus`] shall be like; see [`Cyrus::builder`].
#[derive(Debug, Default)]
#[must_use]
pub struct Builder {
    altnamespace: bool,
    users: Vec<(String, Vec<u8>)>,
}

impl Builder {
    /// Mailboxes beside INBOX instead of below it, as newer versions have it.
    pub fn altnamespace(mut self, on: bool) -> Self {
        self.altnamespace = on;
        self
    }

    /// Adds an account, with an INBOX.
    pub fn user(mut self, name: &str, password: &str) -> Self {
        self.users.push((name.to_owned(), password.as_bytes().to_vec()));
        self
    }

    /// Starts the server and waits until it answers.
    pub fn start(self) -> Result<Cyrus, TestkitError> {
        let account = if rustix::process::geteuid().is_root() {
            Account::system_user()?
        } else {
            Account::current()?
        };
        let temp = private_dir()?;
        let dir = temp.path();
        let mut tries = 0;
        loop {
            let [port] = free_ports()?;
            prepare(dir, &account, &self, port)?;
            match launch(dir, &account, port) {
                // Another process may take a port between our look and the server's start.
                Err(_) if tries < 3 => tries += 1,
                Err(error) => return Err(error),
                Ok(running) => {
                    let server = Cyrus {
                        port,
                        _running: running,
                        _temp: temp,
                    };
                    self.users.iter().try_for_each(|user| server.make_inbox(user))?;
                    return Ok(server);
                }
            }
        }
    }
}

/// A running server. Dropping it ends it.
#[derive(Debug)]
pub struct Cyrus {
    port: u16,
    _running: Enclosure,
    // Last, so that the directory outlives the processes.
    _temp: TempDir,
}

impl Cyrus {
    /// A server whose clients see `/` between levels and all mailboxes below INBOX, with no users.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The port for IMAP, without TLS.
    pub fn imap_port(&self) -> u16 {
        self.port
    }

    /// Before that the account has no namespace either.
    fn make_inbox(&self, (name, password): &(String, Vec<u8>)) -> Result<(), TestkitError> {
        let mut user = Oracle::connect(self.port, name, password)?;
        user.create(&["INBOX"])?;
        user.logout()
    }
}

/// The name the server has, and with it its accounts.
const REALM: &str = "cyrus.example.org";

/// Mail and databases are in memory: Cyrus waits for the disk at every message.
const SCRIPT: &str = r#"
dir=$1 uid=$2 gid=$3 realm=$4
install -d -o "$uid" -g "$gid" -m 700 /run/cyrus /run/cyrus/conf /run/cyrus/spool
for password in "$dir"/passwords/*; do
    setpriv --reuid "$uid" --regid "$gid" --clear-groups \
        saslpasswd2 -p -c -f /run/cyrus/sasldb2 -u "$realm" "${password##*/}" <"$password"
done
setpriv --reuid "$uid" --regid "$gid" --clear-groups \
    /usr/lib/cyrus/bin/master -C "$dir/imapd.conf" -M "$dir/cyrus.conf" -p /run/cyrus/master.pid 3<&- &
server=$!
"#;

fn launch(dir: &Path, account: &Account, port: u16) -> Result<Enclosure, TestkitError> {
    let arguments = [
        dir.as_os_str().to_owned(),
        account.uid.to_string().into(),
        account.gid.to_string().into(),
        REALM.into(),
    ];
    let mut running = Enclosure::start(dir, SCRIPT, &arguments)?;
    running.wait_ready(port, b"* OK [CAPABILITY")?;
    Ok(running)
}

fn prepare(dir: &Path, account: &Account, builder: &Builder, port: u16) -> Result<(), TestkitError> {
    let passwords = dir.join("passwords");
    fs::create_dir_all(&passwords).map_err(TestkitError::io(passwords.display().to_string()))?;
    let write = |path: &Path, content: &[u8]| {
        fs::write(path, content).map_err(TestkitError::io(path.display().to_string()))
    };
    for (name, password) in &builder.users {
        write(&passwords.join(name), password)?;
    }
    write(&dir.join("imapd.conf"), settings(account, builder).as_bytes())?;
    write(&dir.join("cyrus.conf"), services(dir, port).as_bytes())
}

fn settings(account: &Account, builder: &Builder) -> String {
    let altnamespace = if builder.altnamespace { "yes" } else { "no" };
    let user = &account.user;
    format!(
        "configdirectory: /run/cyrus/conf
defaultpartition: default
partition-default: /run/cyrus/spool
cyrus_user: {user}
servername: {REALM}
altnamespace: {altnamespace}
unixhierarchysep: yes
allowplaintext: yes
sasl_mech_list: PLAIN LOGIN
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
sasl_sasldb_path: /run/cyrus/sasldb2
autocreate_quota: -1
"
    )
}

fn services(dir: &Path, port: u16) -> String {
    let dir = dir.display();
    format!(
        "START {{
  recover cmd=\"/usr/lib/cyrus/bin/ctl_cyrusdb -C {dir}/imapd.conf -r\"
}}
SERVICES {{
  imap cmd=\"/usr/lib/cyrus/bin/imapd -C {dir}/imapd.conf -U 30\" listen=\"127.0.0.1:{port}\" prefork=0 maxchild=100
}}
EVENTS {{
}}
"
    )
}
