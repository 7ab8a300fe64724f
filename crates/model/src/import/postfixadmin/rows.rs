//! The rows of a PostfixAdmin database, as they were read: nothing is judged yet.
//!
//! Every engine hands over every value as text; here it becomes what the column is for. A column that this database does not
//! have, and a NULL, are `None`. A value that is not what its column should hold is `None` too, or a no, and named in `unreadable`.

/// A table of PostfixAdmin, by what it is called unless a site has renamed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// Domains; and a row `ALL`, which is none.
    Domain,
    /// Other names of domains.
    AliasDomain,
    /// Accounts with a mailbox.
    Mailbox,
    /// Aliases; and one row for each mailbox, which says where its mail goes.
    Alias,
    /// Administrators.
    Admin,
    /// Which administrator has which domain.
    DomainAdmins,
    /// Absence texts.
    Vacation,
    /// Whom absence texts have answered.
    VacationNotification,
    /// Remote mailboxes that are fetched.
    Fetchmail,
    /// How much mailboxes hold.
    Quota,
    /// The same, for newer Dovecots.
    Quota2,
    /// Keys that sign mail.
    Dkim,
    /// Who signs with which key.
    DkimSigning,
    /// Passwords for single programs.
    AppPassword,
    /// Where no second factor is asked for.
    TotpException,
    /// What administrators like to see.
    AdminPreferences,
    /// Who did what.
    Log,
    /// The version of the tables.
    Config,
}

impl Table {
    /// All of them, in the order of reports.
    pub const ALL: [Self; 18] = [
        Self::Domain,
        Self::AliasDomain,
        Self::Mailbox,
        Self::Alias,
        Self::Admin,
        Self::DomainAdmins,
        Self::Vacation,
        Self::VacationNotification,
        Self::Fetchmail,
        Self::Quota,
        Self::Quota2,
        Self::Dkim,
        Self::DkimSigning,
        Self::AppPassword,
        Self::TotpException,
        Self::AdminPreferences,
        Self::Log,
        Self::Config,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Domain => "domain",
            Self::AliasDomain => "alias_domain",
            Self::Mailbox => "mailbox",
            Self::Alias => "alias",
            Self::Admin => "admin",
            Self::DomainAdmins => "domain_admins",
            Self::Vacation => "vacation",
            Self::VacationNotification => "vacation_notification",
            Self::Fetchmail => "fetchmail",
            Self::Quota => "quota",
            Self::Quota2 => "quota2",
            Self::Dkim => "dkim",
            Self::DkimSigning => "dkim_signing",
            Self::AppPassword => "mailbox_app_password",
            Self::TotpException => "totp_exception_address",
            Self::AdminPreferences => "admin_preferences",
            Self::Log => "log",
            Self::Config => "config",
        }
    }

    /// The table of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|table| table.name() == name)
    }
}

/// What a column holds, and so how a database is asked for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// A whole number.
    Number,
    /// Yes or no: `1`, `0`, `t`, `f`.
    Truth,
    /// A moment; asked for in seconds since 1970 UTC.
    Moment,
}

/// One kind of row.
pub trait Row: Sized {
    /// Its table.
    const TABLE: Table;
    /// Its columns; the first ones name the row, and rows are read in their order.
    const COLUMNS: &'static [(&'static str, Kind)];

    /// Makes a row of its values, in the order of [`Self::COLUMNS`].
    fn read(cells: Vec<Option<String>>) -> Self;
}

