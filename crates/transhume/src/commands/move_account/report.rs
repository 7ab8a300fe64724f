//! The outcome, as text for a person and as JSON for a machine.

use std::fmt::Write;
use std::time::Duration;

use indicatif::{HumanBytes, HumanCount};
use serde_json::{Value, json};
use transhume_model::mail::UidValidity;
use transhume_sync::{Counts, MailboxReport, MailboxState, Quarantined, Report};
use unicode_width::UnicodeWidthStr;

use super::{Outcome, Telling, exit_of};
use crate::exit::Failure;

/// Lines that one kind of trouble may take before it is summed up.
const LINES: usize = 20;

/// For a person.
pub(crate) fn text(telling: Telling, ended: &Outcome, took: Duration) -> String {
    let report = &ended.report;
    let mut out = String::new();
    if telling.dry_run {
        plan(&mut out, report);
    } else {
        outcome(&mut out, report, took);
    }
    for note in &report.notes {
        line(&mut out, format_args!("  Note: {note}."));
    }
    left(&mut out, telling, ended);
    if !telling.dry_run {
        advice(&mut out, telling, report);
    }
    out
}

/// What could not be done.
pub(crate) fn left(out: &mut String, telling: Telling, ended: &Outcome) {
    trouble(out, telling, &ended.report);
    if let Some(words) = &ended.dovecot_trouble {
        line(
            out,
            format_args!(
                "  The mail has been moved, but Dovecot could not be told the old server's change numbers: {words}. Run the \
                 same command again when that is mended.",
            ),
        );
    }
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = writeln!(out, "{text}");
}

fn plan(out: &mut String, report: &Report) {
    let names: Vec<String> = report
        .mailboxes
        .iter()
        .map(|mailbox| mailbox.target.to_string())
        .collect();
    let width = names
        .iter()
        .map(|name| name.width())
        .max()
        .unwrap_or(0)
        .max("mailbox".len());
    let mut row = |name: &str, cells: [&str; 3], what: &str| {
        // Scripts differ in width: characters are not columns.
        let gap = " ".repeat(width - name.width());
        let [messages, carry, size] = cells;
        line(
            out,
            format_args!("{name}{gap}  {messages:>10}  {carry:>10}  {size:>12}  {what}"),
        );
    };
    row("mailbox", ["messages", "to carry", "size"], "what");
    for (mailbox, name) in report.mailboxes.iter().zip(&names) {
        let cells = [
            HumanCount(mailbox.messages).to_string(),
            HumanCount(mailbox.done.carried).to_string(),
            HumanBytes(mailbox.done.bytes).to_string(),
        ];
        row(name, cells.each_ref().map(String::as_str), &what(mailbox));
    }
    let totals = report.totals();
    line(
        out,
        format_args!(
            "\nTo carry: {} messages ({}) in {} mailboxes. Nothing was changed (dry run).",
            HumanCount(totals.carried),
            HumanBytes(totals.bytes),
            report.mailboxes.len(),
        ),
    );
}

fn what(mailbox: &MailboxReport) -> String {
    let mut words = vec![match mailbox.state {
        MailboxState::Unchanged => "unchanged".to_owned(),
        MailboxState::Filled => "fill, keeping UIDs".to_owned(),
        MailboxState::Followed => "add what is new".to_owned(),
        MailboxState::Reidentified => "numbered anew: recognise by content".to_owned(),
        MailboxState::RemovedByOwner => "removed on the new side: not brought back".to_owned(),
    }];
    if mailbox.done.adopted > 0 {
        words.push(format!("{} already there", HumanCount(mailbox.done.adopted)));
    }
    if mailbox.done.flags_set > 0 {
        words.push(format!("{} with new flags", HumanCount(mailbox.done.flags_set)));
    }
    words.extend(mailbox.role.map(|role| role.to_string()));
    if mailbox.source != mailbox.target {
        words.push(format!("called “{}” on the old server", mailbox.source));
    }
    words.join(", ")
}

