//! A database server's process.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::account::Account;
use crate::error::TestkitError;

const START_DEADLINE: Duration = Duration::from_mins(1);
const STOP_DEADLINE: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(10);

/// Waits until the test program ends, then for the server to end, and removes its directory: a server that a whole
/// program shares is never dropped.
const GUARD: &str = r#"read -r line
kill -QUIT "$1"
left=100
while [ "$left" -gt 0 ] && kill -0 "$1" 2>/dev/null; do
    sleep 0.1
    left=$((left - 1))
done
kill -KILL "$1" 2>/dev/null
rm -rf -- "$2"
"#;

/// A running server. Dropping it ends it at once, and what it holds is lost.
#[derive(Debug)]
pub(super) struct Running {
    server: Child,
    guard: Child,
    log: PathBuf,
}

impl Running {
    /// Starts a server that listens on this port of the loopback, and lives in this directory.
    pub(super) fn start(mut command: Command, dir: &Path, port: u16) -> Result<Self, TestkitError> {
        let log = dir.join("log");
        let output = || File::options().create(true).append(true).open(&log);
        let outputs = output().and_then(|out| Ok((out, output()?)));
        let (stdout, stderr) = outputs.map_err(TestkitError::io(log.display().to_string()))?;
        // A group of its own: Ctrl-C in the terminal must not come before the guard.
        let mut server = command
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(stderr)
            .current_dir("/")
            .process_group(0)
            .spawn()
            .map_err(TestkitError::io("starting a database server"))?;
        let guard = Command::new("sh")
            .args(["-c", GUARD, "guard"])
            .arg(server.id().to_string())
            .arg(dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .current_dir("/")
            .process_group(0)
            .spawn();
        match guard {
            Ok(guard) => Self { server, guard, log }.wait_ready(port),
            Err(source) => {
                let _ = server.kill();
                let _ = server.wait();
                Err(TestkitError::io("starting sh")(source))
            }
        }
    }

    fn wait_ready(mut self, port: u16) -> Result<Self, TestkitError> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let deadline = Instant::now() + START_DEADLINE;
        loop {
            // First, because with the port taken by a stranger the stranger would answer.
            let ended = self.server.try_wait().ok().flatten();
            if ended.is_none() && TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok() {
                return Ok(self);
            }
            if ended.is_some() || Instant::now() > deadline {
                let said = fs::read_to_string(&self.log).unwrap_or_default();
                return Err(TestkitError::Start(format!(
                    "no answer on port {port} ({ended:?})\n{said}"
                )));
            }
            sleep(POLL);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The guard goes first: it knows only a number, which may soon be somebody else's.
        let _ = self.guard.kill();
        let _ = self.guard.wait();
        // To PostgreSQL and MariaDB: end now, without tidying up.
        let _ = kill_process(Pid::from_child(&self.server), Signal::QUIT);
        let start = Instant::now();
        while matches!(self.server.try_wait(), Ok(None)) {
            if start.elapsed() > STOP_DEADLINE {
                let _ = self.server.kill();
            }
            sleep(POLL);
        }
    }
}

/// Who a database server runs as: neither PostgreSQL nor MariaDB wants to be root.
pub(super) fn account() -> Result<Account, TestkitError> {
    if rustix::process::geteuid().is_root() {
        Account::system_user()
    } else {
        Account::current()
    }
}

/// A program of the server's package, as the server's user.
pub(super) fn command(account: &Account, program: &Path) -> Command {
    let mut command = if rustix::process::geteuid().is_root() {
        account.command(program)
    } else {
        Command::new(program)
    };
    // The caller's settings (PGDATA, a pager, a language) are not meant for this server.
    command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    command.env("LC_ALL", "C.UTF-8").current_dir("/");
    command
}

/// Runs a program to its end.
pub(super) fn run(mut command: Command) -> Result<String, TestkitError> {
    let program = command.get_program().display().to_string();
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(TestkitError::io(program.clone()))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = [output.stdout, output.stderr].concat();
    Err(TestkitError::Command {
        program,
        detail: format!("{}\n{}", output.status, String::from_utf8_lossy(&said)),
    })
}
