//! The new side cannot be written: no room, no right, no place.

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use transhume_e2e::{Pair, binary, run};
use transhume_testkit::{Fault, FaultProxy};

use super::{BIG, Scene, USER, fails, is_root, make_home};

/// Mounts that only this test sees, and that end with it. An ordinary user is root there, of its own files.
struct Mounts {
    holder: Child,
    as_root: bool,
}

impl Mounts {
    fn new(pair: &Pair) -> Self {
        let as_root = is_root(pair);
        let mut unshare = Command::new("unshare");
        if !as_root {
            unshare.args(["--user", "--map-root-user"]);
        }
        unshare.args([
            "--mount",
            "--propagation",
            "private",
            "sh",
            "-c",
            "echo ready; read -r line",
        ]);
        let mut holder = unshare
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut out = BufReader::new(holder.stdout.take().unwrap());
        out.read_line(&mut line).unwrap();
        assert_eq!(
            line, "ready\n",
            "this test mounts file systems: run it as root, or allow ordinary users their own namespaces"
        );
        Self { holder, as_root }
    }

    /// A program that sees the mounts, with arguments and environment of `command`.
    fn within(&self, command: &Command) -> Command {
        let mut entered = Command::new("nsenter");
        entered
            .arg(format!("--target={}", self.holder.id()))
            .arg("--mount");
        if !self.as_root {
            entered.args(["--user", "--preserve-credentials"]);
        }
        entered
            .arg("--")
            .arg(command.get_program())
            .args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => entered.env(name, value),
                None => entered.env_remove(name),
            };
        }
        entered
    }

    /// The move as `command` has it, by who is root there.
    fn run(&self, pair: &Pair, command: &Command) -> Command {
        let mut entered = self.within(command);
        entered.arg("--owner").arg(self.owner(pair));
        entered
    }

    fn owner(&self, pair: &Pair) -> String {
        let (uid, gid) = if self.as_root {
            pair.new.mail_owner()
        } else {
            (0, 0)
        };
        format!("{uid}:{gid}")
    }

    fn sh(&self, script: &str, arguments: &[&Path]) {
        let mut sh = Command::new("sh");
        sh.args(["-ec", script, "sh"]).args(arguments);
        let output = self.within(&sh).output().unwrap();
        assert!(output.status.success(), "{script}: {output:?}");
    }
}

impl Drop for Mounts {
    fn drop(&mut self) {
        // Its end of input: the shell ends, and with it what it had mounted.
        if let Some(mut input) = self.holder.stdin.take() {
            let _ = input.write_all(b"\n");
        }
        let _ = self.holder.wait();
    }
}

/// A small disk at the account's home, so full that the move cannot end.
struct SmallDisk<'a> {
    scene: &'a Scene,
    mounts: Mounts,
    home: PathBuf,
}

impl<'a> SmallDisk<'a> {
    fn new(scene: &'a Scene, options: &str) -> Self {
        let mounts = Mounts::new(&scene.pair);
        let home = scene.pair.new.home(USER);
        let owner = mounts.owner(&scene.pair);
        let script =
            format!("mount -t tmpfs -o {options} none \"$1\"; chown {owner} \"$1\"; chmod 700 \"$1\"");
        mounts.sh(&script, &[&home]);
        Self { scene, mounts, home }
    }

    /// Makes room, runs again, and brings the result to where Dovecot sees it.
    fn completes_with_room(self, command: &Command) {
        let Self { scene, mounts, home } = self;
        // With its source named, too: else the options that it was mounted with are given again, and an ordinary
        // user may not give them.
        mounts.sh(
            "mount -t tmpfs -o remount,size=64m,nr_inodes=10000 none \"$1\"",
            &[&home],
        );
        let (code, json, stderr) = run(&mut mounts.run(&scene.pair, command));
        assert_eq!(code, 0, "{json}\n{stderr}");
        let copy = home.with_extension("copy");
        mounts.sh("cp -a \"$1\" \"$2\"", &[&home, &copy]);
        drop(mounts);
        fs::remove_dir_all(&home).unwrap();
        fs::rename(&copy, &home).unwrap();
        scene.pair.assert_same();
        assert_eq!(scene.pair.old_view(), scene.before);
        scene.clear();
    }
}

/// I3, whatever it is for which there is no room: the state file, a message, a list.
#[test]
fn a_full_disk() {
    let scene = Scene::start();
    for options in [
        "size=4k",
        "size=16k",
        "size=40k",
        "size=80k",
        "size=160k",
        "size=400k",
        "size=840k",
        "nr_inodes=12",
        "nr_inodes=30",
    ] {
        let disk = SmallDisk::new(&scene, options);
        let command = scene.pair.command();
        let mut run = disk.mounts.run(&scene.pair, &command);
        println!(
            "{options}: {}",
            fails(
                &mut run,
                7,
                &["is full", "Make room", "run the same command again"]
            )
        );
        disk.completes_with_room(&command);
    }
}

