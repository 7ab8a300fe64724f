//! The outcome as a page: one file that needs nothing else, to be read in a browser, printed, or handed on.
//!
//! Written by hand rather than by a template engine: it is one page with two loops, and what has to be right is that every
//! text goes through [`Text`], which escapes it.

use std::fmt::{self, Write};
use std::path::{Path, PathBuf};

use indicatif::{HumanBytes, HumanCount};
use transhume_model::verify::{Difference, Standing};
use transhume_sync::{Depth, Group, MailboxVerification, Verification};

use super::text::{details, label, name, of_standing, uids};
use super::{NO_BASE, verdict};
use crate::commands::report::Seal;

/// Particulars that are shown of one kind of difference in one mailbox.
const DETAILS: usize = 20;

/// How pages look.
pub(crate) const STYLE: &str = include_str!("page.css");

/// What a page is about.
#[derive(Clone, Debug)]
pub(crate) struct Title {
    /// The account on the old server.
    pub(crate) account: String,
    /// The Maildir.
    pub(crate) maildir: PathBuf,
    /// When it was looked at, in words.
    pub(crate) when: String,
    /// How much was read.
    pub(crate) depth: Depth,
}

/// The page; with the report that was written, if it is the page of one.
pub(crate) fn page(title: &Title, verification: &Verification, seal: Option<&Seal>) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = write_page(&mut out, title, verification, seal);
    out
}

fn write_page(
    out: &mut String,
    title: &Title,
    verification: &Verification,
    seal: Option<&Seal>,
) -> fmt::Result {
    let account = Text(&title.account);
    let kind = match seal {
        Some(_) => "Report of a mailbox move",
        None => "Verification of a mailbox move",
    };
    write!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>Move of {account}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n\
         <header>\n<p class=\"kind\">{kind}</p>\n<h1>{account}</h1>\n\
         <dl class=\"ends\">\n<dt>Old server</dt><dd>{account}</dd>\n<dt>New side</dt><dd>{}</dd>\n\
         <dt>Looked at</dt><dd>{}</dd>\n<dt>Depth</dt><dd>{}</dd>\n</dl>\n</header>\n",
        Text(&title.maildir.to_string_lossy()),
        Text(&title.when),
        depth(title.depth),
    )?;
    write_verdict(out, verification, seal)?;
    if let Some(seal) = seal {
        write_seal(out, seal)?;
    }
    write_differences(out, verification)?;
    write_mailboxes(out, verification)?;
    write!(
        out,
        "<footer>Made by transhume {}. Nothing was changed on either side.</footer>\n</main>\n</body>\n</html>\n",
        env!("CARGO_PKG_VERSION")
    )
}

fn depth(depth: Depth) -> &'static str {
    match depth {
        Depth::Names => {
            "the old server was asked for everything but the texts; of the files here those were read whose bytes were not on \
             record"
        }
        Depth::Rows => "every file here was read; the old server was asked for everything but the texts",
        Depth::Texts => "every file here was read, and every message fetched from the old server again",
        Depth::Target => "every file here was read; the old server was not asked",
    }
}

/// What the report says in all, and by what it is known.
fn write_seal(out: &mut String, seal: &Seal) -> fmt::Result {
    writeln!(
        out,
        "<section>\n<h2>Where every message is</h2>\n<ul class=\"figures\">"
    )?;
    for (fate, count) in &seal.fates {
        writeln!(
            out,
            "<li><b>{}</b> {}</li>",
            HumanCount(*count),
            Text(fate.sentence())
        )?;
    }
    let lines = seal.names.lines.file_name().unwrap_or_default().to_string_lossy();
    write!(
        out,
        "</ul>\n<p>Every single message stands in <b>{}</b>, a line for each",
        Text(&lines)
    )?;
    if let Some(table) = seal.names.table.as_deref().and_then(Path::file_name) {
        write!(
            out,
            ", and in <b>{}</b> as a table",
            Text(&table.to_string_lossy())
        )?;
    }
    writeln!(
        out,
        ". The lines hold each other by a chain of SHA-256 digests; after {} lines it ends with</p>\n<p \
         class=\"chain\">{}</p>\n</section>",
        HumanCount(seal.lines),
        seal.chain
    )
}

/// How good or bad a thing is, for its colour; the words beside it say the same.
const fn tone(standing: Standing) -> &'static str {
    match standing {
        Standing::Settled => "good",
        Standing::Behind => "behind",
        Standing::Unexplained => "bad",
    }
}

fn worst(verification: &Verification) -> Standing {
    [Standing::Unexplained, Standing::Behind]
        .into_iter()
        .find(|standing| verification.count(*standing) > 0)
        .unwrap_or(Standing::Settled)
}

fn write_verdict(out: &mut String, verification: &Verification, seal: Option<&Seal>) -> fmt::Result {
    let sum = |count: fn(&MailboxVerification) -> u64| verification.mailboxes.iter().map(count).sum::<u64>();
    let (standing, words) = match seal {
        Some(seal) if !seal.is_complete => (worst(verification).max(Standing::Behind), seal.verdict()),
        Some(seal) => (Standing::Settled, seal.verdict()),
        None => (worst(verification), verdict(verification).to_owned()),
    };
    write!(
        out,
        "<section class=\"verdict {}\">\n<p>{}</p>\n<ul class=\"figures\">\n",
        tone(standing),
        Text(&words),
    )?;
    let count = |number: u64| HumanCount(number).to_string();
    let figures = [
        (
            count(sum(|mailbox| mailbox.on_source)),
            "messages on the old server",
        ),
        (count(sum(|mailbox| mailbox.on_target)), "messages here"),
        (count(sum(|mailbox| mailbox.equal)), "the same in every respect"),
        (
            HumanBytes(sum(|mailbox| mailbox.bytes_read)).to_string(),
            "read and compared",
        ),
        (
            count(verification.count(Standing::Settled)),
            "differences explained",
        ),
        (count(verification.count(Standing::Behind)), "not here"),
        (count(verification.count(Standing::Unexplained)), "unexplained"),
    ];
    for (figure, words) in figures {
        writeln!(out, "<li><b>{figure}</b> {words}</li>")?;
    }
    writeln!(out, "</ul>\n</section>")?;
    if !verification.has_base {
        writeln!(out, "<p class=\"note\">{}</p>", Text(NO_BASE))?;
    }
    Ok(())
}

