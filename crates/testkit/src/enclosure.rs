//! Runs a server from the unpacked packages as if they were installed: in namespaces of its own, where
//! they lie over the machine's `/usr` and `/etc`. Paths that are built into the programs are then right,
//! and nobody else sees any of it.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::error::TestkitError;
use crate::place::answers;
use crate::unpacked;

const START_DEADLINE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(10);

/// The first process of the namespaces: when it ends, the system ends all others in them.
const BEGIN: &str = r#"set -eu
cd "$1"
shift
mount -t overlay -o lowerdir=usr:/usr overlay /usr
mount -t overlay -o lowerdir=etc:/etc overlay /etc
mount -t tmpfs tmpfs /run
cd /
exec 3<&0 </dev/null
"#;

/// It ends with the server, or with the pipe to the test: also when that dies without cleaning up.
const END: &str = r#"
{ read -r line <&3 || kill -KILL "$server"; } &
exec 3<&-
wait "$server"
"#;

/// A running server with everything it started. Dropping it ends them all.
#[derive(Debug)]
pub(crate) struct Enclosure {
    first: Child,
    log: PathBuf,
}

impl Enclosure {
    /// Runs a shell script, as root, that starts the server in the background and leaves its process id
    /// in `server`. What it writes goes to `log` in `dir`.
    pub(crate) fn start(
        dir: &Path,
        script: &str,
        arguments: &[impl AsRef<OsStr>],
    ) -> Result<Self, TestkitError> {
        let root = unpacked::root()?;
        let log = dir.join("log");
        let output = || File::options().create(true).append(true).open(&log);
        let outputs = output().and_then(|out| Ok((out, output()?)));
        let (stdout, stderr) = outputs.map_err(TestkitError::io(log.display().to_string()))?;
        let mut line = vec!["unshare", "--mount", "--pid", "--fork", "--", "sh", "-c"];
        if !rustix::process::geteuid().is_root() {
            line.splice(0..0, ["sudo", "-n"]);
        }
        let first = Command::new(line[0])
            .args(&line[1..])
            .args([format!("{BEGIN}{script}{END}").as_str(), "enclosure"])
            .arg(root)
            .args(arguments)
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .stdin(Stdio::piped())
            .stdout(stdout)
            .stderr(stderr)
            .current_dir("/")
            .spawn()
            .map_err(TestkitError::io(format!("starting {}", line[0])))?;
        Ok(Self { first, log })
    }

    /// Waits until a server greets on this port with these words.
    pub(crate) fn wait_ready(&mut self, port: u16, greeting: &[u8]) -> Result<(), TestkitError> {
        let deadline = Instant::now() + START_DEADLINE;
        loop {
            // First, because with the port taken by a stranger the stranger would answer.
            let ended = self.first.try_wait().ok().flatten();
            if ended.is_none() && answers(port, greeting) {
                return Ok(());
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

impl Drop for Enclosure {
    fn drop(&mut self) {
        drop(self.first.stdin.take());
        // It ends after all others in its namespaces.
        let _ = self.first.wait();
    }
}
