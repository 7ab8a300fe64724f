//! APPEND (RFC 9051 section 6.3.12), several messages with one command where the server can (MULTIAPPEND, RFC 3502).

use std::fmt;
use std::sync::Arc;

use transhume_model::mail::{FlagSet, InternalDate, Uid, UidValidity};

use super::Exchange;
use crate::ImapError;
use crate::wire::{Capabilities, Code, CommandLine, Octets, Response, Tagged, WireName};

/// A message that is to be put into a mailbox.
#[derive(Clone)]
pub struct ToAppend {
    /// Its flags.
    pub flags: FlagSet,
    /// When it arrived. The server takes the time of the command where a date has no form on the wire.
    pub internal_date: InternalDate,
    /// Its text.
    pub text: Arc<dyn Octets>,
}

impl fmt::Debug for ToAppend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ToAppend({} octets)", self.text.len())
    }
}

/// Where messages went (APPENDUID, RFC 4315 section 3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The mailbox's UIDVALIDITY.
    pub uid_validity: UidValidity,
    /// A UID for each message, in their order.
    pub uids: Vec<Uid>,
}

/// Puts messages into a mailbox. Several are put in all together or not at all.
#[derive(Debug)]
pub struct Append;

impl Append {
    /// The command line.
    pub fn command(mailbox: &WireName, messages: &[ToAppend]) -> CommandLine {
        let command = CommandLine::new("APPEND").mailbox(mailbox);
        messages.iter().fold(command, |command, message| {
            let command = command.text(format!("({})", message.flags));
            let command = match date_time(message.internal_date) {
                Some(date) => command.text(format!("\"{date}\"")),
                None => command,
            };
            command.octets(message.text.clone())
        })
    }

    /// Where so many messages went, if the reply tells that of each of them. Servers have been seen to announce UIDPLUS and
    /// tell nothing, or 0.
    pub fn uids(reply: &Tagged, messages: usize) -> Option<Appended> {
        let Some(Code::AppendUid(arguments)) = &reply.code else {
            return None;
        };
        let (validity, set) = arguments.split_once(' ')?;
        let mut uids = Vec::with_capacity(messages);
        for range in set.trim().split(',') {
            let (first, last) = range.split_once(':').unwrap_or((range, range));
            let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
            let (first, last) = (first.min(last), first.max(last));
            if u64::from(last - first) >= messages as u64 {
                return None;
            }
            uids.extend((first..=last).filter_map(Uid::new));
        }
        let uid_validity = validity.parse().ok().and_then(UidValidity::new)?;
        (uids.len() == messages).then_some(Appended { uid_validity, uids })
    }
}

/// The longest message that a mailbox takes, in octets (RFC 7889); `None` where there is no limit. What the server announces
/// for all mailboxes counts without asking.
#[derive(Debug)]
pub struct ReadAppendLimit {
    name: WireName,
    asks: bool,
    limit: Option<u64>,
}

impl ReadAppendLimit {
    /// Of this mailbox, on a server that can do this.
    pub fn new(name: WireName, capabilities: &Capabilities) -> Self {
        let announced = |name: &str| {
            name.strip_prefix("APPENDLIMIT=")
                .and_then(|limit| limit.parse().ok())
        };
        Self {
            name,
            asks: capabilities.has("APPENDLIMIT"),
            limit: capabilities.names().find_map(announced),
        }
    }
}

impl Exchange for ReadAppendLimit {
    type Output = Option<u64>;

    fn begin(&mut self) -> Vec<CommandLine> {
        let ask = CommandLine::new("STATUS")
            .mailbox(&self.name)
            .text("(APPENDLIMIT)");
        self.asks.then_some(ask).into_iter().collect()
    }

    fn untagged(&mut self, response: Response) {
        if let Response::MailboxStatus { items, .. } = response {
            self.limit = items.append_limit.or(self.limit);
        }
    }

    /// A server that does not tell sets no limit that can be known.
    fn tagged(&mut self, _: &'static str, _: Tagged) -> Result<Vec<CommandLine>, ImapError> {
        Ok(Vec::new())
    }

    fn finish(self) -> Result<Option<u64>, ImapError> {
        Ok(self.limit)
    }
}

/// The date as it is written on the wire (RFC 9051 section 9, `date-time`); `None` before the year 0 and after 9999.
fn date_time(date: InternalDate) -> Option<String> {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let (days, second) = (date.unix().div_euclid(86_400), date.unix().rem_euclid(86_400));
    // Days since 0000-03-01: years that begin in March have their leap day at the end.
    let days = days.checked_add(719_468)?;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12;
    let year = year_of_era + era * 400 + i64::from(month < 2);
    let name = MONTHS.get(usize::try_from(month).ok()?)?;
    (0..=9999).contains(&year).then(|| {
        format!(
            "{day:02}-{name}-{year:04} {:02}:{:02}:{:02} +0000",
            second / 3600,
            second / 60 % 60,
            second % 60
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Status, Tag};

    #[test]
    fn dates_are_written_as_they_are_read() {
        for (unix, text) in [
            (0, "01-Jan-1970 00:00:00 +0000"),
            (837_596_665, "17-Jul-1996 09:44:25 +0000"),
            (951_782_400, "29-Feb-2000 00:00:00 +0000"),
            (-2_209_161_600, "30-Dec-1899 00:00:00 +0000"),
            (2_222_101_800, "31-May-2040 18:30:00 +0000"),
            (253_402_300_799, "31-Dec-9999 23:59:59 +0000"),
        ] {
            assert_eq!(date_time(InternalDate::from_unix(unix)).as_deref(), Some(text));
        }
        for unix in [253_402_300_800, i64::MAX, i64::MIN] {
            assert_eq!(date_time(InternalDate::from_unix(unix)), None);
        }
    }

    #[test]
    fn uids_count_only_when_there_is_one_for_each_message() {
        let uids = |arguments: &str, messages: usize| {
            let reply = Tagged {
                tag: Tag::new(1),
                status: Status::Ok,
                code: Some(Code::AppendUid(arguments.to_owned())),
                text: String::new(),
            };
            Append::uids(&reply, messages).map(|appended| {
                let uids: Vec<u32> = appended.uids.into_iter().map(Uid::get).collect();
                (appended.uid_validity.get(), uids)
            })
        };
        assert_eq!(uids("7 5", 1), Some((7, vec![5])));
        assert_eq!(uids("7 5:7,9", 4), Some((7, vec![5, 6, 7, 9])));
        for (arguments, messages) in [
            ("7 5", 2),
            ("7 5:6", 1),
            ("7 0", 1),
            ("0 5", 1),
            ("7", 1),
            ("7 1:4294967295", 3),
            ("7 x", 1),
        ] {
            assert_eq!(uids(arguments, messages), None, "{arguments}");
        }
    }
}
