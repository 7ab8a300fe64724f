//! A week of hourly passes over a mailbox in use, as its owner's programs see it.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use transhume_e2e::{PASSWORD, Pair, Random, run_complete, wait_until};
use transhume_testkit::Oracle;

use crate::mail::{rows, text};

const HOURS: u32 = 168;
/// Letters that are there in the beginning.
const FIRST: u32 = 40;

/// A program that waits for news (IDLE, RFC 2177) and writes down all that it is told.
struct Waiting {
    stream: TcpStream,
    heard: Arc<Mutex<Vec<String>>>,
    reader: JoinHandle<()>,
}

impl Waiting {
    fn begin(pair: &Pair) -> Self {
        let mut stream = TcpStream::connect(("127.0.0.1", pair.new.imap_port())).unwrap();
        let login = format!(
            "a LOGIN {} {{{}+}}\r\n{PASSWORD}\r\nb SELECT INBOX\r\nc IDLE\r\n",
            pair.user,
            PASSWORD.len()
        );
        stream.write_all(login.as_bytes()).unwrap();
        let heard: Arc<Mutex<Vec<String>>> = Arc::default();
        let (lines, told) = (
            BufReader::new(stream.try_clone().unwrap()).lines(),
            Arc::clone(&heard),
        );
        let reader = std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                told.lock().unwrap().push(line);
            }
        });
        let waiting = Self {
            stream,
            heard,
            reader,
        };
        wait_until("it waits", || waiting.count("+ idling") == 1);
        waiting
    }

    /// Lines with these words so far.
    fn count(&self, words: &str) -> usize {
        let heard = self.heard.lock().unwrap();
        heard.iter().filter(|line| line.contains(words)).count()
    }

    fn end(mut self) -> Vec<String> {
        self.stream.write_all(b"DONE\r\nd LOGOUT\r\n").unwrap();
        self.reader.join().unwrap();
        self.heard.lock().unwrap().clone()
    }
}

/// What a program that was closed meanwhile finds again: under one UIDVALIDITY, UIDs and their letters.
#[derive(Default)]
struct Cache {
    uid_validity: u32,
    letters: BTreeMap<u32, String>,
    highest: u32,
}

impl Cache {
    fn compare(&mut self, client: &mut Oracle, removed: &[u32]) {
        let uid_validity = client.select(&["INBOX"]).unwrap().uid_validity;
        assert!(self.uid_validity == 0 || self.uid_validity == uid_validity);
        self.uid_validity = uid_validity;
        let now: BTreeMap<u32, String> = rows(client, "INBOX")
            .into_iter()
            .map(|row| (row.uid, row.subject))
            .collect();
        for (uid, letter) in &self.letters {
            match now.get(uid) {
                Some(other) => assert_eq!(letter, other, "UID {uid}"),
                None => assert!(removed.contains(uid), "{letter} (UID {uid}) has vanished"),
            }
        }
        for uid in now.keys().filter(|uid| !self.letters.contains_key(uid)) {
            assert!(*uid > self.highest, "UID {uid} came below {}", self.highest);
        }
        self.highest = now.keys().copied().max().unwrap_or(0).max(self.highest);
        self.letters = now;
    }
}

pub(crate) fn pass() {
    let pair = Pair::start("bea", &[]);
    let mut random = Random::new(7);
    let mut old = Oracle::login(&pair.old, &pair.user).unwrap();
    for number in 0..FIRST {
        old.append(&["INBOX"], &[], None, &text(&format!("first{number}")))
            .unwrap();
    }
    run_complete(&mut pair.command());
    let mut owner = Oracle::login(&pair.new, &pair.user).unwrap();
    let mut cache = Cache::default();
    cache.compare(&mut owner, &[]);
    let waiting = Waiting::begin(&pair);
    let mut removed = Vec::new();
    let mut arrived = FIRST;
    for hour in 0..HOURS {
        for number in 0..random.below(3) {
            old.append(&["INBOX"], &[], None, &text(&format!("h{hour}-{number}")))
                .unwrap();
            arrived += 1;
        }
        old.select(&["INBOX"]).unwrap();
        let flagged = random.below(u64::from(arrived)) + 1;
        old.ok(&format!("STORE {flagged} +FLAGS.SILENT (\\Seen)"))
            .unwrap();
        if hour % 5 == 0 {
            // Of what the waiting program has seen: what comes and goes between two words is not told.
            let uids: Vec<u32> = cache
                .letters
                .keys()
                .copied()
                .filter(|uid| *uid <= FIRST)
                .collect();
            let at = usize::try_from(random.below(uids.len() as u64)).unwrap();
            owner
                .store(&uids[at].to_string(), "+FLAGS", &["\\Flagged"])
                .unwrap();
            if hour % 10 == 0 {
                owner.expunge(&uids[at].to_string()).unwrap();
                removed.push(uids[at]);
            }
        }
        run_complete(&mut pair.command());
        cache.compare(&mut owner, &removed);
    }
    old.append(&["INBOX"], &[], None, &text("the last")).unwrap();
    run_complete(&mut pair.command());
    cache.compare(&mut owner, &removed);
    assert_eq!(cache.letters.len(), arrived as usize + 1 - removed.len());
    let expected = format!("* {} EXISTS", cache.letters.len());
    wait_until("it has heard of all that came", || {
        waiting.count("EXPUNGE") >= removed.len() && waiting.count(&expected) > 0
    });
    let heard = waiting.end();
    let expunges = heard.iter().filter(|line| line.contains("EXPUNGE")).count();
    assert_eq!(
        expunges,
        removed.len(),
        "letters that nobody removed went: {heard:#?}"
    );
    assert!(
        !heard
            .iter()
            .any(|line| line.contains("BYE") && !line.contains("Logging out")),
        "{heard:#?}"
    );
    assert_eq!(pair.new.log_problems(), Vec::<String>::new());
}
