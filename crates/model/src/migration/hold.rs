//! Why a migration may not go on now.

/// Why a migration may not go on now. A person sees [`Hold::sentence`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hold {
    /// A person wants it to wait.
    Paused {
        /// Who: a login, or whoever ran the command.
        by: String,
    },
    /// The old server refuses the password that is known.
    CredentialRejected,
    /// The password that is known cannot be read: the key was lost, or is another.
    CredentialUnreadable,
    /// There is no room for its mail here.
    TargetFull,
    /// Its mailbox here cannot be written: permissions, a file system that is read-only.
    TargetUnwritable,
    /// The old server shows a certificate that is not believed.
    CertificateChanged,
    /// The old server does not deliver so many messages that something must be wrong.
    TooManyRefused,
}

impl Hold {
    /// One of each; the pause is nobody's.
    pub const ALL: [Self; 7] = [
        Self::Paused { by: String::new() },
        Self::CredentialRejected,
        Self::CredentialUnreadable,
        Self::TargetFull,
        Self::TargetUnwritable,
        Self::CertificateChanged,
        Self::TooManyRefused,
    ];

    /// Its word.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Paused { .. } => "paused",
            Self::CredentialRejected => "credential-rejected",
            Self::CredentialUnreadable => "credential-unreadable",
            Self::TargetFull => "target-full",
            Self::TargetUnwritable => "target-unwritable",
            Self::CertificateChanged => "certificate-changed",
            Self::TooManyRefused => "too-many-refused",
        }
    }

    /// What the word means; a pause is that of `by`.
    pub fn named(word: &str, by: Option<&str>) -> Option<Self> {
        let found = Self::ALL.into_iter().find(|hold| hold.as_str() == word)?;
        Some(match found {
            Self::Paused { .. } => Self::Paused {
                by: by.unwrap_or_default().to_owned(),
            },
            other => other,
        })
    }

    /// What is wrong and what helps, for a person.
    pub fn sentence(&self) -> String {
        let sentence = match self {
            Self::Paused { by } if by.is_empty() => "paused; “transhume migration resume” lets it go on",
            Self::Paused { by } => {
                return format!("paused by {by}; “transhume migration resume” lets it go on");
            }
            Self::CredentialRejected => {
                "the old server refuses the password that is known; it goes on when its owner logs in here with the \
                 password of the old server, or with “transhume migration retry”"
            }
            Self::CredentialUnreadable => {
                "the stored password cannot be read with this key; put the right key file back, or let its owner log in \
                 here with the password of the old server"
            }
            Self::TargetFull => {
                "there is no room here: the disk is full, or a quota is used up; it goes on by itself when there is"
            }
            Self::TargetUnwritable => {
                "its mailbox here cannot be written; look at the owner and permissions of its folder; it goes on by itself"
            }
            Self::CertificateChanged => {
                "the old server shows a certificate that is not believed; see “transhume provider check”; it goes on by \
                 itself when the certificate, or what the provider says of it, is right"
            }
            Self::TooManyRefused => {
                "the old server does not deliver many of its messages; it is asked again from time to time"
            }
        };
        sentence.to_owned()
    }

    /// Whether a pass may find out that the cause is gone, so that it is tried from time to time. A password that was
    /// refused is not tried again: servers lock accounts for that.
    pub fn is_tried_again(&self) -> bool {
        match self {
            Self::Paused { .. } | Self::CredentialRejected => false,
            Self::CredentialUnreadable
            | Self::TargetFull
            | Self::TargetUnwritable
            | Self::CertificateChanged
            | Self::TooManyRefused => true,
        }
    }

    /// Whether another password of the old server may be the cure.
    pub fn is_of_credential(&self) -> bool {
        matches!(self, Self::CredentialRejected | Self::CredentialUnreadable)
    }
}
