//! Dovecot: how it logs people in, finds their mailboxes, takes mail from Postfix, and answers for its logins.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use transhume_db::directory::serving::{DOVECOT_VIEWS, EVERYBODY, LOGIN, USER, USER_2_4};

use super::{
    ALLOWED_IN_WORDS, CannotRender, ConfigFile, Database, Readers, Rendered, Request, ServiceHook, path,
    role, word,
};

const ROLE: &str = "transhume_dovecot";

/// Dovecot's versions, which read different files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// 2.3, as in Debian 12.
    V2_3,
    /// 2.4, as in Debian 13.
    V2_4,
}

/// Dovecot's files.
pub fn dovecot(request: &Request, version: Version) -> Result<Rendered, CannotRender> {
    let folder = path("the folder of the files", &request.folder)?;
    let root = path("the folder of all mail", &request.mail_root)?;
    let queue = path("the folder of Postfix's queue", &request.queue)?;
    let user = word("the user of the mail", &request.mail_owner.0, ALLOWED_IN_WORDS)?;
    let group = word("the group of the mail", &request.mail_owner.1, ALLOWED_IN_WORDS)?;
    let database = request.database()?;
    let shared = services(&queue, &database);
    let ask = match &request.service {
        Some(_) => ask(&folder, version),
        None => String::new(),
    };
    let mut files = match version {
        Version::V2_3 => files_2_3(&folder, &root, (&user, &group), &database, (&ask, &shared)),
        Version::V2_4 => files_2_4(&root, (&user, &group), &database, (&ask, &shared)),
    };
    files.extend(request.service.as_ref().map(script));
    let mut instructions = format!(
        "Dovecot:\n\
         1. Make the user and the folder that all mail belongs to, if they are not there:\n\
         \x20    adduser --system --group --no-create-home --home {root} {user}\n\
         \x20    install -d -o {user} -g {group} -m 750 {root}\n\
         2. Name the file at the end of /etc/dovecot/dovecot.conf, and take out what logs people in so far\n\
         \x20  (“!include auth-system.conf.ext” in conf.d/10-auth.conf), or system users can log in, too:\n\
         \x20    !include {folder}/transhume.conf\n"
    );
    match &database {
        Database::Sqlite(_) => instructions.push_str(
            "3. Dovecot reads the file with Postfix's group (packages dovecot-sqlite, dovecot-lmtpd); nothing is left to do.\n",
        ),
        Database::Postgres { password, name, .. } => {
            files.push(role(ROLE, password, name, &DOVECOT_VIEWS));
            let _ = write!(
                instructions,
                "3. Make the role that Dovecot reads the database with (packages dovecot-pgsql, dovecot-lmtpd):\n\
                 \x20    psql -d {name} -f {folder}/role.sql\n"
            );
        }
    }
    instructions.push_str("4. Look, restart, try:\n     doveconf -n\n     systemctl restart dovecot\n     doveadm user user@example.org\n");
    if let Some(service) = &request.service {
        let _ = write!(
            instructions,
            "5. People of old platforms log in through the service, which Dovecot asks at {} (package dovecot-auth-lua). Once it\n\
             \x20  runs (transhume serve), try somebody who is not here yet, and look into the service's log:\n\
             \x20    doveadm auth test user@old.example\n",
            service.at
        );
    }
    if version == Version::V2_4 {
        instructions.push_str(
            "6. Dovecot 2.4 refuses weak schemes (MD5, SHA1, unsalted and DES hashes). If accounts have such, add\n\
             \x20    auth_allow_weak_schemes = yes\n\
             \x20  and take it out again when their owners have chosen new passwords.\n",
        );
    }
    Ok(Rendered { files, instructions })
}

/// The script that asks the service about logins.
const SCRIPT: &str = "transhume-login.lua";

/// The passdb that asks the service: after the directory, which lets in all others by itself.
fn ask(folder: &str, version: Version) -> String {
    let passdb = match version {
        // What the service says is another thing for each protocol, and from one moment to the next: it is remembered for one
        // session only. (Without any key, the auth process of 2.3.19 crashes.)
        Version::V2_3 => format!(
            "passdb {{\n  driver = lua\n  args = file={folder}/{SCRIPT} blocking=yes cache_key=%u/%s/%{{session}}\n}}\n"
        ),
        Version::V2_4 => format!("passdb lua {{\n  lua_file = {folder}/{SCRIPT}\n}}\n"),
    };
    let trust = match version {
        // What ssl_client_ca_dir says counts for other clients of 2.3, and not for its proxy. Programs that get their configuration as
        // variables do not run with so long a one, and do not need it.
        Version::V2_3 => {
            "ssl_ca = </etc/ssl/certs/ca-certificates.crt\nssl_require_crl = no\n\
             protocol doveadm {\n  ssl_ca =\n}\nprotocol lda {\n  ssl_ca =\n}\n"
        }
        Version::V2_4 => "ssl_client_ca_dir = /etc/ssl/certs\n",
    };
    format!(
        "# Who is not let in so far may come from an old platform: Transhume's service knows. While it asks there, a worker waits.\n\
         {passdb}\
         service auth-worker {{\n  process_limit = 200\n}}\n\
         # Whose mail is still there is led there; that server's certificate is checked.\n\
         {trust}"
    )
}