fn outcome(out: &mut String, report: &Report, took: Duration) {
    let totals = report.totals();
    if !totals.is_empty() || report.subscribed > 0 {
        line(
            out,
            format_args!(
                "Moved {} messages ({}) in {} mailboxes in {:.1} s.",
                HumanCount(totals.carried),
                HumanBytes(totals.bytes),
                report.mailboxes.len(),
                took.as_secs_f64(),
            ),
        );
        extras(out, &totals, report);
    } else if report.is_complete() {
        line(
            out,
            format_args!(
                "Nothing has changed: {} mailboxes are up to date.",
                report.mailboxes.len()
            ),
        );
    }
    for mailbox in &report.mailboxes {
        if mailbox.state == MailboxState::RemovedByOwner {
            line(
                out,
                format_args!(
                    "  Mailbox “{}” was removed on the new side, and is not brought back.",
                    mailbox.target
                ),
            );
        }
    }
    line(out, format_args!("{}", verdict(report)));
}

/// Whether all is done, in a sentence.
pub(crate) fn verdict(report: &Report) -> &'static str {
    if report.is_complete() {
        "Verified: a last look at both sides found nothing left to do."
    } else if !report.is_free_of_trouble() {
        "Not everything could be moved; run the same command again to try what is left:"
    } else {
        "Mail kept arriving on the old server: run the same command again for the rest."
    }
}

fn extras(out: &mut String, totals: &Counts, report: &Report) {
    let mut say = |messages: u64, words: &str| {
        if messages > 0 {
            line(out, format_args!("  {} {words}", HumanCount(messages)));
        }
    };
    say(totals.adopted, "were there already and have been paired.");
    say(totals.flags_set, "got the flags that changed on the old server.");
    say(
        totals.removed_by_owner,
        "were removed on the new side by their owner, and stay so.",
    );
    say(
        totals.expunged,
        "were removed here, since they were removed on the old server.",
    );
    say(
        totals.renumbered,
        "have another UID than on the old server, whose UID was taken on the new side.",
    );
    say(
        totals.undated,
        "had no date on the old server and bear the date of this move.",
    );
    say(
        u64::from(report.reconnects),
        "times the connection was lost and made again.",
    );
}

fn trouble(out: &mut String, telling: Telling, report: &Report) {
    if report.unreadable_mailboxes > 0 {
        line(
            out,
            format_args!(
                "  Not moved: {} mailboxes whose names the old server tells in a way that cannot be read.",
                report.unreadable_mailboxes
            ),
        );
    }
    for mailbox in &report.mailboxes {
        let name = &mailbox.source;
        if let Some(error) = &mailbox.error {
            line(out, format_args!("  Not moved: mailbox “{name}”: {error}."));
        }
        for message in mailbox.quarantined.iter().take(LINES) {
            line(
                out,
                format_args!(
                    "  Quarantined: message with UID {} in “{name}”: {} ({}).",
                    message.uid,
                    message.reason.trim_end_matches('.'),
                    tries(message),
                ),
            );
        }
        if mailbox.quarantined.len() > LINES {
            let more = mailbox.quarantined.len() - LINES;
            line(
                out,
                format_args!("  Quarantined: {more} more messages in “{name}”; --json lists all."),
            );
        }
        if mailbox.unlisted > 0 {
            line(
                out,
                format_args!(
                    "  Not moved: {} messages in “{name}” that the old server counts, but does not list in a readable way.",
                    HumanCount(mailbox.unlisted)
                ),
            );
        }
        for (keyword, messages) in &mailbox.keywords_left_out {
            let why = if telling.into_maildir {
                "a Maildir holds 26 keywords in a mailbox"
            } else {
                "the new server does not take it"
            };
            let kind = if keyword.starts_with('\\') {
                "Flag"
            } else {
                "Keyword"
            };
            line(
                out,
                format_args!("  {kind} {keyword} of {messages} messages in “{name}” is not kept: {why}."),
            );
        }
    }
}

fn tries(message: &Quarantined) -> String {
    let Quarantined {
        first_seen, tries, ..
    } = message;
    match tries {
        1 => "every run tries it again, last of all".to_owned(),
        _ => format!("tried in {tries} runs since {first_seen}, and again in the next"),
    }
}

