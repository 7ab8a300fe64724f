//! Postfix: a file for each map, and settings for `main.cf`.

use std::fmt::Write as _;

use transhume_db::directory::serving::{Map, POSTFIX_VIEWS};

use super::{CannotRender, ConfigFile, Database, Readers, Rendered, Request, path, role};

const ROLE: &str = "transhume_postfix";

/// Postfix's files, for 3.4 and later.
pub fn postfix(request: &Request) -> Result<Rendered, CannotRender> {
    let folder = path("the folder of the files", &request.folder)?;
    let database = request.database()?;
    let mut files: Vec<ConfigFile> = Map::ALL.iter().map(|map| map_file(*map, &database)).collect();
    files.push(ConfigFile {
        name: "main.cf".to_owned(),
        text: main_cf(&folder, &database),
        readers: Readers::Everybody,
    });
    let mut instructions = format!(
        "Postfix:\n\
         1. Look at {folder}/main.cf. These settings take the place of those of the same name; all others stay:\n\
         \x20    xargs -d '\\n' -a {folder}/main.cf postconf -e\n\
         \x20  Domains of the directory must not stand in mydestination.\n\
         2. TLS, the submission service in master.cf, and milters are yours, as before.\n"
    );
    match &database {
        Database::Sqlite(file) => {
            let _ = write!(
                instructions,
                "3. Let Postfix read the file, and the folder that it lies in (package postfix-sqlite):\n\
                 \x20    chgrp postfix {file} \"$(dirname {file})\"\n\
                 \x20    chmod 640 {file}; chmod 750 \"$(dirname {file})\"\n"
            );
        }
        Database::Postgres { password, name, .. } => {
            files.push(role(ROLE, password, name, &POSTFIX_VIEWS));
            let _ = write!(
                instructions,
                "3. Make the role that Postfix reads the database with (package postfix-pgsql):\n\
                 \x20    psql -d {name} -f {folder}/role.sql\n"
            );
        }
    }
    let _ = write!(
        instructions,
        "4. Try a map, then reload:\n\
         \x20    postmap -q user@example.org {}:{folder}/aliases.cf\n\
         \x20    postfix reload\n",
        kind(&database)
    );
    Ok(Rendered { files, instructions })
}

fn kind(database: &Database) -> &'static str {
    match database {
        Database::Sqlite(_) => "sqlite",
        Database::Postgres { .. } => "pgsql",
    }
}

fn map_file(map: Map, database: &Database) -> ConfigFile {
    let query = map.query();
    let (text, readers) = match database {
        Database::Sqlite(file) => (format!("dbpath = {file}\nquery = {query}\n"), Readers::Everybody),
        Database::Postgres {
            host,
            port,
            name,
            password,
        } => {
            // A socket's folder; Postfix then takes PostgreSQL's usual port.
            let hosts = if host.starts_with('/') {
                format!("unix:{host}")
            } else {
                format!("{host}:{port}")
            };
            let text = format!(
                "hosts = {hosts}\nuser = {ROLE}\npassword = {password}\ndbname = {name}\nquery = {query}\n"
            );
            (text, Readers::Server)
        }
    };
    ConfigFile {
        name: format!("{}.cf", map.name()),
        text,
        readers,
    }
}

/// The settings, one in each line, as `postconf -e` takes them.
fn main_cf(folder: &str, database: &Database) -> String {
    let kind = kind(database);
    // Through proxymap: smtpd may be in a chroot, and there are few connections to the database instead of many.
    let map = |map: Map| format!("proxy:{kind}:{folder}/{}.cf", map.name());
    let list = |maps: &[Map]| maps.iter().map(|one| map(*one)).collect::<Vec<_>>().join(" ");
    let settings = [
        ("virtual_mailbox_domains", map(Map::Domains)),
        ("virtual_mailbox_maps", map(Map::Mailboxes)),
        ("virtual_alias_maps", list(&[Map::Aliases, Map::CatchAlls])),
        ("virtual_transport", "lmtp:unix:private/dovecot-lmtp".to_owned()),
        ("relay_domains", map(Map::RelayDomains)),
        ("transport_maps", map(Map::Transports)),
        // Without relay_domains and smtpd_access_maps: a domain in the directory says nothing of those below it.
        (
            "parent_domain_matches_subdomains",
            "debug_peer_list fast_flush_domains mynetworks permit_mx_backup_networks qmqpd_authorized_clients".to_owned(),
        ),
        ("recipient_delimiter", "+".to_owned()),
        ("smtpd_sasl_type", "dovecot".to_owned()),
        ("smtpd_sasl_path", "private/auth".to_owned()),
        ("smtpd_sasl_auth_enable", "yes".to_owned()),
        ("smtpd_sasl_security_options", "noanonymous".to_owned()),
        ("smtpd_sender_login_maps", list(&[Map::Senders, Map::CatchAllSenders])),
        ("smtpd_sender_restrictions", "reject_authenticated_sender_login_mismatch".to_owned()),
        (
            "smtpd_relay_restrictions",
            "permit_mynetworks permit_sasl_authenticated reject_unauth_destination".to_owned(),
        ),
        (
            "smtpd_recipient_restrictions",
            format!(
                "reject_unlisted_recipient check_recipient_access {} permit_mynetworks permit_sasl_authenticated \
                 check_recipient_access {}",
                map(Map::Refused),
                map(Map::VerifiedDomains)
            ),
        ),
    ];
    settings.iter().fold(String::new(), |mut text, (name, value)| {
        let _ = writeln!(text, "{name} = {value}");
        text
    })
}
