//! A real Courier for one test: own directory, own port on 127.0.0.1, gone when dropped. It is as Debian
//! configures it: mailboxes below INBOX with `.` between levels, keywords, no login but `LOGIN`.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::account::Account;
use crate::enclosure::Enclosure;
use crate::error::TestkitError;
use crate::place::{free_ports, private_dir};

/// What a [`Courier`] shall be like; see [`Courier::builder`].
#[derive(Debug, Default)]
#[must_use]
pub struct Builder {
    users: Vec<(String, Vec<u8>)>,
}

impl Builder {
    /// Adds an account, with an INBOX.
    pub fn user(mut self, name: &str, password: &str) -> Self {
        self.users.push((name.to_owned(), password.as_bytes().to_vec()));
        self
    }

    /// Starts the server and waits until it answers.
    pub fn start(self) -> Result<Courier, TestkitError> {
        let account = if rustix::process::geteuid().is_root() {
            Account::system_user()?
        } else {
            Account::current()?
        };
        let temp = private_dir()?;
        self.prepare(temp.path(), &account)?;
        let mut tries = 0;
        loop {
            let [port] = free_ports()?;
            match launch(temp.path(), &account, port) {
                // Another process may take a port between our look and the server's start.
                Err(_) if tries < 3 => tries += 1,
                Err(error) => return Err(error),
                Ok(running) => {
                    return Ok(Courier {
                        port,
                        _running: running,
                        _temp: temp,
                    });
                }
            }
        }
    }

    fn prepare(&self, dir: &Path, account: &Account) -> Result<(), TestkitError> {
        let mut directory = String::new();
        for (name, password) in &self.users {
            writeln!(
                directory,
                "{name}\tuid={}|gid={}|home=/run/home/{name}|mail=/run/home/{name}/Maildir|systempw={}",
                account.uid,
                account.gid,
                hash(password)?
            )
            .unwrap();
        }
        let file = dir.join("userdb");
        fs::write(&file, directory).map_err(TestkitError::io(file.display().to_string()))
    }
}

/// A running server. Dropping it ends it.
#[derive(Debug)]
pub struct Courier {
    port: u16,
    _running: Enclosure,
    // Last, so that the directory outlives the processes.
    _temp: TempDir,
}

impl Courier {
    /// A server with no users.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The port for IMAP, without TLS.
    pub fn imap_port(&self) -> u16 {
        self.port
    }
}

/// Its settings come from the files that Debian ships. Mail is in memory, which spares the disk.
const SCRIPT: &str = r#"
dir=$1 uid=$2 gid=$3 port=$4
cp -r /etc/courier /run/etc
cp "$dir/userdb" /run/etc/userdb
sed -i 's/^authmodulelist=.*/authmodulelist="authuserdb"/' /run/etc/authdaemonrc
mount --bind /run/etc /etc/courier
chmod 600 /etc/courier/userdb
makeuserdb
mkdir -p /run/courier/authdaemon
cut -f 1 "$dir/userdb" | while read -r name; do
    for part in "" /Maildir /Maildir/cur /Maildir/new /Maildir/tmp; do
        install -d -o "$uid" -g "$gid" -m 700 "/run/home/$name$part"
    done
done
/usr/lib/courier/courier-authlib/authdaemond 3<&- &
set -a
. /etc/courier/imapd
couriertcpd -address=127.0.0.1 -maxprocs="$MAXDAEMONS" -maxperip="$MAXPERIP" $TCPDOPTS "$port" \
    /usr/lib/courier/courier/imaplogin /usr/bin/imapd "$MAILDIRPATH" 3<&- &
server=$!
"#;

fn launch(dir: &Path, account: &Account, port: u16) -> Result<Enclosure, TestkitError> {
    let arguments = [
        dir.as_os_str().to_owned(),
        account.uid.to_string().into(),
        account.gid.to_string().into(),
        port.to_string().into(),
    ];
    let mut running = Enclosure::start(dir, SCRIPT, &arguments)?;
    running.wait_ready(port, b"* OK [CAPABILITY IMAP4rev1 UIDPLUS")?;
    Ok(running)
}

/// The password as Courier's directory keeps it.
fn hash(password: &[u8]) -> Result<String, TestkitError> {
    let failed = || TestkitError::io("openssl passwd");
    let mut openssl = Command::new("openssl")
        .args(["passwd", "-5", "-stdin"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(failed())?;
    if let Some(mut stdin) = openssl.stdin.take() {
        stdin.write_all(password).map_err(failed())?;
    }
    let output = openssl.wait_with_output().map_err(failed())?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
