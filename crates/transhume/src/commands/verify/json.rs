//! The outcome for a machine. The keys are documented in README.md and only ever added to.

use std::time::Duration;

use serde_json::{Map, Value, json};
use transhume_model::mail::{MailboxName, Uid};
use transhume_model::verify::{Difference, Standing};
use transhume_sync::{Group, MailboxVerification, Verification};

use super::Compared;
use crate::exit::{Exit, Failure};

/// One object.
pub(crate) fn outcome(exit: Exit, outcome: &Result<Compared, Failure>, took: Duration) -> String {
    let mut value = json!({
        "exit_code": exit.code(),
        "outcome": exit,
        "seconds": (took.as_secs_f64() * 1000.0).round() / 1000.0,
    });
    match outcome {
        Ok(compared) => {
            fill(&mut value, &compared.verification);
            if let Some(seal) = &compared.seal {
                value["written"] = seal.json();
            }
            if let Some(outcome) = &compared.checked {
                value["report"] = outcome.json();
            }
        }
        Err(failure) => {
            value["error"] = json!({ "what": failure.what, "advice": failure.advice });
        }
    }
    value.to_string()
}

/// Adds what was found.
pub(crate) fn fill(value: &mut Value, verification: &Verification) {
    let sum = |count: fn(&MailboxVerification) -> u64| verification.mailboxes.iter().map(count).sum::<u64>();
    let differences: Map<String, Value> = verification
        .totals()
        .into_iter()
        .map(|(difference, count)| (difference.word().to_owned(), count.into()))
        .collect();
    value["deep"] = verification.is_deep.into();
    value["base"] = verification.has_base.into();
    value["verified"] = verification.is_good().into();
    value["unreadable_mailboxes"] = verification.unreadable_mailboxes.into();
    value["reconnects"] = verification.reconnects.into();
    value["totals"] = json!({
        "on_source": sum(|mailbox| mailbox.on_source),
        "on_target": sum(|mailbox| mailbox.on_target),
        "equal": sum(|mailbox| mailbox.equal),
        "bytes_read": sum(|mailbox| mailbox.bytes_read),
        "unexplained": verification.count(Standing::Unexplained),
        "behind": verification.count(Standing::Behind),
        "settled": verification.count(Standing::Settled),
        "differences": differences,
    });
    value["subscriptions"] = verification
        .subscriptions
        .iter()
        .map(|(name, difference)| {
            let mut value = about(*difference);
            value["mailbox"] = name.components().into();
            value
        })
        .collect();
    value["mailboxes"] = verification.mailboxes.iter().map(mailbox).collect();
}

fn mailbox(mailbox: &MailboxVerification) -> Value {
    json!({
        "source": mailbox.source.as_ref().map(MailboxName::components),
        "target": mailbox.target.as_ref().map(MailboxName::components),
        "on_source": mailbox.on_source,
        "on_target": mailbox.on_target,
        "equal": mailbox.equal,
        "bytes_read": mailbox.bytes_read,
        "unexplained": mailbox.count(Standing::Unexplained),
        "behind": mailbox.count(Standing::Behind),
        "settled": mailbox.count(Standing::Settled),
        "differences": mailbox.differences.iter().map(group).collect::<Vec<_>>(),
    })
}

fn about(difference: Difference) -> Value {
    json!({
        "difference": difference.word(),
        "standing": match difference.standing() {
            Standing::Settled => "settled",
            Standing::Behind => "behind",
            Standing::Unexplained => "unexplained",
        },
        "explanation": difference.explanation(),
    })
}

fn group((difference, group): (&Difference, &Group)) -> Value {
    let mut value = about(*difference);
    value["count"] = group.count.into();
    value["uids"] = group.uids.to_string().into();
    value["details"] = group
        .details
        .iter()
        .map(|(uid, detail)| json!({ "uid": uid.map(Uid::get), "detail": detail }))
        .collect();
    value
}
