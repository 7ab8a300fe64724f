//! A real Postfix for one test: own directory, own port on 127.0.0.1, gone when dropped. Only root can run one.

use std::fmt::Write as _;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::error::TestkitError;
use crate::packages;
use crate::place::{answers, free_ports, private_dir};

const START_DEADLINE: Duration = Duration::from_secs(30);
const DELIVERY_DEADLINE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(20);

/// Stops the server when the test program ends, in whatever way, or lets go of it: the pipe to it then closes.
const GUARD: &str = r#"read -r line
postfix -c "$1" stop >/dev/null 2>&1 || postfix -c "$1" abort >/dev/null 2>&1
"#;

/// Everything but the listener runs as on Debian; smtpd in its chroot, as Debian has it.
const SERVICES: &str = "pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
";

/// A server, or the place for one.
#[derive(Debug)]
pub struct Postfix {
    port: u16,
    guard: Option<Child>,
    // Last, so that the directory outlives the processes.
    temp: TempDir,
}

impl Postfix {
    /// Makes the place: [`Postfix::queue`] is there, nothing runs yet.
    pub fn prepare() -> Result<Self, TestkitError> {
        packages::require_all()?;
        if !rustix::process::geteuid().is_root() {
            return Err(TestkitError::Start("only root can run Postfix".to_owned()));
        }
        let temp = private_dir()?;
        let dir = temp.path();
        let make = || {
            fs::set_permissions(dir, Permissions::from_mode(0o755))?;
            for name in ["etc", "queue", "data"] {
                fs::create_dir(dir.join(name))?;
                fs::set_permissions(dir.join(name), Permissions::from_mode(0o755))?;
            }
            Ok(())
        };
        make().map_err(TestkitError::io(dir.display().to_string()))?;
        run("chown", &[Path::new("postfix"), &dir.join("data")])?;
        let [port] = free_ports()?;
        let server = Self {
            port,
            guard: None,
            temp,
        };
        server.configure("")?;
        // Makes the folders below the queue.
        server.postfix("check")?;
        Ok(server)
    }

    /// Starts the server with settings as `main.cf` has them, and waits until it answers.
    pub fn start(&mut self, settings: &str) -> Result<(), TestkitError> {
        self.configure(settings)?;
        self.postfix("start")?;
        let guard = Command::new("sh")
            .args(["-c", GUARD, "guard"])
            .arg(self.etc())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .current_dir("/")
            .process_group(0)
            .spawn()
            .map_err(TestkitError::io("starting sh"))?;
        self.guard = Some(guard);
        let deadline = Instant::now() + START_DEADLINE;
        while !answers(self.port, b"220") {
            if Instant::now() > deadline {
                return Err(TestkitError::Start(self.log()));
            }
            sleep(POLL);
        }
        Ok(())
    }

    /// The port of SMTP.
    pub fn smtp_port(&self) -> u16 {
        self.port
    }

    /// The folder of the queue; what other servers offer to Postfix lies in `private` below it.
    pub fn queue(&self) -> PathBuf {
        self.temp.path().join("queue")
    }

    /// The folder of the configuration, for programs that take `-c`.
    pub fn etc(&self) -> PathBuf {
        self.temp.path().join("etc")
    }

    /// The whole log.
    pub fn log(&self) -> String {
        fs::read_to_string(self.temp.path().join("log")).unwrap_or_default()
    }

    /// Asks a map, as `TYPE:FILE`, for a key. `None` where it has nothing; an error is an error of the map.
    pub fn look_up(&self, map: &str, key: &str) -> Result<Option<String>, TestkitError> {
        let output = Command::new("postmap")
            .arg("-c")
            .arg(self.etc())
            .args(["-q", key, map])
            .output()
            .map_err(TestkitError::io("postmap"))?;
        let said = String::from_utf8_lossy(&output.stdout).trim_end().to_owned();
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.success() {
            return Ok(Some(said));
        }
        if complaint.is_empty() {
            return Ok(None);
        }
        Err(TestkitError::Command {
            program: "postmap".to_owned(),
            detail: complaint,
        })
    }

    /// Waits until nothing is in the queue any more.
    pub fn wait_for_delivery(&self) -> Result<(), TestkitError> {
        let deadline = Instant::now() + DELIVERY_DEADLINE;
        loop {
            let output = Command::new("postqueue")
                .arg("-c")
                .arg(self.etc())
                .arg("-p")
                .output()
                .map_err(TestkitError::io("postqueue"))?;
            if String::from_utf8_lossy(&output.stdout).contains("queue is empty") {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(TestkitError::Protocol(format!(
                    "still in the queue:\n{}",
                    self.log()
                )));
            }
            sleep(POLL);
        }
    }

    fn configure(&self, settings: &str) -> Result<(), TestkitError> {
        let dir = self.temp.path().display();
        let mut main = format!(
            "compatibility_level = 3.6
queue_directory = {dir}/queue
data_directory = {dir}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = mx.example.net
mydestination =
mynetworks = 127.0.0.2/32
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
alias_database =
local_recipient_maps =
smtp_dns_support_level = disabled
unverified_recipient_reject_code = 550
maillog_file = {dir}/log
maillog_file_prefixes = {dir}
notify_classes =
"
        );
        main.push_str(settings);
        let mut master = String::new();
        let _ = writeln!(master, "127.0.0.1:{} inet n - y - - smtpd", self.port);
        master.push_str(SERVICES);
        for (name, text) in [("main.cf", main), ("master.cf", master)] {
            let path = self.etc().join(name);
            fs::write(&path, text).map_err(TestkitError::io(path.display().to_string()))?;
        }
        Ok(())
    }

    fn postfix(&self, verb: &str) -> Result<(), TestkitError> {
        run("postfix", &[Path::new("-c"), &self.etc(), Path::new(verb)])
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        if let Some(mut guard) = self.guard.take() {
            drop(guard.stdin.take());
            let _ = guard.wait();
        }
    }
}

fn run(program: &str, arguments: &[&Path]) -> Result<(), TestkitError> {
    let output = Command::new(program)
        .args(arguments)
        // The server inherits them, and would keep a pipe of the caller open.
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .map_err(TestkitError::io(program))?;
    if output.success() {
        return Ok(());
    }
    Err(TestkitError::Command {
        program: program.to_owned(),
        detail: format!("{arguments:?}: {output}"),
    })
}
