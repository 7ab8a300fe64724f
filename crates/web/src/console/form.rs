//! Forms: what they ask, what was written into them, and what is wrong with that.

use std::fmt;

/// A form as it is shown.
#[derive(Default)]
pub(super) struct Form {
    /// What it asks, in its order.
    pub(super) fields: Vec<Field>,
    /// What is wrong with it as a whole.
    pub(super) wrong: Vec<String>,
}

/// One thing that a form asks.
pub(super) struct Field {
    /// Its name in what is sent.
    pub(super) name: &'static str,
    /// What people see.
    pub(super) label: &'static str,
    /// How it is asked.
    pub(super) kind: Kind,
    /// What stands in it.
    pub(super) value: String,
    /// What explains it; may be empty.
    pub(super) help: String,
    /// What is wrong with it.
    pub(super) wrong: Option<String>,
    /// Whether it has to be filled in.
    pub(super) is_required: bool,
}

/// How something is asked.
pub(super) enum Kind {
    /// One line; with the word by which browsers know what it is (`off` for nothing).
    Text(&'static str),
    /// One line, with suggestions: the list of that name.
    Suggested(&'static str),
    /// A line that nobody may see; the same.
    Password(&'static str),
    /// A number, with the least and the most.
    Number(u64, u64),
    /// Several lines.
    Lines,
    /// Yes or no.
    Switch(bool),
    /// One of these.
    Choice(Vec<Choice>),
    /// A file of these kinds.
    File(&'static str),
}

/// One of several.
pub(super) struct Choice {
    /// What is sent.
    pub(super) value: String,
    /// What people see.
    pub(super) name: String,
}

impl Form {
    pub(super) fn new(fields: Vec<Field>) -> Self {
        Self {
            fields,
            wrong: Vec::new(),
        }
    }

    /// The same, with what is wrong: at the field that it belongs to, or with the whole.
    pub(super) fn blamed(mut self, faults: Faults) -> Self {
        for (name, wrong) in faults.0 {
            match self.fields.iter_mut().find(|field| field.name == name) {
                Some(field) => field.blame(wrong),
                None => self.wrong.push(wrong),
            }
        }
        self
    }
}

impl Field {
    pub(super) fn new(name: &'static str, label: &'static str, kind: Kind) -> Self {
        Self {
            name,
            label,
            kind,
            value: String::new(),
            help: String::new(),
            wrong: None,
            is_required: false,
        }
    }

    /// One line of text.
    pub(super) fn text(name: &'static str, label: &'static str, value: impl Into<String>) -> Self {
        Self {
            value: value.into(),
            ..Self::new(name, label, Kind::Text("off"))
        }
    }

    /// Yes or no.
    pub(super) fn switch(name: &'static str, label: &'static str, on: bool) -> Self {
        Self::new(name, label, Kind::Switch(on))
    }

    /// One of these: what is sent, and what people see.
    pub(super) fn choice<'c>(
        name: &'static str,
        label: &'static str,
        chosen: &str,
        choices: impl IntoIterator<Item = (&'c str, &'c str)>,
    ) -> Self {
        let choices = choices.into_iter().map(|(value, name)| Choice {
            value: value.to_owned(),
            name: name.to_owned(),
        });
        Self {
            value: chosen.to_owned(),
            ..Self::new(name, label, Kind::Choice(choices.collect()))
        }
    }

    pub(super) fn help(self, help: impl Into<String>) -> Self {
        Self {
            help: help.into(),
            ..self
        }
    }

    pub(super) fn required(self) -> Self {
        Self {
            is_required: true,
            ..self
        }
    }

    /// Says what is wrong; after what was said before.
    pub(super) fn blame(&mut self, wrong: String) {
        self.wrong = Some(match self.wrong.take() {
            None => wrong,
            Some(before) => format!("{before} {wrong}"),
        });
    }

    /// Whether something stands below it.
    pub(super) fn is_explained(&self) -> bool {
        self.wrong.is_some() || !self.help.is_empty()
    }
}

/// What is wrong, each with the name of the field that it is about; the empty name is the form's.
#[derive(Default)]
pub(super) struct Faults(Vec<(&'static str, String)>);

impl Faults {
    /// Something is wrong with a field.
    pub(super) fn at(&mut self, name: &'static str, wrong: impl fmt::Display) {
        self.0.push((name, super::words::sentence(&wrong.to_string())));
    }

    /// Takes what could be read; what is wrong is noted.
    pub(super) fn take<T, E: fmt::Display>(&mut self, name: &'static str, read: Result<T, E>) -> Option<T> {
        match read {
            Ok(value) => Some(value),
            Err(wrong) => {
                self.at(name, wrong);
                None
            }
        }
    }

    /// Something is wrong with the whole.
    pub(super) fn of_form(wrong: impl fmt::Display) -> Self {
        let mut faults = Self::default();
        faults.at("", wrong);
        faults
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// What was sent: names and values, in their order. Some of them may be secrets: it has no `Debug`.
#[derive(Clone, Default)]
pub(crate) struct Sent(Vec<(String, String)>);

impl Sent {
    pub(crate) fn new(pairs: Vec<(String, String)>) -> Self {
        Self(pairs)
    }

    /// What a form would have sent that says this.
    pub(super) fn of(pairs: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        let pairs = pairs.into_iter().map(|(name, value)| (name.to_owned(), value));
        Self(pairs.collect())
    }

    /// A value, without blanks around it; empty where there is none.
    pub(super) fn text(&self, name: &str) -> &str {
        self.raw(name).trim()
    }

    /// A value as it is: a password's blanks belong to it.
    pub(super) fn raw(&self, name: &str) -> &str {
        let found = self.0.iter().find(|(key, _)| key == name);
        found.map_or("", |(_, value)| value)
    }

    /// Every value of a name.
    pub(super) fn all<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'s str> {
        self.0
            .iter()
            .filter(move |(key, _)| key == name)
            .map(|(_, value)| value.trim())
    }

    /// Whether a switch is on.
    pub(super) fn is_on(&self, name: &str) -> bool {
        self.text(name) == "yes"
    }

    /// The pairs of these names, to be sent once more.
    pub(super) fn kept(&self, names: &[&str]) -> Vec<(String, String)> {
        let kept = self.0.iter().filter(|(name, _)| names.contains(&name.as_str()));
        kept.cloned().collect()
    }

    /// The lines of a text, without the empty ones.
    pub(super) fn lines<'s>(&'s self, name: &str) -> impl Iterator<Item = &'s str> {
        self.raw(name)
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_stands_at_its_field() {
        let mut faults = Faults::default();
        faults.at("port", "not a port");
        faults.at("port", "really");
        faults.at("elsewhere", "strange");
        let form = Form::new(vec![Field::text("port", "Port", "x")]).blamed(faults);
        assert_eq!(form.fields[0].wrong.as_deref(), Some("Not a port Really"));
        assert_eq!(form.wrong, ["Strange"]);
    }

    #[test]
    fn what_was_sent_is_found_by_its_name() {
        let pairs = [("a", " 1 "), ("b", "yes"), ("a", "2"), ("c", " x\n\n y ")];
        let sent = Sent::new(
            pairs
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .to_vec(),
        );
        assert_eq!((sent.text("a"), sent.raw("a"), sent.text("z")), ("1", " 1 ", ""));
        assert_eq!(sent.all("a").collect::<Vec<_>>(), ["1", "2"]);
        assert!(sent.is_on("b") && !sent.is_on("a"));
        assert_eq!(sent.lines("c").collect::<Vec<_>>(), ["x", "y"]);
        assert_eq!(sent.kept(&["b"]), [("b".to_owned(), "yes".to_owned())]);
    }
}
