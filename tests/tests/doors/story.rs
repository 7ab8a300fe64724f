//! The whole of it: from the first logins at an old platform's doors to the day on which its server is switched off.

use std::collections::BTreeMap;

use serde_json::Value;
use transhume_e2e::{PASSWORD, wait_until};
use transhume_testkit::Oracle;
use transhume_testkit::oracle::Line;

use crate::clients::{Imap, Pop3, http_login, smtp_login};
use crate::place::Place;

const PEOPLE: [&str; 10] = [
    "ada@old.example",
    "ben@old.example",
    "cleo@old.example",
    "dan@old.example",
    "eli@old.example",
    "fay@old.example",
    "gus@old.example",
    "hal@old.example",
    "ivy@old.example",
    "jon@old.example",
];

/// What a mail program remembers of a mailbox, to fetch only what it does not have: UIDVALIDITY, and the texts by their UIDs.
#[derive(Debug, Default, PartialEq, Eq)]
struct Cache {
    uid_validity: u32,
    texts: BTreeMap<u32, Vec<u8>>,
}

impl Cache {
    /// Brings it up to date, as mail programs do: by UID, as long as UIDVALIDITY is the same. Gives how many texts were fetched.
    fn synchronise(&mut self, place: &Place, user: &str, password: &str) -> usize {
        let mut session = Oracle::connect(place.imap_port(), user, password.as_bytes())
            .unwrap_or_else(|error| panic!("{user}: {error}\n{}", place.logs()));
        let uid_validity = session.select(&["INBOX"]).unwrap().uid_validity;
        if self.uid_validity != uid_validity {
            *self = Self {
                uid_validity,
                texts: BTreeMap::new(),
            };
        }
        let there = uids(&mut session);
        self.texts.retain(|uid, _| there.contains(uid));
        let missing: Vec<u32> = there
            .into_iter()
            .filter(|uid| !self.texts.contains_key(uid))
            .collect();
        for uid in &missing {
            self.texts.insert(*uid, session.fetch_body(*uid).unwrap());
        }
        missing.len()
    }
}

fn uids(session: &mut Oracle) -> Vec<u32> {
    let lines = session.ok("UID SEARCH ALL").unwrap();
    let found = lines.iter().map(Line::text);
    let found = found.filter_map(|line| Some(line.strip_prefix("* SEARCH")?.to_owned()));
    found
        .flat_map(|line| {
            line.split_whitespace()
                .map(|uid| uid.parse().unwrap())
                .collect::<Vec<_>>()
        })
        .collect()
}

fn count(place: &Place, phase: &str) -> String {
    place.sql(&format!("SELECT count(*) FROM migration WHERE phase = '{phase}'"))
}

/// New mail on the old server.
fn arrives_there(place: &Place, user: &str, text: &str) {
    let mut session = Oracle::connect(place.old.imap_port(), user, PASSWORD.as_bytes()).unwrap();
    session
        .append(
            &["INBOX"],
            &[],
            None,
            format!("Subject: {text}\r\n\r\nHello.\r\n").as_bytes(),
        )
        .unwrap();
    session.logout().unwrap();
}

/// Flags are set and taken away again on the old server.
fn changes_often_there(place: &Place, user: &str) {
    let mut session = Oracle::connect(place.old.imap_port(), user, PASSWORD.as_bytes()).unwrap();
    session.ok("ENABLE CONDSTORE").unwrap();
    session.select(&["INBOX"]).unwrap();
    for _ in 0..15 {
        session.ok("STORE 1 +FLAGS.SILENT (\\Flagged)").unwrap();
        session.ok("STORE 1 -FLAGS.SILENT (\\Flagged)").unwrap();
    }
    session.logout().unwrap();
}

