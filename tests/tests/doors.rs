//! People of an old platform log in on the new server, through every door: a real Dovecot and a real Postfix ask
//! `transhume serve`, which asks a real old Dovecot.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

#[path = "doors/clients.rs"]
mod clients;
#[path = "doors/place.rs"]
mod place;
#[path = "doors/story.rs"]
mod story;

use std::net::TcpListener;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use clients::{Imap, Pop3, http_login, smtp_login};
use place::Place;
use transhume_e2e::{PASSWORD, wait_until};
use transhume_testkit::{Dovecot, Oracle, compare, snapshot};

/// Each test has two servers with the usual ports of POP3 and looks at the clock.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[test]
fn the_whole_story() {
    let _alone = alone();
    story::tell();
}

#[test]
fn people_come_through_every_door_and_read_their_mail_at_once() {
    let _alone = alone();
    let people = [
        "ida@old.example",
        "pop@old.example",
        "sam@old.example",
        "webb@old.example",
        "ren@was.example",
    ];
    let place = Place::start(&people);
    place.hold_passes();

    // Everything that is wrong is refused on each door, and nobody is made of it.
    for (user, password) in [
        ("ida@old.example", "wrong"),
        ("nobody@old.example", PASSWORD),
        ("ida@strange.example", PASSWORD),
    ] {
        let said = Imap::connect(place.imap_port()).login(user, password);
        assert!(said.starts_with("NO [AUTHENTICATIONFAILED]"), "{user}: {said}");
        assert!(
            Pop3::connect(place.pop3_port())
                .login(user, password)
                .starts_with("-ERR [AUTH]"),
            "{user}"
        );
        assert!(smtp_login(&place, user, password).starts_with("535"), "{user}");
        let (status, told) = http_login(&place, user, password);
        assert_eq!(status, 200);
        assert!(told["answer"] == "wrong" || told["answer"] == "unknown", "{told}");
    }
    assert_eq!(place.sql("SELECT count(*) FROM account"), "0");

    // First logins; what was on the old server is read at once.
    let mut ida = Imap::connect(place.imap_port());
    let said = ida.login("Ida@OLD.example", PASSWORD);
    assert!(said.starts_with("OK"), "{said}\n{}", place.logs());
    let inbox = ida.command("SELECT INBOX");
    assert!(
        inbox.contains("* 2 EXISTS") && inbox.contains("[UIDVALIDITY 1234567]"),
        "{inbox}"
    );
    let mut pop = Pop3::connect(place.pop3_port());
    assert!(
        pop.login("pop@old.example", PASSWORD).starts_with("+OK"),
        "{}",
        place.logs()
    );
    assert!(pop.command("STAT").starts_with("+OK 2 "), "{}", place.logs());
    let said = smtp_login(&place, "sam@old.example", PASSWORD);
    assert!(said.starts_with("235"), "{said}\n{}", place.logs());
    let (_, told) = http_login(&place, "webb@old.example", PASSWORD);
    assert_eq!(
        (&told["answer"], &told["address"]),
        (&"ok".into(), &"webb@old.example".into()),
        "{told}"
    );
    // A new name is told to those who come with the old one.
    let said = Imap::connect(place.imap_port()).login("ren@was.example", PASSWORD);
    assert!(
        said.starts_with("NO") && said.contains("Your name here is ren@is.example"),
        "{said}"
    );
    let said = Imap::connect(place.imap_port()).login("ren@is.example", PASSWORD);
    assert!(said.starts_with("OK"), "{said}\n{}", place.logs());
    assert_eq!(
        place.sql("SELECT count(*) FROM migration WHERE phase = 'pending'"),
        "5"
    );
    assert_eq!(
        place.sql("SELECT group_concat(name, ' ') FROM (SELECT name FROM domain ORDER BY name)"),
        "is.example old.example"
    );

    // Nobody sends with a wrong password while their mail is on the way, and the right one is enough.
    assert!(smtp_login(&place, "ida@old.example", "wrong").starts_with("535"));
    assert!(smtp_login(&place, "ida@old.example", PASSWORD).starts_with("235"));

    // The mail arrives; from then on it is read here, and is the same.
    place.let_passes();
    wait_until("all mail is here", || {
        place.sql("SELECT count(*) FROM migration WHERE phase = 'following'") == "5"
    });
    let led = place.new.log().matches("proxy(").count();
    for user in [
        "ida@old.example",
        "pop@old.example",
        "sam@old.example",
        "webb@old.example",
    ] {
        let mut there = Oracle::connect(place.old.imap_port(), user, PASSWORD.as_bytes()).unwrap();
        let mut here = Oracle::connect(place.imap_port(), user, PASSWORD.as_bytes()).unwrap();
        let (there, here) = (snapshot(&mut there).unwrap(), snapshot(&mut here).unwrap());
        let differences: Vec<String> = compare(&there, &here).iter().map(ToString::to_string).collect();
        assert!(differences.is_empty(), "{user}: {differences:?}");
    }
    assert_eq!(
        place.new.log().matches("proxy(").count(),
        led,
        "nobody is led to the old server any more"
    );
    // I10: no secret in any log.
    assert!(!place.logs().contains(PASSWORD), "{}", place.logs());
}

