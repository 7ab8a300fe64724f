//! Remote mailboxes that PostfixAdmin fetches. Those on IMAP servers are kept, to be moved when somebody says so; nothing here
//! starts by itself, for a fetch may delete what it has fetched.

use std::collections::HashSet;
use std::num::NonZeroU16;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::ledger::{Ledger, RowOf};
use super::rows::{FetchmailRow, Table};
use crate::directory::{Address, RemoteMailbox, RemoteSecurity, Secret};

/// Reads the table.
pub(super) fn remote_mailboxes(rows: Vec<FetchmailRow>, ledger: &mut Ledger) -> Vec<(RowOf, RemoteMailbox)> {
    let mut read: Vec<(RowOf, RemoteMailbox)> = Vec::new();
    let mut seen = HashSet::new();
    for (place, from) in rows.into_iter().enumerate() {
        let row = RowOf {
            table: Table::Fetchmail,
            place,
        };
        let text = from.mailbox.clone().unwrap_or_default();
        let name = format!("{} from {}", text, from.src_server.as_deref().unwrap_or_default());
        ledger.note_unreadable(row, &name, &from.unreadable);
        match remote_mailbox(&text, from, row, &name, ledger) {
            Err((what, detail)) => ledger.skip(row, &name, what, detail),
            Ok(remote) if !seen.insert(remote.key()) => {
                ledger.skip(row, &name, "another row fetches the same mailbox", "");
            }
            Ok(remote) => read.push((row, remote)),
        }
    }
    read
}

fn remote_mailbox(
    mailbox: &str,
    from: FetchmailRow,
    row: RowOf,
    name: &str,
    ledger: &mut Ledger,
) -> Result<RemoteMailbox, (&'static str, String)> {
    let protocol = from.protocol.unwrap_or_default().to_uppercase();
    if protocol != "IMAP" {
        return Err((
            "it is not fetched by IMAP; set it up anew, with fetchmail or another program",
            protocol,
        ));
    }
    let mailbox =
        Address::parse(mailbox).map_err(|problem| ("its mailbox is not an address", problem.to_string()))?;
    let host = from.src_server.unwrap_or_default().trim().to_lowercase();
    let user = from.src_user.unwrap_or_default();
    if host.is_empty() || user.is_empty() {
        return Err(("its server or its user is missing", String::new()));
    }
    let security = match from.usessl {
        Some(true) => RemoteSecurity::Tls,
        _ => RemoteSecurity::StartTls,
    };
    let port = u16::try_from(from.src_port.unwrap_or_default()).unwrap_or_default();
    let port = NonZeroU16::new(port).unwrap_or(security.port());
    let password = STANDARD
        .decode(from.src_password.unwrap_or_default().trim())
        .ok()
        .filter(|bytes| !bytes.is_empty());
    if password.is_none() {
        ledger.note(
            row,
            name,
            "its password cannot be read, and has to be given when its mail is moved",
            "",
        );
    }
    ledger.note(
        row,
        name,
        "it was fetched again and again; here its mail is moved when you say so",
        "",
    );
    if from.keep == Some(false) {
        ledger.note(row, name, "fetching deleted the mail there; a move leaves it", "");
    }
    if security == RemoteSecurity::StartTls {
        ledger.note(row, name, "it did not insist on TLS; a move will (STARTTLS)", "");
    }
    for (setting, value) in [
        ("extra_options", from.extra_options),
        ("mda", from.mda),
        ("sslfingerprint", from.sslfingerprint),
    ] {
        if let Some(value) = value.filter(|value| !value.trim().is_empty()) {
            ledger.note(
                row,
                name,
                "a setting of fetchmail's is not kept",
                format_args!("{setting}: {value}"),
            );
        }
    }
    Ok(RemoteMailbox {
        mailbox,
        host,
        port,
        security,
        user,
        folder: from.src_folder.unwrap_or_default(),
        password: password.map(Secret::new),
        enabled: from.active.unwrap_or(true),
    })
}