/// What is left for the administrator to do: roles, which Dovecot knows from its configuration only.
fn advice(out: &mut String, telling: Telling, report: &Report) {
    let roles: Vec<_> = report
        .mailboxes
        .iter()
        .filter_map(|m| m.role.map(|role| (&m.target, role)))
        .collect();
    if report.totals().is_empty() || telling.quiet {
        return;
    }
    if !telling.into_maildir {
        line(
            out,
            format_args!(
                "\nThe new server has given the messages UIDs of its own: clients that move with the account download them \
                 once more. Which mailbox is Sent, Trash, … is set there."
            ),
        );
        return;
    }
    if roles.is_empty() {
        return;
    }
    line(
        out,
        format_args!(
            "\nDovecot knows the roles of mailboxes from its configuration. Those of the old server are, for its \
             “namespace inbox” (with “{}” between levels; write your separator):",
            "/"
        ),
    );
    for (name, role) in roles {
        line(
            out,
            format_args!(
                "  mailbox \"{}\" {{\n{}    special_use = {}\n  }}",
                quote(&name.to_string()),
                if role.guessed {
                    "    # guessed from its name\n"
                } else {
                    ""
                },
                role.special_use,
            ),
        );
    }
}

fn quote(name: &str) -> String {
    name.replace('\\', "\\\\").replace('"', "\\\"")
}

/// For a machine. The keys are documented in README.md and only ever added to.
pub(crate) fn json(telling: Telling, outcome: &Result<Outcome, Failure>, took: Duration) -> Value {
    let exit = exit_of(outcome, telling.dry_run);
    let mut value = json!({
        "exit_code": exit.code(),
        "outcome": exit,
        "dry_run": telling.dry_run,
        "seconds": (took.as_secs_f64() * 1000.0).round() / 1000.0,
    });
    match outcome {
        Ok(Outcome {
            report,
            dovecot_trouble,
        }) => {
            value["dovecot_trouble"] = dovecot_trouble.clone().into();
            value["verified"] = report.is_complete().into();
            value["unreadable_mailboxes"] = report.unreadable_mailboxes.into();
            value["totals"] = counts(&report.totals());
            value["subscribed"] = report.subscribed.into();
            value["reconnects"] = report.reconnects.into();
            value["notes"] = report
                .notes
                .iter()
                .map(|note| Value::from(note.to_string()))
                .collect();
            value["mailboxes"] = report.mailboxes.iter().map(mailbox).collect();
        }
        Err(failure) => {
            value["error"] = json!({ "what": failure.what, "advice": failure.advice });
        }
    }
    value
}

/// Numbers of messages.
pub(crate) fn counts(counts: &Counts) -> Value {
    json!({
        "carried": counts.carried,
        "bytes": counts.bytes,
        "adopted": counts.adopted,
        "flags_set": counts.flags_set,
        "removed_by_owner": counts.removed_by_owner,
        "expunged": counts.expunged,
        "renumbered": counts.renumbered,
        "undated": counts.undated,
    })
}

fn mailbox(mailbox: &MailboxReport) -> Value {
    json!({
        "source": mailbox.source.components(),
        "target": mailbox.target.components(),
        "special_use": mailbox.role.map(|role| role.special_use.to_string()),
        "special_use_guessed": mailbox.role.is_some_and(|role| role.guessed),
        "uid_validity": mailbox.uid_validity.map(UidValidity::get),
        "highest_mod_seq": mailbox.highest_mod_seq.map(|value| value.0),
        "state": match mailbox.state {
            MailboxState::Unchanged => "unchanged",
            MailboxState::Filled => "filled",
            MailboxState::Followed => "followed",
            MailboxState::Reidentified => "reidentified",
            MailboxState::RemovedByOwner => "removed_by_owner",
        },
        "messages": mailbox.messages,
        "done": counts(&mailbox.done),
        "failed": mailbox
            .failed
            .iter()
            .map(|failed| json!({ "uid": failed.uid.get(), "reason": failed.reason }))
            .collect::<Vec<_>>(),
        "quarantined": mailbox.quarantined.iter().map(quarantined).collect::<Vec<_>>(),
        "unlisted": mailbox.unlisted,
        "keywords_left_out": mailbox
            .keywords_left_out
            .iter()
            .map(|(keyword, messages)| json!({ "keyword": keyword, "messages": messages }))
            .collect::<Vec<_>>(),
        "error": mailbox.error,
    })
}

fn quarantined(message: &Quarantined) -> Value {
    json!({
        "uid": message.uid.get(),
        "reason": message.reason,
        "first_seen": message.first_seen.unix(),
        "last_tried": message.last_tried.unix(),
        "tries": message.tries,
    })
}
