//! The configuration file (Dovecot 2.3) and the choice of ports.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::Dovecot;
use crate::encode;
use crate::error::TestkitError;
use crate::place::free_ports;

#[derive(Debug, Default)]
pub(super) struct Ports {
    pub(super) imap: u16,
    pub(super) imaps: Option<u16>,
    pub(super) lmtp: u16,
    pub(super) pop3: u16,
}

impl Ports {
    /// Ports that are free at this moment.
    pub(super) fn free(tls: bool) -> Result<Self, TestkitError> {
        let [imap, imaps, lmtp, pop3] = free_ports()?;
        Ok(Self {
            imap,
            imaps: tls.then_some(imaps),
            lmtp,
            pop3,
        })
    }
}

/// Base64, because a plain password could not have a colon, a line end or a leading brace.
pub(super) fn passwd_file(users: &BTreeMap<String, Vec<u8>>) -> String {
    users.iter().fold(String::new(), |mut text, (name, password)| {
        writeln!(text, "{name}:{{PLAIN.b64}}{}::::::", encode::base64(password)).unwrap();
        text
    })
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn namespace(server: &Dovecot) -> String {
    let builder = &server.builder;
    let mut text = format!(
        "namespace inbox {{\n  inbox = yes\n  separator = {}\n  prefix = {}\n",
        quoted(&builder.separator.to_string()),
        builder.prefix
    );
    for (folder, attribute) in &builder.special_use {
        writeln!(
            text,
            "  mailbox {} {{\n    special_use = \\{attribute}\n  }}",
            quoted(folder)
        )
        .unwrap();
    }
    text.push_str("}\n");
    text
}

fn users(server: &Dovecot) -> String {
    if !server.unprivileged {
        return "default_internal_user = dovecot\ndefault_login_user = dovenull\n".to_owned();
    }
    let (user, group) = (&server.account.user, &server.account.group);
    let mut text = format!(
        "default_internal_user = {user}\ndefault_internal_group = {group}\ndefault_login_user = {user}\n"
    );
    // Only root may chroot.
    for service in ["anvil", "imap-login", "pop3-login", "stats"] {
        writeln!(text, "service {service} {{\n  chroot =\n}}").unwrap();
    }
    text
}

fn tls(server: &Dovecot) -> String {
    server.certificate.as_ref().map_or_else(
        || "ssl = no\n".to_owned(),
        |made| {
            format!(
                "ssl = yes\nssl_cert = <{}\nssl_key = <{}\n",
                made.cert_pem.display(),
                made.key_pem.display()
            )
        },
    )
}

fn listeners(server: &Dovecot) -> String {
    let ports = &server.ports;
    let listener = |service: &str, list: &[(&str, u16, bool)]| {
        let mut text = format!("service {service} {{\n");
        for (name, port, secure) in list {
            writeln!(text, "  inet_listener {name} {{\n    port = {port}").unwrap();
            if *secure {
                text.push_str("    ssl = yes\n");
            }
            text.push_str("  }\n");
        }
        text + "}\n"
    };
    let imaps = ports.imaps.unwrap_or(0);
    listener(
        "imap-login",
        &[("imap", ports.imap, false), ("imaps", imaps, imaps != 0)],
    ) + &listener("pop3-login", &[("pop3", ports.pop3, false), ("pop3s", 0, false)])
        + &listener("lmtp", &[("lmtp", ports.lmtp, false)])
}

fn accounts(server: &Dovecot) -> String {
    if !server.builder.own_accounts {
        return String::new();
    }
    let (dir, homes) = (server.dir.display(), server.homes.display());
    let (uid, gid) = server.mail_owner();
    format!(
        "passdb {{
  driver = passwd-file
  args = {dir}/users
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={homes}/%u
}}
"
    )
}

/// The whole file.
pub(super) fn text(server: &Dovecot) -> String {
    let dir = server.dir.display();
    let (uid, gid) = server.mail_owner();
    format!(
        "base_dir = {dir}/run
state_dir = {dir}/state
log_path = {dir}/dovecot.log
instance_name = {dir}
protocols = imap pop3 lmtp
listen = 127.0.0.1
disable_plaintext_auth = no
auth_mechanisms = plain login
# Wrong passwords are part of many tests: no waiting for them, and no penalty for the next login.
auth_failure_delay = 0
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
mail_location = maildir:~/Maildir
mail_uid = {uid}
mail_gid = {gid}
first_valid_uid = {uid}
last_valid_uid = 0
first_valid_gid = {gid}
mail_max_userip_connections = 1000
{}{}{}{}{}{}",
        accounts(server),
        users(server),
        tls(server),
        namespace(server),
        listeners(server),
        server.builder.extra_config
    )
}
