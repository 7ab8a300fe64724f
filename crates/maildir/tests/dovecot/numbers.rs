//! UIDs that were given before, and not to what is here.

use transhume_model::mail::MailboxName;

use crate::support::{Account, uid};
use crate::{add, fill};

/// A UID that stood for a message on the source, which has come and gone, never stands for another here.
#[test]
fn uids_that_were_given_on_the_source_are_not_given_again() {
    let account = Account::start();
    let inbox = account.root.mailbox(&MailboxName::inbox()).unwrap();
    inbox.begin_commit(fill(5), &[]).unwrap().finish().unwrap();
    let mut open = account.login();
    assert_eq!(open.select(&["INBOX"]).unwrap().uid_next, 5);
    for (reserved, arrives, looks) in [(9, 9, false), (9, 10, true), (40, 40, true)] {
        let mut commit = inbox.begin_commit(add(), &[]).unwrap();
        commit.reserve(uid(reserved)).unwrap();
        let header = commit.finish().unwrap().header;
        assert_eq!(header.uid_next, uid(arrives));
        assert_eq!(inbox.header().unwrap().unwrap().uid_next, uid(arrives));
        if looks {
            open.command("NOOP").unwrap();
            let selected = account.login().select(&["INBOX"]).unwrap();
            assert_eq!(selected.uid_next, arrives, "told to clients");
        }
        account.lmtp(&format!("mail {arrives}"));
        open.command("NOOP").unwrap();
        let messages = open.fetch_all().unwrap();
        assert_eq!(messages.last().map(|message| message.uid), Some(arrives));
    }
    assert_eq!(account.login().select(&["INBOX"]).unwrap().exists, 3);
    assert_eq!(inbox.scan().unwrap().len(), 3);
    assert_eq!(account.server.log_problems(), [""; 0]);
}
