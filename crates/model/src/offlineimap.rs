//! The configuration file with which OfflineIMAP carries mail, written so that it reads back what was meant.
//!
//! OfflineIMAP reads it with Python's `configparser`: `%` begins a reference to another option and is doubled; blanks around
//! a value are cut off; a comma ends a name in the list of accounts. So the names of sections hold nothing of the kind, and
//! what a line cannot hold is written as a Python expression (`remotepasseval`).

use std::fmt::Write as _;
use std::num::NonZeroU32;

use crate::directory::{Address, CertificateTrust, HostName, Provider, ProviderSecurity};
use crate::mail::mutf7;

/// What holds for the whole file.
#[derive(Clone, Debug)]
pub struct OfflineImap<'a> {
    /// Accounts that are worked on at a time.
    pub jobs: NonZeroU32,
    /// Whether folders that are missing here are made.
    pub create_folders: bool,
    /// Which folders are carried.
    pub folders: Folders<'a>,
    /// The server here.
    pub local_host: &'a str,
    /// Its port; `None` is IMAP's own.
    pub local_port: Option<u16>,
    /// The file with the certificates of the authorities that are believed.
    pub authorities: &'a str,
}

/// Which folders are carried.
#[derive(Clone, Copy, Debug)]
pub enum Folders<'a> {
    /// By the settings' patterns: when there are any to include, only those; without those to exclude.
    Patterns {
        /// Patterns to include.
        include: &'a [String],
        /// Patterns to exclude.
        exclude: &'a [String],
    },
    /// As Modoboa's settings say it: all but those that a regular expression finds, and those that are named.
    Filter {
        /// *Folder filter exclusions*: a regular expression of Python's.
        exclude: Option<&'a str>,
        /// *Folder filter inclusions*: names of folders.
        include: &'a [String],
    },
}

/// One account.
#[derive(Clone, Debug)]
pub struct OfflineImapAccount<'a> {
    /// Where it comes from.
    pub provider: &'a Provider,
    /// Its address there.
    pub old_address: &'a Address,
    /// The password there: its own, or that of the provider's master user.
    pub remote_password: &'a str,
    /// What it is called here.
    pub local_login: &'a str,
    /// Its password here.
    pub local_password: &'a str,
}

/// The file's text. Accounts stand in their order.
pub fn render(how: &OfflineImap<'_>, accounts: &[OfflineImapAccount<'_>]) -> String {
    let names: Vec<String> = accounts
        .iter()
        .map(|account| section(account.old_address.as_str()))
        .collect();
    let mut file = File(String::new());
    file.section("general");
    file.line("accounts", &names.join(", "));
    file.line("maxsyncaccounts", &how.jobs.to_string());
    for (account, name) in accounts.iter().zip(&names) {
        file.section(&format!("Account {name}"));
        file.line("localrepository", &format!("Local_{name}"));
        file.line("remoterepository", &format!("Remote_{name}"));
        file.section(&format!("Repository Local_{name}"));
        local(&mut file, how, account);
        file.section(&format!("Repository Remote_{name}"));
        remote(&mut file, how, account);
    }
    file.0
}

fn local(file: &mut File, how: &OfflineImap<'_>, account: &OfflineImapAccount<'_>) {
    file.line("type", "IMAP");
    file.line("ssl", "false");
    file.value("remotehost", how.local_host);
    if let Some(port) = how.local_port {
        file.line("remoteport", &port.to_string());
    }
    file.value("remoteuser", account.local_login);
    file.value("remotepass", account.local_password);
    if !how.create_folders {
        file.line("createfolders", "False");
    }
}

