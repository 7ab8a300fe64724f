//! Messages that are on the target already, and do not bear their mark.

use std::collections::{HashMap, HashSet};

use transhume_db::{Base, Placed as PlacedRow};
use transhume_model::mail::Digest;

use super::{Confirmed, PAGE};
use crate::endpoint::{MaildirPlace, blocking};
use crate::error::SyncError;

/// Pairs staged messages with messages of the same bytes that are in the mailbox without bearing their mark: brought by
/// another tool, or by us before the source numbered its messages anew. Each of those is paired once, so copies keep
/// their number (I6).
pub(super) async fn pair(
    base: &Base,
    place: &MaildirPlace,
    confirmed: &mut Confirmed,
) -> Result<(), SyncError> {
    let mut after = None;
    let mut taken: HashSet<String> = base.paired_names(place.id).await?.into_iter().collect();
    let mut earlier = base.earlier(place.id).await?;
    let mut twins = find(place, base.staged_sizes(place.id).await?).await?;
    loop {
        let page = base.staged(place.id, after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.uid);
        let mut placed = Vec::new();
        let mut removed = Vec::new();
        let mut used_up = Vec::new();
        for message in &page {
            let copies = earlier.get_mut(&message.digest).filter(|copies| **copies > 0);
            let was_here = copies.is_some();
            if let Some(copies) = copies {
                *copies -= 1;
                used_up.push(message.digest);
            }
            let twin = twins.get_mut(&message.digest).and_then(|names| {
                let at = names.iter().position(|name| !taken.contains(name))?;
                Some(names.swap_remove(at))
            });
            if let Some(name) = twin {
                taken.insert(name.clone());
                placed.push(PlacedRow {
                    uid: message.uid,
                    target_uid: None,
                    target_name: Some(name),
                });
            } else if was_here {
                removed.push(message.uid);
            }
        }
        base.recognise(place.id, &placed, &removed, &used_up).await?;
        confirmed.twins += placed.len() as u64;
        confirmed.removed += removed.len() as u64;
    }
}

/// Messages on the target that do not bear the mark of the source message they are: by the digest of their bytes, as they lie
/// on the disk and as Dovecot serves them, for a source may serve line ends that Dovecot does not.
type Twins = HashMap<Digest, Vec<String>>;

/// Reads all messages of these sizes, every line ended by CRLF, that do not bear the mark of a source message.
async fn find(place: &MaildirPlace, sizes: HashSet<u64>) -> Result<Twins, SyncError> {
    if sizes.is_empty() {
        return Ok(Twins::new());
    }
    let own = (place.tag, place.uid_validity);
    let dir = place.dir.clone();
    blocking(move || {
        let mut twins = Twins::new();
        dir.read_contents(
            |entry| {
                let is_own = entry
                    .origin
                    .is_some_and(|origin| (origin.tag, origin.uid_validity) == own);
                !is_own && entry.virtual_size().is_none_or(|size| sizes.contains(&size))
            },
            |entry, contents| {
                let Ok(name) = std::str::from_utf8(entry.base) else {
                    return;
                };
                for digest in HashSet::from([contents.stored, contents.served]) {
                    twins.entry(digest).or_default().push(name.to_owned());
                }
            },
        )?;
        Ok(twins)
    })
    .await
}