fn write_mailboxes(out: &mut String, verification: &Verification) -> fmt::Result {
    write!(
        out,
        "<section>\n<h2>Mailboxes</h2>\n<div class=\"wide\"><table>\n<thead><tr><th>Mailbox</th><th>Old server</th>\
         <th>Here</th><th>Same</th><th>Explained</th><th>Not here</th><th>Unexplained</th></tr></thead>\n<tbody>\n"
    )?;
    for mailbox in &verification.mailboxes {
        write!(out, "<tr><th scope=\"row\">{}</th>", Text(&name(mailbox)))?;
        for number in [mailbox.on_source, mailbox.on_target, mailbox.equal] {
            write!(out, "<td>{}</td>", HumanCount(number))?;
        }
        for standing in [Standing::Settled, Standing::Behind, Standing::Unexplained] {
            match mailbox.count(standing) {
                0 => write!(out, "<td class=\"none\">0</td>")?,
                number => write!(
                    out,
                    "<td class=\"{}\">{}</td>",
                    tone(standing),
                    HumanCount(number)
                )?,
            }
        }
        writeln!(out, "</tr>")?;
    }
    writeln!(out, "</tbody>\n</table></div>\n</section>")
}

fn write_differences(out: &mut String, verification: &Verification) -> fmt::Result {
    for standing in [Standing::Unexplained, Standing::Behind, Standing::Settled] {
        if verification.count(standing) == 0 {
            continue;
        }
        write!(
            out,
            "<section class=\"list {}\">\n<h2>{}</h2>\n<ul>\n",
            tone(standing),
            label(standing)
        )?;
        if standing == Standing::Unexplained && verification.unreadable_mailboxes > 0 {
            writeln!(
                out,
                "<li>{} mailboxes whose names the old server tells in a way that cannot be read</li>",
                verification.unreadable_mailboxes
            )?;
        }
        for mailbox in &verification.mailboxes {
            for (difference, group) in of_standing(mailbox, standing) {
                write_group(out, &name(mailbox), *difference, group)?;
            }
        }
        for (name, difference) in &verification.subscriptions {
            if difference.standing() == standing {
                let (name, words) = (name.to_string(), difference.explanation());
                writeln!(
                    out,
                    "<li>Subscription to <b>{}</b> {}</li>",
                    Text(&name),
                    Text(words)
                )?;
            }
        }
        writeln!(out, "</ul>\n</section>")?;
    }
    Ok(())
}

fn write_group(out: &mut String, name: &str, difference: Difference, group: &Group) -> fmt::Result {
    let (name, words) = (Text(name), Text(difference.explanation()));
    if difference.is_of_messages() {
        let (count, uids) = (HumanCount(group.count), uids(&group.uids));
        write!(
            out,
            "<li><b>{name}</b>: {count} {words}<span class=\"uids\">{}</span>",
            Text(&uids)
        )?;
    } else {
        write!(out, "<li>Mailbox <b>{name}</b> {words}")?;
    }
    let details = details(difference, group);
    if !details.is_empty() {
        write!(out, "\n<ul class=\"details\">\n")?;
        for (uid, detail) in details.iter().take(DETAILS) {
            match uid {
                Some(uid) => writeln!(out, "<li>UID {uid}: {}</li>", Text(detail))?,
                None => writeln!(out, "<li>{}</li>", Text(detail))?,
            }
        }
        if details.len() > DETAILS {
            writeln!(out, "<li>…</li>")?;
        }
        write!(out, "</ul>")?;
    }
    writeln!(out, "</li>")
}

/// Text that is nothing but text, wherever it came from: a server may put anything into a name.
pub(crate) struct Text<'a>(pub(crate) &'a str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                // Characters that turn the direction of what follows would let a name rewrite the page.
                '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => f.write_char('\u{fffd}')?,
                c if c.is_control() => f.write_char(' ')?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use transhume_model::mail::MailboxName;

    #[test]
    fn nothing_that_a_server_says_is_markup() {
        let evil = "<script>alert('1')</script>\u{202e}&\"\n";
        let mut mailbox = MailboxVerification {
            source: MailboxName::from_components([evil]),
            ..MailboxVerification::default()
        };
        let group = Group {
            count: 1,
            details: vec![(None, evil.to_owned())],
            ..Group::default()
        };
        mailbox.differences.insert(Difference::MailboxUnreadable, group);
        let verification = Verification {
            mailboxes: vec![mailbox],
            subscriptions: MailboxName::from_components([evil])
                .map(|name| (name, Difference::UnsubscribedHere))
                .into_iter()
                .collect(),
            ..Verification::default()
        };
        let title = Title {
            account: evil.to_owned(),
            maildir: evil.into(),
            when: evil.to_owned(),
            depth: Depth::Rows,
        };
        let page = page(&title, &verification, None);
        assert!(!page.contains("<script"), "{page}");
        assert!(!page.contains('\u{202e}'), "{page}");
        let shown = "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;\u{fffd}&amp;&quot; ";
        assert_eq!(page.matches(shown).count(), 9, "{page}");
    }
}
