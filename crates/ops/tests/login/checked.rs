//! A provider's server is looked at.

use std::io::Write as _;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use transhume_model::directory::{CertificateTrust, ProviderSecurity, Role};
use transhume_ops::check_provider::{TestLogin, check_provider};
use transhume_testkit::Dovecot;

use crate::places::wait;
use crate::platform::{PASSWORD, provider};

const BANNER: &str = "220 secret-inner-name ESMTP\r\n";

#[test]
fn what_is_wrong_is_told_with_what_to_do() {
    use ProviderSecurity::{Clear, StartTls, Tls};
    let old = Dovecot::builder()
        .tls(true)
        .user("bob", PASSWORD)
        .start()
        .unwrap();
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let smtp = other.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in other.incoming().flatten() {
            let _ = stream.write_all(BANNER.as_bytes());
            std::mem::forget(stream);
        }
    });
    let digest = match CertificateTrust::pinned(old.cert_sha256_hex()).unwrap() {
        CertificateTrust::Pinned(digest) => digest,
        CertificateTrust::Public => unreachable!(),
    };
    let right = Some(("bob", PASSWORD));
    let (public, pinned) = (CertificateTrust::Public, CertificateTrust::Pinned(digest));
    for (port, security, trust, login, says) in [
        (old.imaps_port(), Tls, pinned, None, Ok("through this service")),
        (old.imaps_port(), Tls, pinned, right, Ok("")),
        (old.imap_port(), StartTls, pinned, right, Ok("")),
        (
            old.imap_port(),
            Clear,
            public,
            right,
            Ok("The server offers STARTTLS"),
        ),
        (old.imaps_port(), Tls, public, None, Err("pin it: --pin sha256:")),
        (
            old.imaps_port(),
            Tls,
            CertificateTrust::Pinned([0; 32]),
            None,
            Err("is not the certificate that was pinned"),
        ),
        (
            old.imaps_port(),
            Tls,
            pinned,
            Some(("bob", "wrong")),
            Err("See whether the login is right"),
        ),
        (closed, Tls, public, None, Err("993 is usual")),
        (closed, Clear, public, None, Err("143 is usual")),
        (old.imap_port(), Tls, public, None, Err("")),
        (smtp, Clear, public, None, Err("is no IMAP server")),
    ] {
        let mut looked_at = provider("Old", port);
        (looked_at.security, looked_at.certificate) = (security, trust);
        let begun = Instant::now();
        let clock = move || begun.elapsed();
        let login = login.map(|(login, password): (&str, &str)| TestLogin {
            login,
            password: password.as_bytes(),
        });
        let checked = wait(check_provider(&looked_at, Role::SuperAdmins, login, &clock));
        match (checked, says) {
            (Ok(checked), Ok(note)) => {
                assert_eq!(checked.logged_in, login.is_some());
                assert!(
                    checked.capabilities.iter().any(|one| one == "IMAP4REV1"),
                    "{checked:?}"
                );
                assert!(checked.notes.join(" ").contains(note), "{checked:?}");
            }
            (Err(problem), Err(says)) => {
                let words = problem.to_string();
                assert!(words.contains(says), "{words}");
                assert!(
                    !words.contains("secret-inner-name") && !words.contains(PASSWORD),
                    "{words}"
                );
            }
            (checked, says) => panic!("{port} {security:?}: {checked:?} instead of {says:?}"),
        }
        assert!(begun.elapsed() < Duration::from_secs(8));
    }
}

#[test]
fn nobody_but_superadmins_looks_into_the_network() {
    // Nothing is there; whoever may not ask is not told that.
    let looked_at = provider("Old", 1);
    for role in Role::ALL {
        let words = wait(check_provider(&looked_at, role, None, &|| Duration::ZERO))
            .unwrap_err()
            .to_string();
        assert_eq!(
            words.contains("only SuperAdmins"),
            role != Role::SuperAdmins,
            "{role} {words}"
        );
    }
}