macro_rules! rows {
    ($($(#[$doc:meta])* $name:ident of $table:ident { $($(#[$about:meta])* $field:ident: $kind:ident,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Default, PartialEq, Eq)]
        pub struct $name {
            $($(#[$about])* pub $field: rows!(@type $kind),)*
            /// Columns whose value is not what the column should hold.
            pub unreadable: Vec<&'static str>,
        }

        impl Row for $name {
            const TABLE: Table = Table::$table;
            const COLUMNS: &'static [(&'static str, Kind)] = &[$((stringify!($field), Kind::$kind)),*];

            fn read(cells: Vec<Option<String>>) -> Self {
                let mut cells = cells.into_iter();
                let mut unreadable = Vec::new();
                $(let $field = rows!(@read $kind, cells.next().flatten(), unreadable, stringify!($field));)*
                Self { $($field,)* unreadable }
            }
        }
    )*};
    (@type Text) => { Option<String> };
    (@type Number) => { Option<i64> };
    (@type Truth) => { Option<bool> };
    (@type Moment) => { Option<i64> };
    (@read Text, $cell:expr, $unreadable:ident, $name:expr) => { text($cell, &mut $unreadable) };
    (@read Number, $cell:expr, $unreadable:ident, $name:expr) => {
        understood($cell, number, $name, &mut $unreadable)
    };
    (@read Truth, $cell:expr, $unreadable:ident, $name:expr) => {
        yes_or_no($cell, $name, &mut $unreadable)
    };
    (@read Moment, $cell:expr, $unreadable:ident, $name:expr) => {
        understood($cell, number, $name, &mut $unreadable).and_then(moment)
    };
}

rows! {
    /// A domain.
    DomainRow of Domain {
        /// Its name.
        domain: Text,
        /// What its owner wrote about it.
        description: Text,
        /// How many aliases; 0 is unlimited, -1 none.
        aliases: Number,
        /// How many mailboxes; 0 is unlimited, -1 none.
        mailboxes: Number,
        /// Megabytes that one mailbox may be given; 0 and -1 are unlimited.
        maxquota: Number,
        /// Megabytes that all may hold together; 0 and -1 are unlimited.
        quota: Number,
        /// Postfix's transport.
        transport: Text,
        /// Whether another server has the mail, and this one only helps.
        backupmx: Truth,
        /// When it was made.
        created: Moment,
        /// Whether it is in use.
        active: Truth,
        /// Days after which its passwords have to be changed.
        password_expiry: Number,
    }

    /// Another name of a domain.
    AliasDomainRow of AliasDomain {
        /// The other name.
        alias_domain: Text,
        /// The domain.
        target_domain: Text,
        /// Whether it is in use.
        active: Truth,
        /// What its owner wrote about it.
        description: Text,
    }

    /// An account with a mailbox.
    MailboxRow of Mailbox {
        /// Login and address.
        username: Text,
        /// Hash, in whatever spelling.
        password: Text,
        /// The owner's name.
        name: Text,
        /// Where its mail lies.
        maildir: Text,
        /// Octets; 0 and -1 are unlimited.
        quota: Number,
        /// When it was made.
        created: Moment,
        /// Whether it is in use.
        active: Truth,
        /// Telephone number.
        phone: Text,
        /// Another address of the owner.
        email_other: Text,
        /// When the password has to be changed.
        password_expiry: Moment,
        /// The secret of a second factor. Only whether there is one is looked at.
        totp_secret: Text,
        /// Whether it may send.
        smtp_active: Truth,
    }

    /// An alias, or a mailbox's own row.
    AliasRow of Alias {
        /// What it answers to.
        address: Text,
        /// Where it leads, separated by commas.
        goto: Text,
        /// When it was made.
        created: Moment,
        /// Whether it is in use.
        active: Truth,
        /// What its owner wrote about it.
        description: Text,
    }

    /// An administrator.
    AdminRow of Admin {
        /// Login.
        username: Text,
        /// Hash, in whatever spelling.
        password: Text,
        /// Whether everything is theirs; newer versions only.
        superadmin: Truth,
        /// When it was made.
        created: Moment,
        /// Whether it is in use.
        active: Truth,
        /// Telephone number.
        phone: Text,
        /// Another address.
        email_other: Text,
        /// The secret of a second factor. Only whether there is one is looked at.
        totp_secret: Text,
    }

    /// An administrator's domain; `ALL` is every one.
    DomainAdminRow of DomainAdmins {
        /// The administrator.
        username: Text,
        /// The domain.
        domain: Text,
        /// Whether it is in use.
        active: Truth,
    }

    /// An absence text.
    VacationRow of Vacation {
        /// The mailbox.
        email: Text,
        /// The answer's subject.
        subject: Text,
        /// The answer.
        body: Text,
        /// When it begins.
        activefrom: Moment,
        /// When it ends.
        activeuntil: Moment,
        /// Seconds after which the same person is answered again; 0 is never.
        interval_time: Number,
        /// Whether it is switched on.
        active: Truth,
    }

    /// A remote mailbox that is fetched.
    FetchmailRow of Fetchmail {
        /// Its number.
        id: Number,
        /// Where its mail comes to.
        mailbox: Text,
        /// The server.
        src_server: Text,
        /// How to log in there.
        src_auth: Text,
        /// The login there.
        src_user: Text,
        /// The password there, in base64.
        src_password: Text,
        /// The folder.
        src_folder: Text,
        /// The port; 0 is the protocol's own.
        src_port: Number,
        /// Minutes between two looks.
        poll_time: Number,
        /// `IMAP`, `POP3` and others.
        protocol: Text,
        /// Whether the connection begins with TLS.
        usessl: Truth,
        /// A fingerprint that the server's certificate has to have.
        sslfingerprint: Text,
        /// Whether the mail stays there.
        keep: Truth,
        /// Other settings.
        extra_options: Text,
        /// What mail is handed to.
        mda: Text,
        /// Whether it is in use.
        active: Truth,
    }

    /// A key that signs mail.
    DkimRow of Dkim {
        /// Its number.
        id: Number,
        /// The domain.
        domain_name: Text,
        /// The selector.
        selector: Text,
    }

    /// Who signs with which key.
    DkimSigningRow of DkimSigning {
        /// Its number.
        id: Number,
        /// An address, or a domain.
        author: Text,
    }

    /// A password for one program.
    AppPasswordRow of AppPassword {
        /// Its number.
        id: Number,
        /// The account.
        username: Text,
        /// What it is for.
        description: Text,
    }

    /// Where no second factor is asked for.
    TotpExceptionRow of TotpException {
        /// Its number.
        id: Number,
        /// A network address.
        ip: Text,
        /// The account; empty is everybody, a bare domain everybody there.
        username: Text,
    }

    /// A setting of PostfixAdmin's own.
    ConfigRow of Config {
        /// Its name.
        name: Text,
        /// Its value.
        value: Text,
    }
}

/// A whole database, at one moment.
#[derive(Clone, Default)]
pub struct Source {
    /// Values that were no UTF-8, and were read as Latin-1.
    pub not_utf8: u64,
    /// What is known about the database itself, for the person who asked: its engine does not give one moment, and the like.
    pub warnings: Vec<String>,
    /// Rows of tables of which nothing but that is of interest.
    pub counted: Vec<(Table, u64)>,
    /// Domains.
    pub domains: Vec<DomainRow>,
    /// Other names of domains.
    pub alias_domains: Vec<AliasDomainRow>,
    /// Accounts with a mailbox.
    pub mailboxes: Vec<MailboxRow>,
    /// Aliases, and the mailboxes' own rows.
    pub aliases: Vec<AliasRow>,
    /// Administrators.
    pub admins: Vec<AdminRow>,
    /// Their domains.
    pub domain_admins: Vec<DomainAdminRow>,
    /// Absence texts.
    pub vacations: Vec<VacationRow>,
    /// Remote mailboxes.
    pub fetchmail: Vec<FetchmailRow>,
    /// Keys.
    pub dkim: Vec<DkimRow>,
    /// Who signs.
    pub dkim_signing: Vec<DkimSigningRow>,
    /// Passwords for single programs.
    pub app_passwords: Vec<AppPasswordRow>,
    /// Where no second factor is asked for.
    pub totp_exceptions: Vec<TotpExceptionRow>,
    /// PostfixAdmin's settings.
    pub config: Vec<ConfigRow>,
}

impl Source {
    /// The version of the tables, as they say themselves. Nothing depends on it: the columns tell.
    pub fn version(&self) -> Option<&str> {
        let row = self
            .config
            .iter()
            .find(|row| row.name.as_deref() == Some("version"))?;
        row.value.as_deref()
    }
}

fn understood<T>(
    cell: Option<String>,
    read: impl Fn(&str) -> Option<T>,
    column: &'static str,
    unreadable: &mut Vec<&'static str>,
) -> Option<T> {
    let cell = cell?;
    let value = read(cell.trim());
    if value.is_none() && !cell.trim().is_empty() {
        unreadable.push(column);
    }
    value
}

/// What is neither is a no, as it is where Postfix asks for `active = 1`.
fn yes_or_no(cell: Option<String>, column: &'static str, unreadable: &mut Vec<&'static str>) -> Option<bool> {
    let is_there = cell.is_some();
    understood(cell, truth, column, unreadable).or(is_there.then_some(false))
}

/// Any text is one.
fn text(cell: Option<String>, _: &mut Vec<&'static str>) -> Option<String> {
    cell
}

fn number(text: &str) -> Option<i64> {
    text.parse().ok()
}

fn truth(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "true" => Some(true),
        "0" | "f" | "false" => Some(false),
        _ => None,
    }
}

