//! Remote mailboxes: where accounts have mail besides.

use std::borrow::Cow;
use std::collections::HashSet;

use futures_util::TryStreamExt as _;
use transhume_model::directory::{Address, RemoteKey, RemoteMailbox};

use super::link::{Link, Row, Value};
use super::{DirectoryError, DirectoryLocation, DirectoryStore, DirectoryTransaction};

const KEYS: &str = "SELECT mailbox, host, port, login, folder FROM remote_mailbox";
const ADD: &str = "INSERT INTO remote_mailbox (mailbox, host, port, login, folder, security, password, enabled) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";

impl DirectoryTransaction<'_> {
    /// What tells the remote mailboxes that are there from others.
    pub async fn remote_mailboxes(&mut self) -> Result<HashSet<RemoteKey>, DirectoryError> {
        keys(self.transaction.link(), self.at).await
    }

    /// Adds a remote mailbox of a mailbox that is there. Its password is stored as it was `sealed`.
    pub async fn add_remote_mailbox(
        &mut self,
        remote: &RemoteMailbox,
        sealed: Option<String>,
    ) -> Result<(), DirectoryError> {
        let text = |text| Value::Text(Some(Cow::Borrowed(text)));
        let values = vec![
            text(remote.mailbox.as_str()),
            text(&remote.host),
            Value::Number(Some(i64::from(remote.port.get()))),
            text(&remote.user),
            text(&remote.folder),
            text(remote.security.as_str()),
            Value::Text(sealed.map(Cow::Owned)),
            Value::Truth(Some(remote.enabled)),
        ];
        let written = self.transaction.link().write(ADD.to_owned(), &values, true).await;
        written
            .map(drop)
            .map_err(|error| DirectoryError::heard(self.at, error))
    }
}

impl DirectoryStore {
    /// What tells the remote mailboxes that are there from others.
    pub async fn remote_mailboxes(&mut self) -> Result<HashSet<RemoteKey>, DirectoryError> {
        keys(self.connection.link(), &self.at).await
    }
}

async fn keys(link: Link<'_>, at: &DirectoryLocation) -> Result<HashSet<RemoteKey>, DirectoryError> {
    let hear = |error| DirectoryError::heard(at, error);
    let mut rows = link.rows(KEYS);
    let mut keys = HashSet::new();
    while let Some(row) = rows.try_next().await.map_err(hear)? {
        keys.extend(key(&row).map_err(hear)?);
    }
    Ok(keys)
}

/// The key in a row; none where its mailbox is no address, which the directory does not keep.
fn key(row: &Row) -> Result<Option<RemoteKey>, sqlx::Error> {
    let Ok(mailbox) = Address::parse(&row.text(0)?) else {
        return Ok(None);
    };
    let port = row.small_number(2)?;
    let port = port.and_then(|port| u16::try_from(port).ok());
    Ok(Some((
        mailbox,
        row.text(1)?,
        port.unwrap_or_default(),
        row.text(3)?,
        row.text(4)?,
    )))
}
