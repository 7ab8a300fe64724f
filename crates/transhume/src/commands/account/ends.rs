//! The two ends of an account, from what was typed.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use transhume_model::mail::InternalDate;
use transhume_model::plan::{Pattern, Selection};
use transhume_sync::{CertificateRule, Fingerprint, Source, SourceAddress};

use super::address::TargetAddress;
use super::{Manner, Options, Trouble, address, password, state_file};
use crate::exit::Failure;

/// What holds for every account that a command is about.
#[derive(Debug)]
pub(crate) struct Rules {
    /// Which mailboxes.
    pub(crate) selection: Selection,
    /// New connections in a row that may bring nothing.
    pub(crate) retries: u32,
    certificate: CertificateRule,
    patience: Duration,
}

impl Rules {
    /// Checks what was typed.
    pub(crate) fn new(manner: &Manner) -> Result<Self, Failure> {
        let patterns = |texts: &[String]| texts.iter().map(|text| Pattern::new(text)).collect();
        Ok(Self {
            certificate: certificate_rule(manner.pin.as_deref(), "--pin")?,
            patience: Duration::from_secs(manner.timeout),
            selection: Selection {
                include: patterns(&manner.include),
                exclude: patterns(&manner.exclude),
            },
            retries: manner.retries,
        })
    }

    /// How long a server may be silent.
    pub(crate) fn patience(&self) -> Duration {
        self.patience
    }

    /// The source at that address.
    pub(crate) fn source(&self, address: SourceAddress, password: Vec<u8>) -> Source {
        Source {
            address,
            login_as: None,
            password,
            certificate: self.certificate,
            patience: self.patience,
        }
    }
}

/// The two ends of one account that goes into a Maildir, and where it is remembered what was moved.
#[derive(Clone, Debug)]
pub(crate) struct Ends {
    /// The old account.
    pub(crate) source: SourceAddress,
    /// The new Maildir.
    pub(crate) maildir: PathBuf,
    /// The state file.
    pub(crate) state: PathBuf,
}

impl Ends {
    /// With the state file beside the Maildir, unless another is named.
    pub(crate) fn new(source: SourceAddress, maildir: PathBuf, state: Option<PathBuf>) -> Self {
        Self {
            source,
            state: state.unwrap_or_else(|| state_file::beside(&maildir)),
            maildir,
        }
    }

    /// As they were typed, checked as far as they can be without touching anything. An account on a server is refused.
    pub(crate) fn typed(options: &Options) -> Result<Self, Failure> {
        let source = address::parse_source(&options.from)?;
        match address::parse_target(&options.to)? {
            TargetAddress::Maildir(maildir) => Ok(Self::new(source, maildir, options.state.clone())),
            TargetAddress::Imap(_) => Err(Failure::usage(
                "--to: this can be done with a Maildir only, not with an account on a server",
                "Write --to maildir:/path/to/Maildir, the folder that Dovecot's mail_location names.",
            )),
        }
    }

    /// Puts errors between them into words.
    pub(crate) fn trouble(&self) -> Trouble {
        let target = TargetAddress::Maildir(self.maildir.clone());
        Trouble::new(&self.source, &target, &self.state)
    }
}

/// Gets the old account's password, which is done last, when all else is right.
pub(crate) fn ask_password(options: &Options, source: &SourceAddress) -> Result<Vec<u8>, Failure> {
    let password = password::obtain(
        password::OF_SOURCE,
        options.password_file.as_deref(),
        &source.user,
        &source.host,
    )?;
    Ok(password.reveal())
}

/// Reads `--pin` or `--to-pin`.
pub(crate) fn certificate_rule(pin: Option<&str>, option: &str) -> Result<CertificateRule, Failure> {
    let Some(pin) = pin else {
        return Ok(CertificateRule::Public);
    };
    let hex = match pin.split_once(':') {
        Some((name, hex)) if name.eq_ignore_ascii_case("sha256") => hex,
        _ => pin,
    };
    Fingerprint::from_hex(hex).map(CertificateRule::Pinned).ok_or_else(|| {
        Failure::usage(
            format!("{option}: this is not a SHA-256 digest"),
            "Write sha256: and the 64 hexadecimal digits of the certificate's fingerprint, as the error about an \
             untrusted certificate shows them.",
        )
    })
}

/// The only place where a command asks for the time.
pub(crate) fn now() -> InternalDate {
    let seconds = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    InternalDate::from_unix(seconds.cast_signed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pins_are_read_in_the_forms_that_tools_print() {
        let hex = "ab".repeat(32);
        let colons = vec!["AB"; 32].join(":");
        for pin in [
            hex.clone(),
            format!("sha256:{hex}"),
            format!("SHA256:{colons}"),
            colons,
        ] {
            assert!(
                matches!(
                    certificate_rule(Some(&pin), "--pin"),
                    Ok(CertificateRule::Pinned(_))
                ),
                "{pin}"
            );
        }
        assert!(certificate_rule(Some("sha256:abcd"), "--pin").is_err());
        assert!(certificate_rule(Some("sha1:abcd"), "--pin").is_err());
        assert!(matches!(
            certificate_rule(None, "--pin"),
            Ok(CertificateRule::Public)
        ));
    }
}
