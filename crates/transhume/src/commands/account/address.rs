//! The two ends as they are typed: `--from imaps://user@host[:port]`, `--to maildir:/path` or `--to imaps://user@host[:port]`.

use std::path::PathBuf;

use transhume_sync::{Security, SourceAddress};

use crate::exit::Failure;

const FROM_FORM: &str = "Write --from imaps://USER@HOST (TLS), imap://USER@HOST (STARTTLS) or \
                         imap+insecure://USER@HOST (no encryption), each with :PORT if it is unusual.";

const TO_FORM: &str = "Write --to maildir:/path/to/Maildir, the folder that Dovecot's mail_location names; or, for an \
                       account on a server that is not on this machine, --to imaps://USER@HOST (TLS), imap://USER@HOST \
                       (STARTTLS) or imap+insecure://USER@HOST (no encryption).";

/// Where mail goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TargetAddress {
    /// The folder.
    Maildir(PathBuf),
    /// An account on an IMAP server.
    Imap(SourceAddress),
}

/// Reads `--from`. Errors never repeat what was typed: a password may be in it.
pub(crate) fn parse_source(text: &str) -> Result<SourceAddress, Failure> {
    parse_server(
        text,
        "--from",
        FROM_FORM,
        "--password-file or the variable TRANSHUME_PASSWORD",
    )
}

fn parse_server(text: &str, option: &str, form: &str, elsewhere: &str) -> Result<SourceAddress, Failure> {
    let wrong = |what: &str| Failure::usage(format!("{option}: {what}"), form);
    let (scheme, rest) = text
        .split_once("://")
        .ok_or_else(|| wrong("this is not an address of a mail server"))?;
    let (security, default_port) = match scheme.to_ascii_lowercase().as_str() {
        "imaps" => (Security::Tls, 993),
        "imap" => (Security::StartTls, 143),
        "imap+insecure" => (Security::Insecure, 143),
        _ => return Err(wrong("the scheme must be imaps, imap or imap+insecure")),
    };
    let (user, host) = rest
        .rsplit_once('@')
        .ok_or_else(|| wrong("the user name is missing"))?;
    if user.contains(':') {
        return Err(Failure::usage(
            format!("{option}: a password on the command line can be read by everybody on this machine"),
            format!(
                "Leave it out: it is asked for, or read from {elsewhere}. (A colon that belongs to the user name is written \
                 %3A.)"
            ),
        ));
    }
    let user = percent_decode(user)
        .filter(|user| !user.is_empty())
        .ok_or_else(|| wrong("the user name is wrong"))?;
    let (host, port) = split_port(host.strip_suffix('/').unwrap_or(host), default_port)
        .ok_or_else(|| wrong("host or port is wrong"))?;
    Ok(SourceAddress {
        host,
        port,
        security,
        user,
    })
}

fn split_port(text: &str, default: u16) -> Option<(String, u16)> {
    let (host, port) = if let Some(rest) = text.strip_prefix('[') {
        let (host, after) = rest.split_once(']')?;
        (
            host,
            after.strip_prefix(':').or_else(|| after.is_empty().then_some("")),
        )
    } else {
        match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, Some("")),
        }
    };
    let port = match port? {
        "" => default,
        port => port.parse().ok().filter(|&port| port != 0)?,
    };
    let plain = !host.is_empty()
        && !host.contains(|c: char| c.is_whitespace() || c.is_control() || "/?#@".contains(c));
    plain.then(|| (host.to_owned(), port))
}

fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        if byte == b'%' {
            let digits = std::str::from_utf8(tail.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &tail[2..];
        } else {
            bytes.push(byte);
            rest = tail;
        }
    }
    String::from_utf8(bytes)
        .ok()
        .filter(|text| !text.contains(char::is_control))
}

/// Reads `--to`.
pub(crate) fn parse_target(text: &str) -> Result<TargetAddress, Failure> {
    let Some(path) = text.strip_prefix("maildir:") else {
        let scheme = text
            .split_once("://")
            .map(|(scheme, _)| scheme.to_ascii_lowercase());
        if scheme.is_some_and(|scheme| scheme.starts_with("imap")) {
            let elsewhere = "--to-password-file or the variable TRANSHUME_TO_PASSWORD";
            return parse_server(text, "--to", TO_FORM, elsewhere).map(TargetAddress::Imap);
        }
        return Err(Failure::usage(
            "--to: this is neither a Maildir nor an address of a mail server",
            TO_FORM,
        ));
    };
    if path.is_empty() || path.starts_with('~') {
        return Err(Failure::usage(
            format!("--to: “{text}” does not name a path"),
            TO_FORM,
        ));
    }
    let path = std::path::absolute(path)
        .map_err(|error| Failure::usage(format!("--to: “{text}”: {error}"), TO_FORM))?;
    Ok(TargetAddress::Maildir(path.components().collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Option<(String, u16, Security, String)> {
        let address = parse_source(text).ok()?;
        Some((address.host, address.port, address.security, address.user))
    }

    #[test]
    fn addresses_are_read() {
        let read = |text: &str, host: &str, port, security, user: &str| {
            assert_eq!(
                source(text),
                Some((host.to_owned(), port, security, user.to_owned())),
                "{text}"
            );
        };
        read(
            "imaps://alice@old.example.org",
            "old.example.org",
            993,
            Security::Tls,
            "alice",
        );
        read(
            "imap://a@b.example@old:1143/",
            "old",
            1143,
            Security::StartTls,
            "a@b.example",
        );
        read(
            "IMAP+insecure://a%3Ab%40c@[::1]:10",
            "::1",
            10,
            Security::Insecure,
            "a:b@c",
        );
        read("imaps://u*master@h", "h", 993, Security::Tls, "u*master");
        for bad in [
            "old.example.org",
            "pop3://a@b",
            "imaps://host",
            "imaps://@host",
            "imaps://a@",
            "imaps://a@h:0",
            "imaps://a@h:99999",
            "imaps://a@h/INBOX",
            "imaps://a%zz@h",
            "imaps://a@[::1",
        ] {
            assert_eq!(source(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_password_in_the_address_is_refused_and_not_repeated() {
        let failure = parse_source("imaps://alice:s3cret@old.example.org").unwrap_err();
        assert!(failure.to_string().contains("--password-file"), "{failure}");
        assert!(!failure.to_string().contains("s3cret"), "{failure}");
        assert!(!format!("{failure:?}").contains("s3cret"));
        let failure = parse_source("imapz://alice:s3cret@old.example.org").unwrap_err();
        assert!(!failure.to_string().contains("s3cret"), "{failure}");
    }

    #[test]
    fn targets_are_paths_or_accounts() {
        assert_eq!(
            parse_target("maildir:/var/vmail/a/Maildir/").unwrap(),
            TargetAddress::Maildir(PathBuf::from("/var/vmail/a/Maildir"))
        );
        let TargetAddress::Imap(account) = parse_target("imaps://a@new.example:1993").unwrap() else {
            panic!("an account");
        };
        assert_eq!(
            (account.account().as_str(), account.port),
            ("a@new.example", 1993)
        );
        let failure = parse_target("imaps://a:s3cret@new.example")
            .unwrap_err()
            .to_string();
        assert!(
            failure.contains("--to-password-file") && !failure.contains("s3cret"),
            "{failure}"
        );
        let failure = parse_target("a:s3cret@new.example").unwrap_err().to_string();
        assert!(!failure.contains("s3cret"), "{failure}");
        assert!(parse_target("/var/vmail/a/Maildir").is_err());
        assert!(parse_target("maildir:~/Maildir").is_err());
        assert!(parse_target("maildir:").is_err());
    }
}
