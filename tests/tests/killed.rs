//! Runs that end by `kill -9`, at any moment, any number of times. The next run is the repair.
//!
//! A moment is a point of time, or of progress: so many bytes have come, so many messages are staged or placed, a
//! mailbox is locked. Points of time alone would nearly all lie in the carrying.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::chown;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant, SystemTime};

use transhume_e2e::{Pair, Random, binary, run_complete, wait_until};
use transhume_testkit::{
    AccountView, Body, Fault, FaultProxy, MailboxSpec, MessageSpec, Oracle, compare, snapshot,
};

const USER: &str = "alice";
/// What a round trip takes: it stretches a run, and spreads its parts over time.
const ONE_WAY: Duration = Duration::from_millis(15);
const MESSAGES: u64 = 600;
/// Kills that have to hit a running process.
const KILLS: usize = 50;
const SOURCE_UID_NEXT: u32 = 5_000;

/// 600 messages of mixed sizes in mailboxes of mixed sizes, some with gaps between their UIDs.
fn mailboxes() -> Vec<MailboxSpec> {
    let mut mailboxes = Vec::new();
    let mut seed = 0;
    for (name, count, step) in [
        (&["INBOX"][..], 300_u32, 7),
        (&["Sent"], 200, 1),
        (&["Projekte", "Größe"], 90, 3),
        (&["Projekte", "Alt"], 10, 100),
        (&["Leer"], 0, 1),
    ] {
        let mut mailbox = MailboxSpec::new(name, 1_300_000_000 + count);
        for number in 0..count {
            seed += 1;
            let size = match seed % 40 {
                0 => 90_000,
                1..=5 => 12_000,
                _ => 450 + seed * 5,
            };
            let flags: &[&str] = match number % 5 {
                0 => &["\\Seen"],
                1 => &["\\Flagged", "\\Seen", "$Forwarded"],
                2 => &["\\Answered", "work"],
                _ => &[],
            };
            mailbox.messages.push(MessageSpec {
                uid: 1 + number * step,
                body: Body::Generated { seed, size },
                flags: flags.iter().map(|flag| (*flag).to_owned()).collect(),
                internal_date: 1_300_000_000 + i64::from(number) * 1_000,
            });
        }
        mailbox.uid_next = (name == ["INBOX"]).then_some(SOURCE_UID_NEXT);
        mailboxes.push(mailbox);
    }
    mailboxes
}

/// When a run is killed.
#[derive(Debug)]
enum Moment {
    After(Duration),
    Received(u64),
    /// So many messages wait in `tmp/`.
    Staged(usize),
    /// So many messages are in their mailboxes.
    Placed(usize),
    /// A mailbox is locked, and has been for so long.
    Locked(Duration),
}

/// Whether Dovecot has seen the target before it was complete.
#[derive(Clone, Copy, PartialEq)]
enum Seen {
    Never,
    Earlier,
}

/// What a whole, undisturbed run takes.
#[derive(Debug)]
struct Whole {
    time: Duration,
    bytes: u64,
}

struct Scene {
    pair: Pair,
    proxy: FaultProxy,
    before: AccountView,
    whole: Whole,
    random: Random,
    attempts: usize,
    /// Kills that hit a running process, by the kind of their moment.
    hits: Vec<Moment>,
}

impl Scene {
    fn start(seed: u64) -> Self {
        println!("seed {seed}");
        // Built, where it has to be, before anything is timed.
        binary();
        let pair = Pair::start(USER, &mailboxes());
        let before = pair.old_view();
        assert_eq!(before.message_count() as u64, MESSAGES);
        let proxy = FaultProxy::start(pair.old.imap_port(), Fault::DelayEachWay(ONE_WAY)).unwrap();
        let mut scene = Self {
            pair,
            proxy,
            before,
            whole: Whole {
                time: Duration::ZERO,
                bytes: 0,
            },
            random: Random::new(seed),
            attempts: 0,
            hits: Vec::new(),
        };
        let begun = Instant::now();
        run_complete(&mut scene.pair.command_through(scene.proxy.port()));
        scene.whole = Whole {
            time: begun.elapsed(),
            bytes: scene.proxy.received(),
        };
        println!("{:?}", scene.whole);
        scene.clear();
        scene
    }

    /// An empty target, as an administrator makes it.
    fn clear(&self) {
        let home = self.pair.new.home(USER);
        fs::remove_dir_all(&home).unwrap();
        fs::create_dir(&home).unwrap();
        if let Some((uid, gid)) = self.pair.new.chown_to() {
            chown(&home, Some(uid), Some(gid)).unwrap();
        }
    }