fn remote(file: &mut File, how: &OfflineImap<'_>, account: &OfflineImapAccount<'_>) {
    let provider = account.provider;
    file.line("type", "IMAP");
    file.value("remotehost", HostName::as_str(&provider.host));
    file.line("remoteport", &provider.port.to_string());
    let (is_tls, is_start_tls) = match provider.security {
        ProviderSecurity::Tls => (true, false),
        ProviderSecurity::StartTls => (false, true),
        ProviderSecurity::Clear => (false, false),
    };
    file.line("ssl", if is_tls { "yes" } else { "no" });
    if is_start_tls {
        file.line("starttls", "yes");
    }
    if is_tls || is_start_tls {
        match provider.certificate {
            CertificateTrust::Public => file.value("sslcacertfile", how.authorities),
            trust @ CertificateTrust::Pinned(_) => {
                file.line("cert_fingerprint", &trust.hex().unwrap_or_default());
            }
        }
    }
    if provider.connections_per_account != Provider::CONNECTIONS_PER_ACCOUNT {
        file.line("maxconnections", &provider.connections_per_account.to_string());
    }
    file.value("remoteuser", &provider.login_of_passes(account.old_address));
    file.value("remotepass", account.remote_password);
    file.line("readonly", "true");
    folders(file, how.folders);
}

fn folders(file: &mut File, folders: Folders<'_>) {
    match folders {
        Folders::Patterns { include, exclude } => {
            let search =
                |patterns: &[String]| format!("re.search({}, folder)", python(&expression(patterns)));
            let filter = match (include, exclude) {
                ([], []) => return,
                ([], exclude) => format!("not {}", search(exclude)),
                (include, []) => format!("bool({})", search(include)),
                (include, exclude) => format!("bool({}) and not {}", search(include), search(exclude)),
            };
            file.line("folderfilter", &doubled(&format!("lambda folder: {filter}")));
        }
        Folders::Filter { exclude, include } => {
            if let Some(exclude) = exclude {
                let filter = format!(
                    "lambda folder: not re.search({}, folder)",
                    python(&format!("({exclude})"))
                );
                file.line("folderfilter", &doubled(&filter));
            }
            if !include.is_empty() {
                let names: Vec<String> = include.iter().map(|name| python(&mutf7::encode(name))).collect();
                file.line("folderincludes", &doubled(&format!("[{}]", names.join(", "))));
            }
        }
    }
}

/// A regular expression that finds the folders which one of the patterns covers ([`crate::plan::Pattern`]), as the old server
/// spells them: with `/` or `.` between levels, perhaps below INBOX.
fn expression(patterns: &[String]) -> String {
    let alternatives: Vec<String> = patterns.iter().map(|pattern| alternative(pattern)).collect();
    format!("^(?:INBOX[/.])?(?:{})(?:[/.].*)?$", alternatives.join("|"))
}

fn alternative(pattern: &str) -> String {
    let mut expression = String::new();
    let mut plain = String::new();
    let flush = |plain: &mut String, expression: &mut String| {
        for letter in mutf7::encode(plain).chars() {
            if !letter.is_ascii_alphanumeric() {
                expression.push('\\');
            }
            expression.push(letter);
        }
        plain.clear();
    };
    for letter in pattern.chars() {
        let special = match letter {
            '*' => ".*",
            '%' => "[^/]*",
            '/' => "[/.]",
            _ => {
                plain.push(letter);
                continue;
            }
        };
        flush(&mut plain, &mut expression);
        expression.push_str(special);
    }
    flush(&mut plain, &mut expression);
    expression
}

/// The name of an account's section: its address, with `=XX` for each octet that the list of accounts, a section's line or the
/// name of a file could not hold.
fn section(address: &str) -> String {
    address.bytes().fold(String::new(), |mut name, octet| {
        if octet.is_ascii_alphanumeric() || b"@._+-".contains(&octet) {
            name.push(char::from(octet));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(name, "={octet:02X}");
        }
        name
    })
}

fn doubled(text: &str) -> String {
    text.replace('%', "%%")
}

/// A text as Python writes it, in printable ASCII.
fn python(text: &str) -> String {
    let mut literal = String::from("'");
    for letter in text.chars() {
        let code = u32::from(letter);
        // Writing to a string cannot fail.
        let _ = match letter {
            '\'' | '\\' => write!(literal, "\\{letter}"),
            ' '..='~' => write!(literal, "{letter}"),
            _ if code < 0x100 => write!(literal, "\\x{code:02x}"),
            _ if code < 0x1_0000 => write!(literal, "\\u{code:04x}"),
            _ => write!(literal, "\\U{code:08x}"),
        };
    }
    literal.push('\'');
    literal
}