/// How far the server that somebody comes to has counted the changes of their INBOX (RFC 7162 section 3.1.7).
fn mod_seq(place: &Place, user: &str) -> u64 {
    let mut session = Oracle::connect(place.imap_port(), user, PASSWORD.as_bytes()).unwrap();
    let lines = session.ok("STATUS INBOX (HIGHESTMODSEQ)").unwrap();
    let found = lines.iter().map(Line::text);
    let found = found.filter_map(|line| {
        Some(
            line.split_once("HIGHESTMODSEQ ")?
                .1
                .trim_end_matches(')')
                .to_owned(),
        )
    });
    let found: Vec<String> = found.collect();
    found[0].parse().unwrap()
}

/// Logins that the old server has seen.
fn logins_there(place: &Place, user: &str) -> usize {
    place.old.log().matches(&format!("Login: user=<{user}>")).count()
        + place.old.log().matches(&format!("user=<{user}>, method")).count()
}

/// The week after the cut-over, for the last of them.
fn late_mail_is_swept(place: &Place, cache: &mut Cache) {
    let (user, other) = (PEOPLE[9], PEOPLE[1]);
    // What came late is swept up, and nobody's login asks the old server.
    arrives_there(place, user, "late");
    place.transhume(&["migration", "retry", user]);
    wait_until("late mail is here", || {
        cache.synchronise(place, user, PASSWORD) == 1
    });
    let asked = logins_there(place, other);
    let said = Imap::connect(place.imap_port()).login(other, "wrong");
    assert!(said.starts_with("NO [AUTHENTICATIONFAILED]"), "{said}");
    assert_eq!(
        logins_there(place, other),
        asked,
        "a finished account is known here"
    );
    // A week later.
    place.sql("UPDATE migration SET swept_until = 1");
    wait_until("the old passwords are forgotten", || {
        place.sql("SELECT count(*) FROM credential WHERE migration IS NOT NULL") == "0"
    });
}

/// Everybody is cut over, and the old server stopped.
fn the_last_day(place: &mut Place, caches: &mut [Cache]) {
    arrives_there(place, "jon@old.example", "the last");
    for user in PEOPLE {
        place.transhume(&["migration", "cut-over", user]);
    }
    wait_until("all is finished", || count(place, "finished") == "10");
    assert_eq!(caches[9].synchronise(place, PEOPLE[9], PASSWORD), 1);
    late_mail_is_swept(place, &mut caches[9]);
    place.old.stop();
    for (user, cache) in PEOPLE.iter().zip(caches).skip(1) {
        assert_eq!(cache.synchronise(place, user, PASSWORD), 0, "{user}");
    }
    let said = Imap::connect(place.imap_port()).login("ben@old.example", "wrong");
    assert!(said.starts_with("NO [AUTHENTICATIONFAILED]"), "{said}");
}