    /// A moment of a run that follows `earlier` others on the same target, so that less is left to be done.
    fn moment(&mut self, earlier: u32) -> Moment {
        let random = &mut self.random;
        let parts = u64::from(earlier) + 1;
        let messages = |random: &mut Random| usize::try_from(random.below(MESSAGES)).unwrap();
        match random.below(8) {
            0..=2 => {
                let micros = u64::try_from(self.whole.time.as_micros()).unwrap();
                Moment::After(Duration::from_micros(random.below(micros / parts)))
            }
            3 | 4 => Moment::Received(random.below(self.whole.bytes / parts)),
            5 => Moment::Staged(messages(random) / 2),
            6 => Moment::Placed(messages(random)),
            _ => Moment::Locked(Duration::from_micros(random.below(20_000))),
        }
    }

    /// Starts a run and kills it at the moment, unless it has ended by then. Says whether it hit.
    fn kill_at(&mut self, moment: Moment) -> bool {
        self.attempts += 1;
        let maildir = self.pair.maildir();
        let received = self.proxy.received();
        let begun = Instant::now();
        let mut locked = None;
        let mut child = self
            .pair
            .command_through(self.proxy.port())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        wait_until("the moment has come, or the run has ended", || {
            let come = match moment {
                Moment::After(time) => begun.elapsed() >= time,
                Moment::Received(bytes) => self.proxy.received() - received >= bytes,
                Moment::Staged(count) => names(&maildir, "tmp").len() >= count,
                Moment::Placed(count) => names(&maildir, "cur").len() >= count,
                Moment::Locked(time) => {
                    if locked.is_none() && !locks(&maildir).is_empty() {
                        locked = Some(Instant::now());
                    }
                    locked.is_some_and(|since| since.elapsed() >= time)
                }
            };
            come || child.try_wait().unwrap().is_some()
        });
        let hit = kill(&mut child);
        println!(
            "{} {moment:?} after {:?}",
            if hit { "killed" } else { "missed" },
            begun.elapsed()
        );
        if hit {
            self.hits.push(moment);
        }
        hit
    }

    /// The run that nobody kills: afterwards all is as if the others had not been. `delivered` are messages that came
    /// to the new INBOX meanwhile, by their content.
    fn completes(&self, delivered: &[&str], seen: Seen) {
        run_complete(&mut self.pair.command());
        let mut after = self.pair.new_view();
        let inbox = after.folder_mut(&["INBOX"]);
        let mut extra: Vec<String> = Vec::new();
        let mut oracle = Oracle::login(&self.pair.new, USER).unwrap();
        oracle.examine(&["INBOX"]).unwrap();
        for uid in inbox.messages.keys().copied().collect::<Vec<_>>() {
            if uid >= SOURCE_UID_NEXT {
                inbox.messages.remove(&uid);
                extra.push(String::from_utf8(oracle.fetch_body(uid).unwrap()).unwrap());
            }
        }
        extra.sort_unstable();
        assert_eq!(
            extra, delivered,
            "what was delivered is there once, above the source's UIDs"
        );
        // I3, I6, I13: nothing lost, nothing twice, the same UIDs.
        let differences: Vec<String> = compare(&self.before, &after)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert!(differences.is_empty(), "{}", differences.join("\n"));
        assert_eq!(self.pair.old_view(), self.before, "the source is as it was");
        self.nothing_is_left_behind(seen);
        // I4
        let json = run_complete(&mut self.pair.command());
        assert_eq!(json["totals"]["carried"], 0, "{json}");
        assert_eq!(json["totals"]["adopted"], 0, "{json}");
    }

    fn nothing_is_left_behind(&self, seen: Seen) {
        let maildir = self.pair.maildir();
        let ours: Vec<String> = names(&maildir, "tmp")
            .into_iter()
            .filter(|name| name.starts_with("transhume."))
            .collect();
        assert_eq!(ours, [""; 0]);
        assert_eq!(locks(&maildir), [""; 0]);
        let beside: BTreeSet<String> = entries(maildir.parent().unwrap()).into_iter().collect();
        assert_eq!(
            beside,
            BTreeSet::from(["Maildir".to_owned(), "Maildir.transhume.db".to_owned()])
        );
        let mut complaints = self.pair.new.log_problems();
        if seen == Seen::Earlier {
            // It had numbered the mailbox by itself, and notes that this is over.
            complaints.retain(|line| {
                !line.contains("Warning: Maildir ") || !line.contains("UIDVALIDITY changed (")
            });
        }
        assert_eq!(complaints, [""; 0]);
    }
}

/// Whether the process still ran.
fn kill(child: &mut Child) -> bool {
    // Fails when it has been waited for: then it has ended by itself.
    let _ = child.kill();
    child.wait().unwrap().signal() == Some(9)
}

/// Lets an hour pass for Dovecot since the mailboxes' directories were changed: what it saw in one lately, it would
/// look at again anyway; of what is old, it believes what it remembers.
fn age(maildir: &Path) {
    let hour_ago = SystemTime::now() - Duration::from_hours(1);
    let mut mailboxes = vec![maildir.to_owned()];
    let names = entries(maildir).into_iter().filter(|name| name.starts_with('.'));
    mailboxes.extend(names.map(|name| maildir.join(name)));
    for mailbox in mailboxes {
        for part in ["cur", "new"] {
            // A run that was killed has not made all of them.
            if let Ok(dir) = fs::File::open(mailbox.join(part)) {
                dir.set_modified(hour_ago).unwrap();
            }
        }
    }
}