/// PostfixAdmin's way to say that it does not know, as a default of its columns: 2000-01-01.
const UNKNOWN: i64 = 946_684_800;

/// A moment that means something. A date of zeros, as `MySQL` has them, comes as 0, and the default of a column says nothing.
fn moment(seconds: i64) -> Option<i64> {
    (seconds > 0 && seconds != UNKNOWN).then_some(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_become_what_their_columns_are_for() {
        for (quota, active, created, row) in [
            (
                "5",
                "1",
                "1700000000",
                (Some(5), Some(true), Some(1_700_000_000), vec![]),
            ),
            ("-1", "f", "0", (Some(-1), Some(false), None, vec![])),
            (" 7 ", "true", "946684800", (Some(7), Some(true), None, vec![])),
            (
                "much",
                "perhaps",
                "0000-00-00",
                (None, Some(false), None, vec!["quota", "created", "active"]),
            ),
            ("", "", "", (None, Some(false), None, vec![])),
        ] {
            let mut cells = vec![None; MailboxRow::COLUMNS.len()];
            for (column, value) in [("quota", quota), ("active", active), ("created", created)] {
                let place = MailboxRow::COLUMNS
                    .iter()
                    .position(|(name, _)| *name == column)
                    .unwrap();
                cells[place] = Some(value.to_owned());
            }
            let read = MailboxRow::read(cells);
            assert_eq!(
                (read.quota, read.active, read.created, read.unreadable),
                row,
                "{quota}"
            );
        }
    }

    #[test]
    fn tables_have_one_name_each() {
        for table in Table::ALL {
            assert_eq!(Table::named(table.name()), Some(table));
        }
    }
}
