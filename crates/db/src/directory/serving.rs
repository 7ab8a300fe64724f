//! What Postfix and Dovecot ask the directory: the queries that their configurations hold. They read the views of
//! `schema/directory/0002_views.sql` alone, are the same for SQLite and PostgreSQL, and find everything by an index.
//!
//! Postfix fills in, quoted for the engine: `%s` what is asked for, `%u` and `%d` what stands before and behind its `@`. A
//! query with `%u` or `%d` is not sent for a key that has no such part (`pgsql_table(5)`, `sqlite_table(5)`): so what is for
//! addresses is never asked for `@domain`.

/// One of Postfix's maps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Map {
    /// Domains whose mail ends here.
    Domains,
    /// Addresses of mailboxes that receive.
    Mailboxes,
    /// Where an address leads: aliases, forwards, other names of domains, and mailboxes to themselves.
    Aliases,
    /// Where `@domain` leads.
    CatchAlls,
    /// Addresses that exist, but receive nothing now.
    Refused,
    /// Domains whose mail goes on to another server.
    RelayDomains,
    /// The way to them.
    Transports,
    /// Those among them whose server is asked whether a recipient exists.
    VerifiedDomains,
    /// Who may send as an address.
    Senders,
    /// Who may send as any address of a domain that has nothing of its own.
    CatchAllSenders,
}

impl Map {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Domains,
        Self::Mailboxes,
        Self::Aliases,
        Self::CatchAlls,
        Self::Refused,
        Self::RelayDomains,
        Self::Transports,
        Self::VerifiedDomains,
        Self::Senders,
        Self::CatchAllSenders,
    ];

    /// Its name, as files are called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Domains => "domains",
            Self::Mailboxes => "mailboxes",
            Self::Aliases => "aliases",
            Self::CatchAlls => "catch-alls",
            Self::Refused => "refused",
            Self::RelayDomains => "relay-domains",
            Self::Transports => "transports",
            Self::VerifiedDomains => "verified-domains",
            Self::Senders => "senders",
            Self::CatchAllSenders => "catch-all-senders",
        }
    }

    /// Its query, in one line.
    pub fn query(self) -> &'static str {
        match self {
            Self::Domains => "SELECT name FROM mail_domain WHERE name = '%s'",
            Self::Mailboxes => "SELECT address FROM mail_mailbox WHERE address = '%s' AND receives",
            // 1: where its alias leads. 2: a mailbox keeps its mail, unless it is forwarded without a copy; it stands here
            // also where it receives nothing, so that Postfix does not go on to the catch-all. 3: the same local part of the
            // domain that this is another name of, where there is something and this name has nothing of its own.
            // A whole domain comes first: only there Postfix keeps the local part.
            Self::Aliases => concat!(
                "SELECT recipient FROM (",
                "SELECT recipient FROM mail_alias WHERE address = '%s'",
                " UNION SELECT address FROM mail_mailbox WHERE address = '%s'",
                " AND (keeps_copy OR NOT EXISTS (SELECT 1 FROM mail_alias WHERE address = '%s'))",
                " UNION SELECT '%u@' || target FROM mail_domain_alias WHERE name = '%d'",
                " AND NOT EXISTS (SELECT 1 FROM mail_alias WHERE address = '%s')",
                " AND (EXISTS (SELECT 1 FROM mail_mailbox WHERE address = '%u@' || target)",
                " OR EXISTS (SELECT 1 FROM mail_alias WHERE address = '%u@' || target))",
                ") AS found ORDER BY substr(recipient, 1, 1) <> '@', recipient"
            ),
            // Another name of a domain has the domain's own catch-all where it has none itself. (That @other-name leads to
            // @domain would make every address of it exist.)
            Self::CatchAlls => concat!(
                "SELECT recipient FROM (",
                "SELECT recipient FROM mail_alias WHERE address = '%s' AND substr('%s', 1, 1) = '@'",
                " UNION SELECT recipient FROM mail_domain_alias JOIN mail_alias ON address = '@' || target",
                " WHERE name = substr('%s', 2) AND substr('%s', 1, 1) = '@'",
                " AND NOT EXISTS (SELECT 1 FROM mail_alias WHERE address = '%s')",
                ") AS found ORDER BY substr(recipient, 1, 1) <> '@', recipient"
            ),
            Self::Refused => concat!(
                "SELECT '550 5.2.1 This mailbox is disabled' FROM mail_mailbox WHERE address = '%s' AND NOT receives",
                " UNION SELECT '550 5.2.1 This mailbox is disabled' FROM mail_domain_alias",
                " JOIN mail_mailbox ON address = '%u@' || target WHERE name = '%d' AND NOT receives",
                " AND NOT EXISTS (SELECT 1 FROM mail_alias WHERE address = '%s')"
            ),
            Self::RelayDomains => "SELECT name FROM mail_relay WHERE name = '%s'",
            Self::Transports => "SELECT transport FROM mail_relay WHERE name = '%s'",
            Self::VerifiedDomains => {
                "SELECT 'reject_unverified_recipient' FROM mail_relay WHERE name = '%s' AND verify"
            }
            // 1 and 2: a mailbox, under all names of its domain. 3 and 4: an alias may be sent as by the mailboxes that it
            // leads to; a forward may not. 5: who may not send has an owner whom nobody can be, or the catch-all's would be
            // asked.
            Self::Senders => concat!(
                "SELECT address FROM mail_mailbox WHERE address = '%s' AND sends",
                " UNION SELECT address FROM mail_domain_alias JOIN mail_mailbox ON address = '%u@' || target",
                " WHERE name = '%d' AND sends",
                " UNION SELECT owner.address FROM mail_alias AS lead JOIN mail_mailbox AS owner",
                " ON owner.address = lead.recipient WHERE lead.address = '%s' AND owner.sends",
                " AND NOT EXISTS (SELECT 1 FROM mail_mailbox WHERE address = '%s')",
                " UNION SELECT owner.address FROM mail_domain_alias JOIN mail_alias AS lead ON lead.address = '%u@' || target",
                " JOIN mail_mailbox AS owner ON owner.address = lead.recipient WHERE name = '%d' AND owner.sends",
                " AND NOT EXISTS (SELECT 1 FROM mail_mailbox WHERE address = '%u@' || target)",
                " UNION SELECT '@' || '%d' FROM mail_mailbox WHERE address = '%s' AND NOT sends ORDER BY 1"
            ),
            Self::CatchAllSenders => concat!(
                "SELECT owner.address FROM mail_alias AS lead JOIN mail_mailbox AS owner ON owner.address = lead.recipient",
                " WHERE lead.address = '%s' AND substr('%s', 1, 1) = '@' AND owner.sends ORDER BY 1"
            ),
        }
    }
}

