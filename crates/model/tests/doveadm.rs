//! Stored passwords beside Dovecot's own: what `doveadm pw` makes is verified here, and what is made or normalised here is
//! verified by `doveadm pw -t`.

#![allow(clippy::expect_used, reason = "tests")]

use std::process::{Command, Stdio};

use transhume_model::directory::StoredPassword;
use transhume_model::directory::password::{
    NewScheme, Normalised, SALT_OCTETS, Verdict, Written, hash_new, normalise,
};

/// Passwords that differ in what hashes look at: beyond DES's eight, MD5's block, and bcrypt's 72; eight bits; a brace.
const PASSWORDS: [&str; 4] = [
    "a",
    "p{a}ss\"w'ord\\% $1 &<é>€",
    "sixty-four octets and one more, which is where HMAC folds its key",
    "more than seventy-two octets, which is as far as bcrypt looks; this one goes on and on, and on.",
];

/// All that this Dovecot makes and that can be compared with a password alone.
const SCHEMES: [&str; 40] = [
    "PLAIN",
    "CLEAR",
    "CLEARTEXT",
    "CRYPT",
    "DES-CRYPT",
    "MD5",
    "MD5-CRYPT",
    "SHA256-CRYPT",
    "SHA512-CRYPT",
    "BLF-CRYPT",
    "ARGON2I",
    "ARGON2ID",
    "PBKDF2",
    "SHA",
    "SHA1",
    "SHA256",
    "SHA512",
    "SSHA",
    "SSHA256",
    "SSHA512",
    "SMD5",
    "PLAIN-MD4",
    "PLAIN-MD5",
    "LDAP-MD5",
    "CRAM-MD5",
    "HMAC-MD5",
    "SCRAM-SHA-1",
    "SCRAM-SHA-256",
    "PLAIN.b64",
    "PLAIN.HEX",
    "CRYPT.B64",
    "DES-CRYPT.hex",
    "SHA512-CRYPT.b64",
    "ARGON2ID.B64",
    "SHA.HEX",
    "SHA256.base64",
    "SSHA.hex",
    "SSHA512.b64",
    "PLAIN-MD5.b64",
    "CRAM-MD5.b64",
];

/// Runs `doveadm pw`: whether it was content, and what it said.
fn doveadm(arguments: &[&str]) -> (bool, String) {
    let output = Command::new("doveadm")
        // Dovecot's own defaults, whatever this machine's configuration says.
        .args(["-c", "/dev/null", "pw"])
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("doveadm runs (package dovecot-core)");
    let said = String::from_utf8_lossy(&output.stdout).trim_end().to_owned();
    (output.status.success(), said)
}

fn made_by_doveadm(scheme: &str, password: &str) -> String {
    let (fine, said) = doveadm(&["-s", scheme, "-u", "user@example.org", "-p", password]);
    assert!(fine, "doveadm pw -s {scheme}");
    said
}

fn doveadm_accepts(stored: &str, password: &str) -> bool {
    doveadm(&["-t", stored, "-u", "user@example.org", "-p", password]).0
}

/// A password that every scheme tells from this one: another first character.
fn another(password: &str) -> String {
    format!("x{password}")
}

#[test]
fn what_dovecot_makes_is_verified_here_and_back() {
    for scheme in SCHEMES {
        for password in PASSWORDS {
            let theirs = made_by_doveadm(scheme, password);
            let stored = StoredPassword::from_stored(&theirs).expect("a stored password");
            let case = format!("{scheme} {password:?} {theirs}");
            assert_eq!(stored.verify(password), Verdict::Right, "{case}");
            assert_eq!(stored.verify(&another(password)), Verdict::Wrong, "{case}");
            assert_eq!(stored.verify(""), Verdict::Wrong, "{case}");

            let Normalised::Password(ours) = normalise(&theirs, Written::Marked) else {
                panic!("not recognised: {case}");
            };
            let case = format!("{case} {}", ours.as_str());
            assert!(ours.is_checked_here(), "{case}");
            assert_eq!(ours.verify(password), Verdict::Right, "{case}");
            // Where the spelling stays, doveadm has just made it.
            if ours != stored {
                assert!(doveadm_accepts(ours.as_str(), password), "{case}");
                assert!(!doveadm_accepts(ours.as_str(), &another(password)), "{case}");
            }
        }
    }
}

#[test]
fn what_is_made_here_dovecot_verifies() {
    for scheme in NewScheme::ALL {
        for (salt, password) in (0..).zip(PASSWORDS) {
            let salt = [salt ^ 0xa5; SALT_OCTETS];
            let Ok(stored) = hash_new(scheme, password, salt) else {
                assert!(
                    scheme == NewScheme::BlfCrypt && password.len() > 72,
                    "{password:?}"
                );
                continue;
            };
            let case = stored.as_str();
            assert!(doveadm_accepts(case, password), "{case}");
            assert_eq!(stored.verify(password), Verdict::Right, "{case}");
            assert_eq!(stored.verify(&another(password)), Verdict::Wrong, "{case}");
            assert_eq!(
                normalise(case, Written::Marked),
                Normalised::Password(stored.clone()),
                "{case}"
            );
            let once_more = hash_new(scheme, password, [0; SALT_OCTETS]).expect("a hash");
            assert_ne!(once_more, stored, "the salt counts");
        }
    }
}

#[test]
fn what_dovecot_refuses_logs_nobody_in_here() {
    for (stored, password) in [
        ("{FOO}secret", "secret"),
        ("{FOO}secret", "{FOO}secret"),
        ("{SHA}nU4eI71bcnBGqeO0t9tXvY1u5o", "pass"),
        ("{SSHA}nU4eI71bcnBGqeO0t9tXvY1u5oQ=", "pass"),
        ("{CRYPT}!", "!"),
        ("{CRYPT}*", "*"),
        ("{CRYPT}", ""),
        ("{CRYPT}tYKm7nCT2BIjYX", "pass"),
        (
            "{MD5-CRYPT}$5$L70YTGV60Mxvozjr$rPJopZzVOMxpg/O5.ls/hkiDl1MM522N0MslxVZfIM9",
            "pass",
        ),
        ("{CRYPT}$6$rounds=999$abc$xxx", "pass"),
        (
            "{PBKDF2}$1$salt$0$a1713beea863478e104eb1d93f8c97af13ea3ea9",
            "pass",
        ),
        (
            "{SCRAM-SHA-1}4096,k/VXWZKuKOS3kT9zPz3SCg==,pqaR+/iPywE7FpUS5SBFw009ruM=",
            "pass",
        ),
        (
            "{ARGON2ID}$argon2id$v=19$m=65536,t=3,p=1$yK0esWtq06MM4IeMVX2pOg$",
            "pass",
        ),
    ] {
        let ours = StoredPassword::from_stored(stored).expect("a stored password");
        assert_ne!(ours.verify(password), Verdict::Right, "{stored}");
        assert!(!doveadm_accepts(stored, password), "{stored}");
    }
}