pub(crate) fn tell() {
    let mut place = Place::start(&PEOPLE);
    place.hold_passes();

    // First logins, with the old passwords, through every door.
    for user in &PEOPLE[..4] {
        let said = Imap::connect(place.imap_port()).login(user, PASSWORD);
        assert!(said.starts_with("OK"), "{user}: {said}\n{}", place.logs());
    }
    for user in &PEOPLE[4..6] {
        let said = Pop3::connect(place.pop3_port()).login(user, PASSWORD);
        assert!(said.starts_with("+OK"), "{user}: {said}\n{}", place.logs());
    }
    for user in &PEOPLE[6..8] {
        let said = smtp_login(&place, user, PASSWORD);
        assert!(said.starts_with("235"), "{user}: {said}\n{}", place.logs());
    }
    for user in &PEOPLE[8..] {
        let (_, told) = http_login(&place, user, PASSWORD);
        assert_eq!(told["answer"], "ok", "{user}: {told}\n{}", place.logs());
    }
    assert_eq!(place.sql("SELECT count(*) FROM account WHERE enabled"), "10");
    assert_eq!(count(&place, "pending"), "10");

    // People have used their mail: the old server has counted many changes.
    for user in PEOPLE {
        changes_often_there(&place, user);
    }

    // Their mail is read at once, where it still is.
    let mut caches: Vec<Cache> = PEOPLE.iter().map(|_| Cache::default()).collect();
    for (user, cache) in PEOPLE.iter().zip(&mut caches) {
        assert_eq!(cache.synchronise(&place, user, PASSWORD), 2, "{user}");
    }

    // Programs that ask for changes only (CONDSTORE) remember how far the old server had counted.
    let counted: Vec<u64> = PEOPLE.iter().map(|user| mod_seq(&place, user)).collect();
    assert!(counted.iter().all(|mod_seq| *mod_seq > 20), "{counted:?}");

    // It comes over; the same programs find all that they have, and fetch nothing.
    place.let_passes();
    wait_until("all mail is here", || count(&place, "following") == "10");
    let led = place.new.log().matches("proxy(").count();
    for (user, cache) in PEOPLE.iter().zip(&mut caches) {
        assert_eq!(
            cache.synchronise(&place, user, PASSWORD),
            0,
            "{user} fetches again"
        );
        assert_eq!(cache.texts.len(), 2, "{user}");
    }
    for (user, counted) in PEOPLE.iter().zip(&counted) {
        let now = mod_seq(&place, user);
        assert!(now >= *counted, "{user}: {now} is below {counted}");
    }
    assert_eq!(place.new.log().matches("proxy(").count(), led, "it is read here");

    // New mail on the old server arrives with the next pass, under its own UID.
    for (user, cache) in PEOPLE.iter().zip(&mut caches) {
        arrives_there(&place, user, "later");
        // I12: what a pass would do can be shown, and nothing is done by that.
        let plan: Value =
            serde_json::from_slice(&place.transhume(&["migration", "plan", user, "--json"])).unwrap();
        assert_eq!(
            (&plan["totals"]["carried"], &plan["dry_run"]),
            (&1.into(), &true.into()),
            "{plan}"
        );
        assert_eq!(cache.synchronise(&place, user, PASSWORD), 0, "{user}");
        place.transhume(&["migration", "retry", user]);
        wait_until("the new mail is here", || {
            cache.synchronise(&place, user, PASSWORD) == 1
        });
        let mut there = Oracle::connect(place.old.imap_port(), user, PASSWORD.as_bytes()).unwrap();
        there.select(&["INBOX"]).unwrap();
        let here: Vec<u32> = cache.texts.keys().copied().collect();
        assert_eq!(here, uids(&mut there), "{user}");
    }

    // A password is changed here: it counts, the old one does not, and passes go on.
    let ada = PEOPLE[0];
    place.set_password(ada, "another one");
    // Dovecot remembers for a minute whom it has let in.
    let flushed = place.new.doveadm(&["auth", "cache", "flush", ada]).unwrap();
    assert!(flushed.status.success(), "{flushed:?}");
    let asked = logins_there(&place, ada);
    let said = Imap::connect(place.imap_port()).login(ada, PASSWORD);
    assert!(
        said.starts_with("NO [AUTHENTICATIONFAILED]"),
        "{said}\n{}",
        place.logs()
    );
    assert_eq!(
        logins_there(&place, ada),
        asked,
        "the old password opens no door here"
    );
    assert_eq!(caches[0].synchronise(&place, ada, "another one"), 0);
    arrives_there(&place, ada, "later still");
    place.transhume(&["migration", "retry", ada]);
    wait_until("the new mail is here", || {
        caches[0].synchronise(&place, ada, "another one") == 1
    });

    the_last_day(&mut place, &mut caches);
    let shown: Value = serde_json::from_slice(&place.transhume(&["migration", "list", "--json"])).unwrap();
    let all = shown["migrations"].as_array().map_or(0, Vec::len);
    assert_eq!(all, 10, "{shown}");
    // I10: no secret in any log.
    assert!(!place.logs().contains(PASSWORD) && !place.logs().contains("another one"));
}