/// Dovecot's question at a login: who it is, and what the password is checked against. `{user}` and `{service}` stand for
/// Dovecot's variables, whose spelling depends on its version. Whose mail is still on the old server is nobody where mail is shown.
pub const LOGIN: &str = "SELECT address AS \"user\", password FROM mail_login WHERE login = '{user}' \
                         AND (sends OR '{service}' NOT IN ('smtp', 'submission')) \
                         AND (here OR '{service}' NOT IN ('imap', 'pop3'))";

/// Dovecot's question before it opens or fills a mailbox, 2.3: below the folder `{root}`, as `{owner}` and `{group}`. Without these two
/// Dovecot answers nobody but root, and doveadm runs with the rights of the owner of all mail.
pub const USER: &str = "SELECT '{root}/' || below AS home, '{owner}' AS uid, '{group}' AS gid, \
                        '*:bytes=' || quota AS quota_rule FROM mail_user WHERE address = '{user}'";

/// The same for 2.4, which knows quotas by another name.
pub const USER_2_4: &str = "SELECT '{root}/' || below AS home, '{owner}' AS uid, '{group}' AS gid, \
                            quota || 'B' AS quota_storage_size FROM mail_user WHERE address = '{user}'";

/// Dovecot's question who there is (`doveadm -A`).
pub const EVERYBODY: &str = "SELECT address AS \"user\" FROM mail_user ORDER BY address";

/// Views that Postfix needs to read.
pub const POSTFIX_VIEWS: [&str; 5] = [
    "mail_domain",
    "mail_domain_alias",
    "mail_relay",
    "mail_mailbox",
    "mail_alias",
];

/// Views that Dovecot needs to read.
pub const DOVECOT_VIEWS: [&str; 2] = ["mail_login", "mail_user"];
