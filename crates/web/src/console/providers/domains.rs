//! The domains that a provider hosts, each with what it is called here: as a form shows them, adds to them, takes from them.

use std::collections::BTreeMap;

use transhume_model::directory::{DomainName, NameProblem};

use crate::console::form::{Faults, Field, Kind, Sent};

/// A domain of the old platform, and what it is called here.
pub(super) struct Pair {
    /// As it is sent: `old`, or `old=new`.
    pub(super) value: String,
    pub(super) old: String,
    /// As a chip says it.
    pub(super) said: String,
    /// As the summary says it.
    pub(super) summary: String,
}

/// How a pair is sent. A domain's name has no `=`.
pub(super) fn value(old: &DomainName, new: Option<&DomainName>) -> String {
    new.map_or_else(|| old.to_string(), |new| format!("{old}={new}"))
}

/// The pairs that were sent, without the one that is to go, and with the one that is to come. What cannot be read is noted; what
/// comes twice counts once.
pub(super) fn read(sent: &Sent, faults: &mut Faults) -> BTreeMap<DomainName, Option<DomainName>> {
    let removed = sent.text("remove");
    let mut pairs = BTreeMap::new();
    for text in sent.all("domain").filter(|text| *text != removed) {
        let (old, new) = text.split_once('=').unwrap_or((text, ""));
        let old = faults.take("new_domain", DomainName::parse(old));
        let new = faults.take("local_domain", local(new));
        if let (Some(old), Some(new)) = (old, new) {
            pairs.insert(old, new);
        }
    }
    if !sent.text("new_domain").is_empty() {
        let old = faults.take("new_domain", DomainName::parse(sent.text("new_domain")));
        let new = faults.take("local_domain", local(sent.text("local_domain")));
        match (old, new) {
            (Some(old), Some(_)) if pairs.contains_key(&old) => {
                faults.at("new_domain", format!("{old} is there already"));
            }
            (Some(old), Some(new)) => {
                pairs.insert(old, new);
            }
            _ => {}
        }
    }
    pairs
}

/// What a domain is to be called here; nothing keeps its name.
fn local(text: &str) -> Result<Option<DomainName>, NameProblem> {
    match text {
        "" => Ok(None),
        text => DomainName::parse(text).map(Some),
    }
}

/// How they are shown.
pub(super) fn shown(pairs: &BTreeMap<DomainName, Option<DomainName>>, local: &[String]) -> Vec<Pair> {
    let pair = |(old, new): (&DomainName, &Option<DomainName>)| Pair {
        value: value(old, new.as_ref()),
        said: chip(old, new.as_ref()),
        summary: match new {
            Some(new) => format!("{old} → {new}"),
            None if local.iter().any(|name| name == old.as_str()) => old.to_string(),
            None => format!("{old} (the domain will be created locally)"),
        },
        old: old.to_string(),
    };
    pairs.iter().map(pair).collect()
}

/// A pair in a word.
pub(super) fn chip(old: &DomainName, new: Option<&DomainName>) -> String {
    match new {
        Some(new) => format!("{old} → {new}"),
        None => old.to_string(),
    }
}

/// The fields that add one. They are empty when what was in them has been added.
pub(super) fn fields(sent: &Sent, was_added: bool) -> Vec<Field> {
    let text = |name| if was_added { "" } else { sent.text(name) };
    let mut local = Field::text("local_domain", "Local domain (optional)", text("local_domain"))
        .help("What it is to be called here, if not the same.");
    local.kind = Kind::Suggested("local-domains");
    let old = Field::text("new_domain", "Name of the domain to migrate", text("new_domain"));
    vec![old, local]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_added_and_removed() {
        for (sent, expected, is_wrong) in [
            (
                &[("domain", "a.example"), ("domain", "B.example=c.example")][..],
                "a.example b.example=c.example",
                false,
            ),
            (&[("domain", "a.example"), ("remove", "a.example")][..], "", false),
            (
                &[("domain", "a.example"), ("new_domain", " D.Example ")][..],
                "a.example d.example",
                false,
            ),
            (
                &[("new_domain", "d.example"), ("local_domain", "e.example")][..],
                "d.example=e.example",
                false,
            ),
            (
                &[
                    ("domain", "a.example"),
                    ("new_domain", "A.example"),
                    ("local_domain", "x.example"),
                ][..],
                "a.example",
                true,
            ),
            (
                &[("domain", "a.example"), ("new_domain", "no domain")][..],
                "a.example",
                true,
            ),
            (
                &[("new_domain", "d.example"), ("local_domain", "@")][..],
                "",
                true,
            ),
        ] {
            let pairs = sent
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            let mut faults = Faults::default();
            let read = read(&Sent::new(pairs.collect()), &mut faults);
            let shown: Vec<_> = shown(&read, &[]).into_iter().map(|pair| pair.value).collect();
            assert_eq!(shown.join(" "), expected, "{sent:?}");
            assert_eq!(!faults.is_empty(), is_wrong, "{sent:?}");
        }
    }
}