fn script(service: &ServiceHook) -> ConfigFile {
    let mut at = service.at;
    // Listened for everywhere, it is asked here.
    match at.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => at.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => at.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    let secret = service.secret.as_ref().map_or("", |secret| &secret.0);
    ConfigFile {
        name: SCRIPT.to_owned(),
        text: include_str!("login.lua")
            .replace("{url}", &format!("http://{at}/hooks/dovecot"))
            .replace("{secret}", secret),
        readers: if service.secret.is_some() {
            Readers::Server
        } else {
            Readers::Everybody
        },
    }
}

/// What both versions read the same way.
fn services(queue: &str, database: &Database) -> String {
    let mut text = String::new();
    for (service, socket, mode) in [("lmtp", "dovecot-lmtp", "0600"), ("auth", "auth", "0660")] {
        let _ = write!(
            text,
            "service {service} {{\n  unix_listener {queue}/private/{socket} {{\n    mode = {mode}\n    user = postfix\n    group = postfix\n  }}\n}}\n"
        );
    }
    if let Database::Sqlite(_) = database {
        text.push_str("# Postfix's group may read the directory's file.\nservice auth-worker {\n  extra_groups = postfix\n}\n");
    }
    text
}

/// Settings on logins that both versions spell the same way.
const LOGINS: &str = "# The directory knows who there is: any character may stand in a name.\n\
                      auth_username_chars =\n\
                      # Hashes are slow on purpose; several processes share them, and what is known is not asked again at once.\n\
                      auth_cache_size = 10M\n\
                      auth_cache_ttl = 1 min\n\
                      auth_cache_negative_ttl = 0\n\
                      auth_cache_verify_password_with_worker = yes\n";

fn query(template: &str, user: &str, service: &str, root: &str, (owner, group): (&str, &str)) -> String {
    template
        .replace("{owner}", owner)
        .replace("{group}", group)
        .replace("{user}", user)
        .replace("{service}", service)
        .replace("{root}", root)
}

fn files_2_3(
    folder: &str,
    root: &str,
    (user, group): (&str, &str),
    database: &Database,
    (ask, services): (&str, &str),
) -> Vec<ConfigFile> {
    let connect = match database {
        Database::Sqlite(file) => format!("driver = sqlite\nconnect = {file}\n"),
        Database::Postgres {
            host,
            port,
            name,
            password,
        } => format!(
            "driver = pgsql\nconnect = host={host} port={port} dbname={name} user={ROLE} password={password}\n"
        ),
    };
    let query = |template| query(template, "%u", "%s", root, (user, group));
    let sql = format!(
        "{connect}password_query = {}\nuser_query = {}\niterate_query = {}\n",
        query(LOGIN),
        query(USER),
        query(EVERYBODY)
    );
    let text = format!(
        "# Dovecot 2.3: who logs in, and where their mail lies, comes from Transhume's directory.\n\
         mail_location = maildir:~/Maildir\n\
         mail_uid = {user}\n\
         mail_gid = {group}\n\
         first_valid_uid = 1\n\
         auth_mechanisms = plain login\n\
         auth_username_format = %Lu\n\
         {LOGINS}\
         passdb {{\n  driver = sql\n  args = {folder}/transhume-sql.conf.ext\n}}\n\
         {ask}\
         userdb {{\n  driver = sql\n  args = {folder}/transhume-sql.conf.ext\n}}\n\
         mail_plugins = $mail_plugins quota\n\
         protocol imap {{\n  mail_plugins = $mail_plugins imap_quota\n}}\n\
         plugin {{\n  quota = count:User quota\n  quota_vsizes = yes\n}}\n\
         {services}"
    );
    vec![
        ConfigFile {
            name: "transhume.conf".to_owned(),
            text,
            readers: Readers::Everybody,
        },
        ConfigFile {
            name: "transhume-sql.conf.ext".to_owned(),
            text: sql,
            readers: Readers::Server,
        },
    ]
}

fn files_2_4(
    root: &str,
    (user, group): (&str, &str),
    database: &Database,
    (ask, services): (&str, &str),
) -> Vec<ConfigFile> {
    let connect = match database {
        Database::Sqlite(file) => format!("sql_driver = sqlite\nsqlite_path = {file}\n"),
        Database::Postgres {
            host,
            port,
            name,
            password,
        } => format!(
            "sql_driver = pgsql\npgsql {host} {{\n  parameters {{\n    port = {port}\n    dbname = {name}\n    user = {ROLE}\n    password = {password}\n  }}\n}}\n"
        ),
    };
    let query = |template| query(template, "%{user}", "%{protocol}", root, (user, group));
    let text = format!(
        "# Dovecot 2.4: who logs in, and where their mail lies, comes from Transhume's directory.\n\
         mail_driver = maildir\n\
         mail_path = ~/Maildir\n\
         mail_inbox_path =\n\
         mail_uid = {user}\n\
         mail_gid = {group}\n\
         first_valid_uid = 1\n\
         auth_mechanisms = plain login\n\
         auth_username_format = %{{user | lower}}\n\
         {LOGINS}\
         {connect}\
         passdb sql {{\n  query = {}\n}}\n\
         {ask}\
         userdb sql {{\n  query = {}\n  iterate_query = {}\n}}\n\
         mail_plugins {{\n  quota = yes\n}}\n\
         protocol imap {{\n  mail_plugins {{\n    imap_quota = yes\n  }}\n}}\n\
         quota \"User quota\" {{\n}}\n\
         {services}",
        query(LOGIN),
        query(USER_2_4),
        query(EVERYBODY)
    );
    vec![ConfigFile {
        name: "transhume.conf".to_owned(),
        text,
        readers: match database {
            Database::Sqlite(_) => Readers::Everybody,
            Database::Postgres { .. } => Readers::Server,
        },
    }]
}