struct File(String);

impl File {
    fn section(&mut self, name: &str) {
        let blank = if self.0.is_empty() { "" } else { "\n" };
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "{blank}[{name}]");
    }

    /// An option whose text can stand as it is.
    fn line(&mut self, option: &str, text: &str) {
        let _ = writeln!(self.0, "{option} = {text}");
    }

    /// An option with any text.
    fn value(&mut self, option: &str, text: &str) {
        // Python cuts off what it takes for blanks: these too.
        let is_blank = |letter: char| letter.is_whitespace() || letter.is_control();
        let is_plain = !text.is_empty()
            && !text.chars().any(char::is_control)
            && !text.starts_with(is_blank)
            && !text.ends_with(is_blank);
        if is_plain {
            self.line(option, &doubled(text));
        } else {
            self.line(&format!("{option}eval"), &doubled(&python(text)));
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::directory::ProviderName;

    fn provider(security: ProviderSecurity) -> Provider {
        Provider {
            security,
            port: security.port(),
            ..Provider::new(
                ProviderName::parse("Old").unwrap(),
                HostName::parse("imap.old.example").unwrap(),
            )
        }
    }

    fn how() -> OfflineImap<'static> {
        OfflineImap {
            jobs: NonZeroU32::MIN.saturating_add(3),
            create_folders: true,
            folders: Folders::Patterns {
                include: &[],
                exclude: &[],
            },
            local_host: "localhost",
            local_port: None,
            authorities: "/etc/ssl/certs/ca-certificates.crt",
        }
    }

    fn rendered(how: &OfflineImap<'_>, provider: &Provider, address: &str, password: &str) -> String {
        let old_address = Address::parse(address).unwrap();
        render(
            how,
            &[OfflineImapAccount {
                provider,
                old_address: &old_address,
                remote_password: password,
                local_login: old_address.as_str(),
                local_password: password,
            }],
        )
    }

    #[test]
    fn a_whole_file() {
        let how = OfflineImap {
            create_folders: false,
            local_port: Some(1143),
            ..how()
        };
        let file = rendered(
            &how,
            &provider(ProviderSecurity::Tls),
            "o'neil/50%@old.example",
            "100% ",
        );
        expect![[r#"
            [general]
            accounts = o=27neil=2F50=25@old.example
            maxsyncaccounts = 4

            [Account o=27neil=2F50=25@old.example]
            localrepository = Local_o=27neil=2F50=25@old.example
            remoterepository = Remote_o=27neil=2F50=25@old.example

            [Repository Local_o=27neil=2F50=25@old.example]
            type = IMAP
            ssl = false
            remotehost = localhost
            remoteport = 1143
            remoteuser = o'neil/50%%@old.example
            remotepasseval = '100%% '
            createfolders = False

            [Repository Remote_o=27neil=2F50=25@old.example]
            type = IMAP
            remotehost = imap.old.example
            remoteport = 993
            ssl = yes
            sslcacertfile = /etc/ssl/certs/ca-certificates.crt
            remoteuser = o'neil/50%%@old.example
            remotepasseval = '100%% '
            readonly = true
        "#]]
        .assert_eq(&file);
    }

    #[test]
    fn values_that_no_line_holds_are_expressions() {
        for (password, line) in [
            ("Secret1", "remotepass = Secret1"),
            (
                "#hash ; [x] = 'q' \"r\" \\",
                "remotepass = #hash ; [x] = 'q' \"r\" \\",
            ),
            ("pässwörd€", "remotepass = pässwörd€"),
            ("50%", "remotepass = 50%%"),
            (" lead", "remotepasseval = ' lead'"),
            ("nbsp\u{a0}", "remotepasseval = 'nbsp\\xa0'"),
            ("two\nlines'\\", r"remotepasseval = 'two\x0alines\'\\'"),
            ("\u{1f511} ", "remotepasseval = '\\U0001f511 '"),
            ("\u{2003}€%", "remotepasseval = '\\u2003\\u20ac%%'"),
        ]
        .map(|(password, line)| (password, line.to_owned()))
        {
            let file = rendered(
                &how(),
                &provider(ProviderSecurity::Clear),
                "a@old.example",
                password,
            );
            assert_eq!(
                file.matches(&format!("\n{line}\n")).count(),
                2,
                "{password:?}: {file}"
            );
        }
    }

    #[test]
    fn the_connection_is_as_the_provider_says() {
        let pinned = Provider {
            certificate: CertificateTrust::Pinned([0xab; 32]),
            connections_per_account: NonZeroU32::MIN,
            ..provider(ProviderSecurity::Tls)
        };
        let start_tls = provider(ProviderSecurity::StartTls);
        let clear = provider(ProviderSecurity::Clear);
        let pin = format!("cert_fingerprint = {}", "ab".repeat(32));
        for (provider, has, has_not) in [
            (
                &pinned,
                vec!["ssl = yes", &pin, "maxconnections = 1"],
                vec!["sslcacertfile", "starttls"],
            ),
            (
                &start_tls,
                vec!["ssl = no", "starttls = yes", "sslcacertfile"],
                vec!["cert_fingerprint"],
            ),
            (
                &clear,
                vec!["ssl = no", "remoteport = 143"],
                vec!["sslcacertfile", "starttls", "maxconnections"],
            ),
        ] {
            let file = rendered(&how(), provider, "a@old.example", "x");
            assert!(
                has.iter().all(|line| file.contains(&format!("\n{line}"))),
                "{file}"
            );
            assert!(!has_not.iter().any(|word| file.contains(word)), "{file}");
        }
    }

    fn folder_lines(folders: Folders<'_>) -> String {
        let provider = provider(ProviderSecurity::Clear);
        let old_address = Address::parse("a@old.example").unwrap();
        let account = OfflineImapAccount {
            provider: &provider,
            old_address: &old_address,
            remote_password: "x",
            local_login: "a",
            local_password: "x",
        };
        let file = render(&OfflineImap { folders, ..how() }, &[account]);
        let lines = file.lines().filter(|line| line.starts_with("folder"));
        lines.collect::<Vec<_>>().join("\n")
    }

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|&text| text.to_owned()).collect()
    }

    fn patterns(include: &[&str], exclude: &[&str]) -> String {
        folder_lines(Folders::Patterns {
            include: &texts(include),
            exclude: &texts(exclude),
        })
    }

    fn filter(exclude: Option<&str>, include: &[&str]) -> String {
        folder_lines(Folders::Filter {
            exclude,
            include: &texts(include),
        })
    }

    #[test]
    fn folders_are_filtered() {
        expect![[r#"

            folderfilter = lambda folder: not re.search('^(?:INBOX[/.])?(?:Trash|Lists[/.][^/]*|.*50[^/]*)(?:[/.].*)?$', folder)
            folderfilter = lambda folder: bool(re.search('^(?:INBOX[/.])?(?:Entw\\&APw\\-rfe)(?:[/.].*)?$', folder)) and not re.search('^(?:INBOX[/.])?(?:O\\\'N)(?:[/.].*)?$', folder)
            folderfilter = lambda folder: not re.search('(^Trash$|Del)', folder)
            folderfilter = lambda folder: not re.search('(50%%|"x"|\'y\')', folder)
            folderincludes = ['INBOX', 'Entw&APw-rfe']
        "#]]
        .assert_eq(&[
            patterns(&[], &[]),
            patterns(&[], &["Trash", "Lists/%", "*50%"]),
            patterns(&["Entwürfe"], &["O'N"]),
            filter(Some("^Trash$|Del"), &[]),
            filter(Some("50%|\"x\"|'y'"), &["INBOX", "Entwürfe"]),
            String::new(),
        ]
        .join("\n"));
    }
}