/// A client looks at everything that is on the new side by now.
fn look(pair: &Pair) {
    age(&pair.maildir());
    let mut oracle = Oracle::login(&pair.new, USER).unwrap();
    snapshot(&mut oracle).unwrap();
    oracle.logout().unwrap();
}

/// Names in a directory; none while it is not there.
fn entries(dir: &Path) -> Vec<String> {
    let Ok(found) = fs::read_dir(dir) else {
        return Vec::new();
    };
    found
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}

/// Names of all files in the part (`cur`, `tmp`) of all mailboxes.
fn names(maildir: &Path, part: &str) -> Vec<String> {
    let mut found = entries(&maildir.join(part));
    for mailbox in entries(maildir).iter().filter(|name| name.starts_with('.')) {
        found.extend(entries(&maildir.join(mailbox).join(part)));
    }
    found
}

fn locks(maildir: &Path) -> Vec<String> {
    let mut found: Vec<String> = entries(maildir);
    for mailbox in entries(maildir).iter().filter(|name| name.starts_with('.')) {
        found.extend(entries(&maildir.join(mailbox)));
    }
    found.retain(|name| Path::new(name).extension().is_some_and(|end| end == "lock"));
    found
}

/// I5, with a process that cannot defend itself.
#[test]
fn killed_fifty_times() {
    let mut scene = Scene::start(41);
    while scene.hits.len() < KILLS {
        for earlier in 0..5 {
            let moment = scene.moment(earlier);
            if !scene.kill_at(moment) || scene.hits.len() == KILLS {
                break;
            }
        }
        scene.completes(&[], Seen::Never);
        scene.clear();
        assert!(
            scene.attempts < 2 * KILLS,
            "too many runs end before they are killed"
        );
    }
    println!(
        "{} of {} kills hit a running process",
        scene.hits.len(),
        scene.attempts
    );
    // Not only while messages are on their way.
    let kinds: BTreeSet<u8> = scene
        .hits
        .iter()
        .map(|moment| match moment {
            Moment::After(_) => 0,
            Moment::Received(_) => 1,
            Moment::Staged(_) => 2,
            Moment::Placed(_) => 3,
            Moment::Locked(_) => 4,
        })
        .collect();
    assert_eq!(kinds.len(), 5, "{:?}", scene.hits);
}

/// A client that looks before all is there makes Dovecot number what it finds. It does not stay so.
#[test]
fn looked_at_between_kill_and_repair() {
    let mut scene = Scene::start(42);
    for _ in 0..4 {
        for earlier in 0..3 {
            let moment = scene.moment(earlier);
            let hit = scene.kill_at(moment);
            look(&scene.pair);
            if !hit {
                break;
            }
        }
        scene.completes(&[], Seen::Earlier);
        scene.clear();
    }
}

/// Dovecot remembers the numbers of mailboxes in which nothing has changed lately. One that the move leaves as empty as
/// it was has new numbers all the same.
#[test]
fn what_dovecot_remembers_is_replaced() {
    let mailboxes = [
        MailboxSpec::new(&["INBOX"], 1_000),
        MailboxSpec::new(&["Empty"], 2_000),
    ];
    let pair = Pair::start(USER, &mailboxes);
    let mut oracle = Oracle::login(&pair.new, USER).unwrap();
    oracle.create(&["Empty"]).unwrap();
    oracle.logout().unwrap();
    look(&pair);
    run_complete(&mut pair.command());
    let after = pair.new_view();
    for mailbox in mailboxes {
        let name: Vec<&str> = mailbox.name.iter().map(String::as_str).collect();
        assert_eq!(after.folder(&name).uid_validity, mailbox.uid_validity, "{name:?}");
    }
}

/// I7: mail that is delivered on the new side meanwhile stays, once, and takes no UID from the source's messages.
#[test]
fn delivered_to_between_kill_and_repair() {
    let mut scene = Scene::start(43);
    for _ in 0..4 {
        let mut delivered = Vec::new();
        for earlier in 0..3 {
            let moment = scene.moment(earlier);
            let hit = scene.kill_at(moment);
            let text = format!("Subject: delivered after kill {earlier}\r\n\r\nnew\r\n");
            let mut oracle = Oracle::login(&scene.pair.new, USER).unwrap();
            oracle.append(&["INBOX"], &[], None, text.as_bytes()).unwrap();
            oracle.logout().unwrap();
            delivered.push(text);
            if !hit {
                break;
            }
        }
        let delivered: Vec<&str> = delivered.iter().map(String::as_str).collect();
        scene.completes(&delivered, Seen::Earlier);
        scene.clear();
    }
}
