//! The two ends of an account, from what was typed.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use transhume_model::mail::{Digest, InternalDate};
use transhume_model::plan::{Pattern, Selection};
use transhume_sync::{CertificateRule, Source, SourceAddress};

use super::{Options, address, password, state_file};
use crate::exit::Failure;

/// Both ends, checked as far as they can be without touching anything.
#[derive(Debug)]
pub(crate) struct Ends {
    /// Where the account is.
    pub(crate) address: SourceAddress,
    /// Where its mail goes.
    pub(crate) maildir: PathBuf,
    /// Where it is remembered what was moved.
    pub(crate) state: PathBuf,
    /// Which mailboxes.
    pub(crate) selection: Selection,
    /// New connections in a row that may bring nothing.
    pub(crate) retries: u32,
    certificate: CertificateRule,
    password_file: Option<PathBuf>,
    patience: Duration,
}

impl Ends {
    /// Checks the options.
    pub(crate) fn new(options: &Options) -> Result<Self, Failure> {
        let address = address::parse_source(&options.from)?;
        let maildir = address::parse_target(&options.to)?;
        let certificate = certificate_rule(options.pin.as_deref())?;
        let patterns = |texts: &[String]| texts.iter().map(|text| Pattern::new(text)).collect();
        let state = options.state.clone();
        Ok(Self {
            address,
            certificate,
            state: state.unwrap_or_else(|| state_file::beside(&maildir)),
            maildir,
            selection: Selection {
                include: patterns(&options.include),
                exclude: patterns(&options.exclude),
            },
            retries: options.retries,
            password_file: options.password_file.clone(),
            patience: Duration::from_secs(options.timeout),
        })
    }

    /// The source. Asks for the password, which is done last, when all else is right.
    pub(crate) fn source(&self) -> Result<Source, Failure> {
        let SourceAddress { user, host, .. } = &self.address;
        let password = password::obtain(self.password_file.as_deref(), user, host)?.reveal();
        Ok(Source {
            address: self.address.clone(),
            password,
            certificate: self.certificate,
            patience: self.patience,
        })
    }
}

fn certificate_rule(pin: Option<&str>) -> Result<CertificateRule, Failure> {
    let Some(pin) = pin else {
        return Ok(CertificateRule::Public);
    };
    let hex = match pin.split_once(':') {
        Some((name, hex)) if name.eq_ignore_ascii_case("sha256") => hex,
        _ => pin,
    };
    Digest::from_hex(hex).map(CertificateRule::Pinned).ok_or_else(|| {
        Failure::usage(
            "--pin: this is not a SHA-256 digest",
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
                matches!(certificate_rule(Some(&pin)), Ok(CertificateRule::Pinned(_))),
                "{pin}"
            );
        }
        assert!(certificate_rule(Some("sha256:abcd")).is_err());
        assert!(certificate_rule(Some("sha1:abcd")).is_err());
        assert!(matches!(certificate_rule(None), Ok(CertificateRule::Public)));
    }
}
