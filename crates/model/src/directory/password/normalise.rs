//! What comes from elsewhere, brought into one spelling that every Dovecot reads.

use super::StoredPassword;
use super::check::{Check, Unrecognised};
use super::crypt::Crypt;
use super::scheme::{self, Scheme};

/// How a password that comes from elsewhere is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// It says what it is: `{SCHEME}…`, or begins as only one scheme does (`$6$…`). All else might be the password itself.
    Marked,
    /// As PostfixAdmin and Courier write it: hashes without any mark too, 32 hexadecimal digits (MD5) or 13 characters (DES).
    PostfixAdmin,
    /// Every value is the password itself, whatever it looks like.
    Cleartext,
}

/// What a text means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Normalised {
    /// A password, in one spelling.
    Password(StoredPassword),
    /// There is none, on purpose: empty, or locked with `!` or `*`.
    Locked,
    /// Nobody knows what it is. Logs nobody in.
    Unrecognised(Unrecognised),
}

/// Reads a password as other platforms store it. A hash that is normalised once stays as it is.
pub fn normalise(text: &str, written: Written) -> Normalised {
    if text.is_empty() {
        return Normalised::Locked;
    }
    let read = if written == Written::Cleartext {
        Check::read(&format!("{{PLAIN}}{text}"))
    } else if is_locked(text) {
        return Normalised::Locked;
    } else if let Some((name, data)) = scheme::split(text) {
        marked(name, data)
    } else {
        match mark(text, written) {
            Some(name) => Check::read(&format!("{{{name}}}{text}")),
            None => Err(Unrecognised::NoScheme),
        }
    };
    match read {
        Ok(check) => Normalised::Password(StoredPassword(check.write().into())),
        Err(why) => Normalised::Unrecognised(why),
    }
}

/// Whether the text is locked, as `usermod -L` and others do it: no hash begins so.
fn is_locked(text: &str) -> bool {
    let data = match scheme::split(text) {
        // In {PLAIN} these are the password.
        Some((name, _)) if scheme::named(name).is_some_and(|(scheme, _)| scheme.is_cleartext()) => {
            return false;
        }
        Some((_, data)) => data,
        None => text,
    };
    data.starts_with(['!', '*'])
}

/// Reads `{NAME}data`. Courier's names are not Dovecot's.
fn marked(name: &str, data: &str) -> Result<Check, Unrecognised> {
    let is = |known: &str| name.eq_ignore_ascii_case(known);
    let name = if is("MD5RAW") {
        Scheme::PlainMd5.as_str()
    } else if is("MD5") && !data.starts_with("$1$") && data.len() != 32 {
        // To Dovecot {MD5} is MD5-CRYPT.
        Scheme::LdapMd5.as_str()
    } else {
        name
    };
    Check::read(&format!("{{{name}}}{data}"))
}