/// The messages have room, and the state file has none.
#[test]
fn a_full_disk_for_the_state_alone() {
    let scene = Scene::start();
    let mounts = Mounts::new(&scene.pair);
    let dir = tempfile::tempdir().unwrap();
    for size in ["4k", "40k", "64k"] {
        mounts.sh(
            &format!("mount -t tmpfs -o size={size} none \"$1\""),
            &[dir.path()],
        );
        let mut command = scene.pair.command();
        command.arg("--state").arg(dir.path().join("state.db"));
        fails(
            &mut mounts.run(&scene.pair, &command),
            7,
            &["is full", "Make room"],
        );
        mounts.sh("mount -t tmpfs -o remount,size=64m none \"$1\"", &[dir.path()]);
        scene.completes(&mut mounts.run(&scene.pair, &command));
        mounts.sh("umount \"$1\"", &[dir.path()]);
        scene.clear();
    }
}

#[test]
fn a_file_system_that_is_mounted_read_only() {
    let scene = Scene::start();
    let mounts = Mounts::new(&scene.pair);
    let home = scene.pair.new.home(USER);
    let command = scene.pair.command();
    for half_done in [false, true] {
        if half_done {
            let cut = Fault::CutAfter(BIG / 2);
            let proxy = FaultProxy::start(scene.pair.old.imap_port(), cut).unwrap();
            fails(
                scene.pair.command_through(proxy.port()).args(["--retries", "0"]),
                5,
                &[],
            );
        }
        mounts.sh(
            "mount --bind \"$1\" \"$1\"; mount -o remount,bind,ro \"$1\"",
            &[&home],
        );
        let words = ["read-only", "Mount it writable", "run the same command again"];
        fails(&mut mounts.run(&scene.pair, &command), 7, &words);
        mounts.sh("mount -o remount,bind,rw \"$1\"", &[&home]);
        scene.completes(&mut mounts.run(&scene.pair, &command));
        mounts.sh("umount \"$1\"", &[&home]);
        scene.clear();
    }
}

#[test]
fn a_home_that_is_not_there() {
    let scene = Scene::start();
    let home = scene.pair.new.home(USER);
    fs::remove_dir(&home).unwrap();
    let (uid, gid) = scene.pair.new.mail_owner();
    let owner = format!("{uid}:{gid}");
    for arguments in [vec![], vec!["--owner", owner.as_str()]] {
        let mut command = scene.pair.command();
        let words = [home.to_str().unwrap(), "install -d -o vmail", "or correct --to"];
        fails(command.args(arguments), 7, &words);
        assert!(!home.exists());
    }
    make_home(&scene.pair);
    scene.completes(&mut scene.pair.command());
}

/// Files that belong to root are of no use to Dovecot. An ordinary user is root in a namespace of its own.
#[test]
fn a_home_that_belongs_to_root() {
    let scene = Scene::start();
    let home = scene.pair.new.home(USER);
    let mut command = scene.pair.command();
    let mounts = Mounts::new(&scene.pair);
    let owner = if is_root(&scene.pair) {
        chown(&home, Some(0), Some(0)).unwrap();
        let (uid, gid) = scene.pair.new.mail_owner();
        format!("{uid}:{gid}")
    } else {
        command = mounts.within(&command);
        "0:0".to_owned()
    };
    fails(
        &mut command,
        2,
        &[
            "belongs to root",
            "Dovecot never serves mail as root",
            "--owner vmail",
        ],
    );
    assert_eq!(fs::read_dir(&home).unwrap().count(), 0);
    // Dovecot has to come through the home; it is root's all the same.
    fs::set_permissions(&home, Permissions::from_mode(0o755)).unwrap();
    scene.completes(command.args(["--owner", &owner]));
}

/// As the user that the mail belongs to, who may not write there.
#[test]
fn a_home_that_may_not_be_written() {
    let scene = Scene::start();
    let home = scene.pair.new.home(USER);
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
    // Where it was built, others may not be let in.
    let program = dir.path().join("transhume");
    fs::copy(binary(), &program).unwrap();
    let command = |scene: &Scene| {
        let command = scene.pair.command();
        let mut own = Command::new(&program);
        if is_root(&scene.pair) {
            let (uid, gid) = scene.pair.new.mail_owner();
            own = Command::new("setpriv");
            own.arg(format!("--reuid={uid}")).arg(format!("--regid={gid}"));
            own.arg("--clear-groups").arg("--").arg(&program);
        }
        own.args(command.get_args());
        for (name, value) in command.get_envs() {
            own.env(name, value.unwrap_or_default());
        }
        own
    };
    for (mode, maildir) in [(0o500, false), (0o000, false), (0o500, true)] {
        let path = if maildir {
            scene.pair.maildir()
        } else {
            home.clone()
        };
        if maildir {
            // Half done: to go on, something has to be entered there.
            let cut = Fault::CutAfter(BIG / 2);
            let proxy = FaultProxy::start(scene.pair.old.imap_port(), cut).unwrap();
            fails(
                scene.pair.command_through(proxy.port()).args(["--retries", "0"]),
                5,
                &[],
            );
        }
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        let words = ["may not be written", "as root, or as the user that owns the mail"];
        fails(&mut command(&scene), 7, &words);
        fs::set_permissions(&path, Permissions::from_mode(0o700)).unwrap();
        scene.completes(&mut command(&scene));
        scene.clear();
    }
}
