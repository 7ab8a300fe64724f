//! The server's processes.

use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group, test_kill_process_group};

use super::Dovecot;
use crate::error::TestkitError;
use crate::place::answers;

const START_DEADLINE: Duration = Duration::from_secs(30);
/// How long the server may take to stop by itself before its processes are told one by one, and then
/// ended. A session that waits for its client would take half a minute.
const STOP_GRACE: Duration = Duration::from_millis(700);
const STOP_DEADLINE: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(10);

/// The master process with all it started.
#[derive(Debug)]
pub(super) struct Running {
    master: Child,
    guard: Child,
}

impl Running {
    pub(super) fn start(server: &Dovecot) -> Result<Self, TestkitError> {
        let errors = server.dir.join("start.err");
        let stderr = File::create(&errors).map_err(TestkitError::io(errors.display().to_string()))?;
        let log_before = server.log().len();
        let mut command = server.command("dovecot")?;
        command.arg("-F").arg("-c").arg(server.config_path());
        // An inherited output would keep a pipe of the test's caller open. The own process group makes
        // it possible to see when the last child is gone.
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(stderr)
            .process_group(0);
        let master = command.spawn().map_err(TestkitError::io("starting dovecot"))?;
        let guard = match guard(master.id()) {
            Ok(guard) => guard,
            Err(error) => {
                end_group(master);
                return Err(error);
            }
        };
        let mut running = Self { master, guard };
        match running.wait_ready(server) {
            Ok(()) => Ok(running),
            Err(reason) => {
                running.stop();
                let said = fs::read_to_string(&errors).unwrap_or_default();
                let log = server.log();
                let log = log.get(log_before..).unwrap_or_default();
                Err(TestkitError::Start(format!("{reason}\n{said}{log}")))
            }
        }
    }

    fn wait_ready(&mut self, server: &Dovecot) -> Result<(), String> {
        let ports = &server.ports;
        let mut waiting: Vec<(u16, &[u8])> =
            vec![(ports.imap, b"* OK"), (ports.pop3, b"+OK"), (ports.lmtp, b"220")];
        waiting.extend(ports.imaps.map(|port| (port, b"".as_slice())));
        let deadline = Instant::now() + START_DEADLINE;
        loop {
            // First, because with the port taken by a stranger the stranger would answer.
            if let Ok(Some(status)) = self.master.try_wait() {
                return Err(format!("it ended with {status}"));
            }
            waiting.retain(|(port, greeting)| !answers(*port, greeting));
            if waiting.is_empty() {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(format!("no answer on {waiting:?} after {START_DEADLINE:?}"));
            }
            sleep(POLL);
        }
    }

    pub(super) fn stop(mut self) {
        // The guard goes first: it knows only a number, which may soon be somebody else's.
        let _ = self.guard.kill();
        let _ = self.guard.wait();
        end_group(self.master);
    }
}

/// Ends the server when this test program dies without cleaning up: the pipe to it then closes.
fn guard(master: u32) -> Result<Child, TestkitError> {
    Command::new("sh")
        .args(["-c", "read -r line; kill -TERM \"$1\"", "guard"])
        .arg(master.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .current_dir("/")
        .process_group(0)
        .spawn()
        .map_err(TestkitError::io("starting sh"))
}

fn end_group(mut master: Child) {
    let pid = Pid::from_child(&master);
    let _ = kill_process(pid, Signal::TERM);
    let start = Instant::now();
    let mut stronger = vec![Signal::KILL, Signal::TERM];
    loop {
        let ended = matches!(master.try_wait(), Ok(Some(_)) | Err(_));
        let left = living(pid);
        if (ended && left.is_empty()) || start.elapsed() > STOP_DEADLINE {
            return;
        }
        // When all work is done the logger still waits for a second, in case somebody has more to say.
        if left.iter().all(|name| name == "dovecot" || name == "log") {
            let _ = kill_process_group(pid, Signal::KILL);
        }
        let sent = 2 - u32::try_from(stronger.len()).unwrap();
        if start.elapsed() > STOP_GRACE * (sent + 1)
            && let Some(signal) = stronger.pop()
        {
            let _ = kill_process_group(pid, signal);
        }
        sleep(POLL);
    }
}

/// Names of the processes of this group that still run. Zombies do not count: who collects them is not
/// our doing.
fn living(group: Pid) -> Vec<String> {
    if test_kill_process_group(group).is_err() {
        return Vec::new();
    }
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let wanted = group.as_raw_nonzero().to_string();
    entries
        .flatten()
        .filter(|entry| {
            entry
                .file_name()
                .to_str()
                .is_some_and(|name| name.bytes().all(|byte| byte.is_ascii_digit()))
        })
        .filter_map(|entry| fs::read_to_string(entry.path().join("stat")).ok())
        .filter_map(|stat| name_in_group(&stat, &wanted).map(str::to_owned))
        .collect()
}

/// `pid (name) state ppid pgrp ...`, where the name may hold anything.
fn name_in_group<'a>(stat: &'a str, group: &str) -> Option<&'a str> {
    let (head, rest) = stat.rsplit_once(')')?;
    let (_, name) = head.split_once('(')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    (fields.get(2) == Some(&group) && fields.first() != Some(&"Z")).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_process_table() {
        assert_eq!(name_in_group("12 (a) b) S 1 34 5", "34"), Some("a) b"));
        assert_eq!(name_in_group("12 (a) Z 1 34 5", "34"), None);
        assert_eq!(name_in_group("12 (a) S 34 35 5", "34"), None);
    }
}