/// The scheme of a hash that bears none, where it can be told.
fn mark(text: &str, written: Written) -> Option<Scheme> {
    const BEGINNINGS: [(&str, Scheme); 8] = [
        ("$argon2i$", Scheme::Argon2i),
        ("$argon2id$", Scheme::Argon2id),
        ("$1$", Scheme::Md5Crypt),
        ("$5$", Scheme::Sha256Crypt),
        ("$6$", Scheme::Sha512Crypt),
        ("$2a$", Scheme::BlfCrypt),
        ("$2b$", Scheme::BlfCrypt),
        ("$2y$", Scheme::BlfCrypt),
    ];
    let by_beginning = BEGINNINGS.iter().find(|(begin, _)| text.starts_with(begin));
    if let Some((_, scheme)) = by_beginning {
        return Some(*scheme);
    }
    let is_crypt = Crypt::read(Scheme::Crypt, text).is_ok();
    if is_crypt && text.starts_with('$') {
        return Some(Scheme::Crypt);
    }
    if written != Written::PostfixAdmin {
        return None;
    }
    let is_md5 = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_md5 {
        Some(Scheme::PlainMd5)
    } else {
        is_crypt.then_some(Scheme::Crypt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 43 and 86 characters, as the SHA methods have them.
    const SHA256: &str = "rPJopZzVOMxpg/O5.ls/hkiDl1MM522N0MslxVZfIM9";
    const SHA512: &str =
        "wbIBWwT3bGny3Bk1WasXBzwH/bnsQgF1bVGeRyPaGC9yn.yZEl9xG8hDEjmsdcQFq.TcPONDl5RmCWcpiAR57.";

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table")]
    fn one_spelling() {
        use Written::{Cleartext, Marked, PostfixAdmin};
        let sha256 = format!("$5$L70YTGV60Mxvozjr${SHA256}");
        let sha512 = format!("$6$RvJ09gwv.3nOIECJ${SHA512}");
        let without_salt = format!("$6$${SHA512}");
        let rounds = format!("$6$rounds=12000$HjuL/xiNKHiuDE61${SHA512}");
        let too_few_rounds = format!("$6$rounds=10$HjuL/xiNKHiuDE61${SHA512}");
        let too_many_rounds = format!("$6$rounds=999999999$HjuL/xiNKHiuDE61${SHA512}");
        let bcrypt = "$2y$05$wzx8q77A/g8K9MeP0Vj7suOl3oHBP/BQyFmVJmWotQp0selpYuyuC";
        let argon = "$argon2id$v=19$m=65536,t=3,p=1$yK0esWtq06MM4IeMVX2pOg$rbJArpc2TwBfVkxWWK0YmtvKAIbFDr1mreo22Bf8318";
        let md5 = "$1$oEKNbQrz$M8P3LaXgaUIuVKO9H0a6E.";
        let hex = "1a1dc91c907325c69271ddf0c944bc72";
        for (text, written, expected) in [
            // Locked.
            ("", PostfixAdmin, Ok("")),
            ("!", PostfixAdmin, Ok("")),
            ("*LK*", Marked, Ok("")),
            (&format!("!{sha512}"), Marked, Ok("")),
            (&format!("{{SHA512-CRYPT}}!{sha512}"), Marked, Ok("")),
            ("{CRYPT}*", Marked, Ok("")),
            // In clear.
            ("{PLAIN}!secret", Marked, Ok("{PLAIN}!secret")),
            ("{CLEAR}secret", Marked, Ok("{PLAIN}secret")),
            ("{cleartext}a}b", Marked, Ok("{PLAIN}a}b")),
            ("{PLAIN.b64}c2VjcmV0", Marked, Ok("{PLAIN}secret")),
            ("{PLAIN}", Marked, Err(Unrecognised::Data(Scheme::Plain))),
            ("{SHA}not-a-hash-12", Cleartext, Ok("{PLAIN}{SHA}not-a-hash-12")),
            ("$1$not$ahash99", Cleartext, Ok("{PLAIN}$1$not$ahash99")),
            ("!secret", Cleartext, Ok("{PLAIN}!secret")),
            ("secret", Marked, Err(Unrecognised::NoScheme)),
            ("$ecret", Marked, Err(Unrecognised::NoScheme)),
            ("{secret", Marked, Err(Unrecognised::NoScheme)),
            ("secret", PostfixAdmin, Err(Unrecognised::NoScheme)),
            // Not what they say.
            ("{SHA}not-a-hash-12", Marked, Err(Unrecognised::Data(Scheme::Sha))),
            (
                "$1$not$ahash99",
                PostfixAdmin,
                Err(Unrecognised::Data(Scheme::Md5Crypt)),
            ),
            ("{FOO}secret", Marked, Err(Unrecognised::UnknownScheme)),
            ("{SHA.B32}secret", Marked, Err(Unrecognised::UnknownScheme)),
            ("{}secret", Marked, Err(Unrecognised::UnknownScheme)),
            (
                "{SSHA}nU4eI71bcnBGqeO0t9tXvY1u5oQ=",
                Marked,
                Err(Unrecognised::Data(Scheme::Ssha)),
            ),
            (
                &sha512[..100],
                Marked,
                Err(Unrecognised::Data(Scheme::Sha512Crypt)),
            ),
            (
                &too_few_rounds,
                Marked,
                Err(Unrecognised::Data(Scheme::Sha512Crypt)),
            ),
            (
                &format!("{{MD5-CRYPT}}{sha256}"),
                Marked,
                Err(Unrecognised::Data(Scheme::Md5Crypt)),
            ),
            // Too costly.
            (
                &too_many_rounds,
                Marked,
                Err(Unrecognised::Costly(Scheme::Sha512Crypt)),
            ),
            (
                &bcrypt.replace("$05$", "$31$"),
                Marked,
                Err(Unrecognised::Costly(Scheme::BlfCrypt)),
            ),
            (
                &argon.replace("65536", "4194304"),
                Marked,
                Err(Unrecognised::Costly(Scheme::Argon2id)),
            ),
            (
                &argon.replace("t=3", "t=4294967295"),
                Marked,
                Err(Unrecognised::Costly(Scheme::Argon2id)),
            ),
            // crypt(3), by content.
            (md5, Marked, Ok("{MD5-CRYPT}…")),
            (&sha256, Marked, Ok("{SHA256-CRYPT}…")),
            (&sha512, PostfixAdmin, Ok("{SHA512-CRYPT}…")),
            (&without_salt, PostfixAdmin, Ok("{SHA512-CRYPT}…")),
            (&rounds, PostfixAdmin, Ok("{SHA512-CRYPT}…")),
            (bcrypt, PostfixAdmin, Ok("{BLF-CRYPT}…")),
            (argon, PostfixAdmin, Ok("{ARGON2ID}…")),
            (&format!("{{CRYPT}}{sha512}"), Marked, Ok("{SHA512-CRYPT}…")),
            (&format!("{{crypt}}{bcrypt}"), Marked, Ok("{BLF-CRYPT}…")),
            (
                &format!("{{SHA512-CRYPT}}{sha256}"),
                Marked,
                Ok("{SHA256-CRYPT}…"),
            ),
            (&format!("{{ARGON2I}}{argon}"), Marked, Ok("{ARGON2ID}…")),
            (
                "{MD5}$1$oEKNbQrz$M8P3LaXgaUIuVKO9H0a6E.",
                Marked,
                Ok("{MD5-CRYPT}$1$oEKNbQrz$M8P3LaXgaUIuVKO9H0a6E."),
            ),
            ("{DES-CRYPT}tYKm7nCT2BIjY", Marked, Ok("{CRYPT}tYKm7nCT2BIjY")),
            ("tYKm7nCT2BIjY", PostfixAdmin, Ok("{CRYPT}tYKm7nCT2BIjY")),
            ("tYKm7nCT2BIjY", Marked, Err(Unrecognised::NoScheme)),
            (
                "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o",
                Marked,
                Ok("{CRYPT}$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o"),
            ),
            // Courier and PostfixAdmin.
            (
                hex,
                PostfixAdmin,
                Ok("{PLAIN-MD5}1a1dc91c907325c69271ddf0c944bc72"),
            ),
            (hex, Marked, Err(Unrecognised::NoScheme)),
            (
                "{md5raw}1A1dc91c907325c69271ddf0c944bc72",
                Marked,
                Ok("{PLAIN-MD5}1a1dc91c907325c69271ddf0c944bc72"),
            ),
            (
                "{md5}Gh3JHJBzJcaScd3wyUS8cg==",
                Marked,
                Ok("{LDAP-MD5}Gh3JHJBzJcaScd3wyUS8cg=="),
            ),
            (
                "{MD5}1a1dc91c907325c69271ddf0c944bc72",
                Marked,
                Ok("{PLAIN-MD5}1a1dc91c907325c69271ddf0c944bc72"),
            ),
            // Codings.
            (
                "{SHA1}nU4eI71bcnBGqeO0t9tXvY1u5oQ",
                Marked,
                Ok("{SHA}nU4eI71bcnBGqeO0t9tXvY1u5oQ="),
            ),
            (
                "{SHA}9d4e1e23bd5b727046a9e3b4b7db57bd8d6ee684",
                Marked,
                Ok("{SHA}nU4eI71bcnBGqeO0t9tXvY1u5oQ="),
            ),
            (
                "{SHA1.HEX}9d4e1e23bd5b727046a9e3b4b7db57bd8d6ee684",
                Marked,
                Ok("{SHA}nU4eI71bcnBGqeO0t9tXvY1u5oQ="),
            ),
            (
                "{SSHA.HEX}2b3efbb043157bd0c3fa4dd6191f00d546f93a29c93ba6d8",
                Marked,
                Ok("{SSHA}Kz77sEMVe9DD+k3WGR8A1Ub5OinJO6bY"),
            ),
            (
                "{CRYPT.hex}74594b6d376e43543242496a59",
                Marked,
                Ok("{CRYPT}tYKm7nCT2BIjY"),
            ),
            (
                "{SHA.HEX}9d4e1e23bd5b727046a9e3b4b7db57bd8d6ee68",
                Marked,
                Err(Unrecognised::Data(Scheme::Sha)),
            ),
            // Only Dovecot's.
            (
                "{OTP}sha1 1024 da7a304b1c4be71c 2fa4fd6be805a30d",
                Marked,
                Ok("{OTP}sha1 1024 da7a304b1c4be71c 2fa4fd6be805a30d"),
            ),
        ] {
            let expected =
                expected.map(|kept| kept.replace('…', text.rsplit('}').next().unwrap_or_default()));
            let normalised = normalise(text, written);
            let found = match &normalised {
                Normalised::Password(password) => Ok(password.as_str().to_owned()),
                Normalised::Locked => Ok(String::new()),
                Normalised::Unrecognised(why) => Err(*why),
            };
            assert_eq!(found, expected, "{text:?} {written:?}");
            if let Normalised::Password(password) = &normalised {
                // Once is enough.
                assert_eq!(normalise(password.as_str(), Marked), normalised, "{text:?}");
            }
        }
    }
}