/// Dovecot checks the old server's certificate itself when it leads somebody there.
#[test]
fn the_way_to_the_old_server_is_secured() {
    let _alone = alone();
    let secured = Dovecot::builder()
        .tls_ca()
        .user("ida@tls.example", PASSWORD)
        .start()
        .unwrap();
    let strange = Dovecot::builder()
        .tls_ca()
        .user("eve@strange.example", PASSWORD)
        .start()
        .unwrap();
    let place = Place::trusting(&[], Some(secured.ca_pem_path()));
    place.hold_passes();
    place.add_provider("Secured", "127.0.0.1", secured.imaps_port(), "tls.example");
    place.add_provider("Strange", "127.0.0.1", strange.imaps_port(), "strange.example");
    place.sql("UPDATE provider SET security = 'tls' WHERE name <> 'Old'");
    let mut ida = Imap::connect(place.imap_port());
    let said = ida.login("ida@tls.example", PASSWORD);
    assert!(said.starts_with("OK"), "{said}\n{}", place.logs());
    assert!(ida.command("SELECT INBOX").contains("* 0 EXISTS"));
    // A certificate of another authority: nobody is asked with a password, and the log says what to do.
    let said = Imap::connect(place.imap_port()).login("eve@strange.example", PASSWORD);
    assert!(said.starts_with("NO [UNAVAILABLE]"), "{said}");
    assert!(place.logs().contains("is not trusted"), "{}", place.logs());
    assert!(!strange.log().contains("Login: user="), "{}", strange.log());
    // Whoever runs the platform knows it, and pins it: Dovecot is led through the service, which checks that.
    let pins = [(strange.imaps_port(), "tls"), (strange.imap_port(), "starttls")];
    for (port, security) in pins {
        place.sql(&format!(
            "UPDATE provider SET pin = '{}', port = {port}, security = '{security}' WHERE name = 'Strange'",
            strange.cert_sha256_hex()
        ));
        let mut eve = Imap::connect(place.imap_port());
        let said = eve.login("eve@strange.example", PASSWORD);
        assert!(said.starts_with("OK"), "{security}: {said}\n{}", place.logs());
        assert!(eve.command("SELECT INBOX").contains("* 0 EXISTS"));
    }
    // Another certificate than the pinned one gets no password.
    place.sql(&format!(
        "UPDATE provider SET port = {}, security = 'tls' WHERE name = 'Strange'",
        secured.imaps_port()
    ));
    let said = Imap::connect(place.imap_port()).login("eve@strange.example", PASSWORD);
    assert!(said.starts_with("NO [UNAVAILABLE]"), "{said}");
    wait_until("the log says why", || {
        place.logs().contains("nobody can be led to 127.0.0.1")
    });
    assert!(
        !secured.log().contains("eve@strange.example"),
        "{}",
        secured.log()
    );
    // Where it changes after the account was made, Dovecot itself does not send the password.
    place.sql(&format!(
        "UPDATE provider SET port = {} WHERE name = 'Secured'",
        strange.imaps_port()
    ));
    let said = Imap::connect(place.imap_port()).login("ida@tls.example", PASSWORD);
    assert!(said.starts_with("NO [UNAVAILABLE]"), "{said}");
    assert!(!strange.log().contains("auth failed"), "{}", strange.log());
}

#[test]
fn without_the_service_known_people_log_in_and_others_are_told_to_wait() {
    let _alone = alone();
    let people = ["ida@old.example", "new@old.example"];
    let mut place = Place::start(&people);
    assert!(
        Imap::connect(place.imap_port())
            .login("ida@old.example", PASSWORD)
            .starts_with("OK")
    );
    wait_until("her mail is here", || {
        place.sql("SELECT count(*) FROM migration WHERE phase = 'following'") == "1"
    });
    place.stop_service();
    let mut ida = Imap::connect(place.imap_port());
    assert!(
        ida.login("ida@old.example", PASSWORD).starts_with("OK"),
        "{}",
        place.logs()
    );
    assert!(smtp_login(&place, "ida@old.example", PASSWORD).starts_with("235"));
    for (user, password) in [("new@old.example", PASSWORD), ("ida@old.example", "wrong")] {
        let said = Imap::connect(place.imap_port()).login(user, password);
        assert!(said.starts_with("NO [UNAVAILABLE]"), "{user}: {said}");
    }
    place.start_service();
    assert!(
        Imap::connect(place.imap_port())
            .login("new@old.example", PASSWORD)
            .starts_with("OK"),
        "{}",
        place.logs()
    );
}

#[test]
fn a_hundred_people_send_their_first_mail_at_once_and_a_silent_server_costs_them_nothing() {
    let _alone = alone();
    let people: Vec<String> = (0..100)
        .map(|number| format!("user{number}@old.example"))
        .collect();
    let names: Vec<&str> = people.iter().map(String::as_str).collect();
    let place = Place::start(&names);
    place.hold_passes();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    place.add_provider(
        "Silent",
        "127.0.0.1",
        silent.local_addr().unwrap().port(),
        "silent.example",
    );
    let slowest = thread::scope(|scope| {
        let waiting: Vec<_> = (0..20)
            .map(|number| {
                let user = format!("user{number}@silent.example");
                let port = place.imap_port();
                scope.spawn(move || Imap::connect(port).login(&user, PASSWORD))
            })
            .collect();
        let logins: Vec<_> = names
            .iter()
            .map(|user| {
                let place = &place;
                scope.spawn(move || {
                    let begun = Instant::now();
                    let said = smtp_login(place, user, PASSWORD);
                    (said, begun.elapsed())
                })
            })
            .collect();
        let mut slowest = Duration::ZERO;
        for login in logins {
            let (said, took) = login.join().unwrap();
            assert!(said.starts_with("235"), "{said} after {took:?}\n{}", place.logs());
            slowest = slowest.max(took);
        }
        for one in waiting {
            let said = one.join().unwrap();
            assert!(said.starts_with("NO [UNAVAILABLE]"), "{said}");
        }
        slowest
    });
    println!("the slowest of 100 first logins by SMTP: {slowest:?}");
    assert!(slowest < Duration::from_secs(10), "{slowest:?}");
    assert_eq!(place.sql("SELECT count(*) FROM migration"), "100");
}
