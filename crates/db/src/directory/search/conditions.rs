//! What has to hold of a row, as SQL and its values.

use std::fmt::Write as _;

use transhume_model::rights::Scope;

use super::super::link::Value;
use super::super::migration::escaped;

/// What has to hold of a row.
pub(in crate::directory) struct Conditions<'v> {
    texts: Vec<String>,
    values: Vec<Value<'v>>,
}

impl<'v> Conditions<'v> {
    /// Any row.
    pub(in crate::directory) fn new() -> Self {
        Self {
            texts: vec!["TRUE".to_owned()],
            values: Vec::new(),
        }
    }

    /// One more thing that has to hold. Each `?` of it is the next one of the values.
    pub(in crate::directory) fn add(&mut self, condition: &str, values: impl IntoIterator<Item = Value<'v>>) {
        let mut values = values.into_iter();
        let mut text = String::new();
        for letter in condition.chars() {
            match letter {
                '?' => {
                    self.values.extend(values.next());
                    // Writing to a string cannot fail.
                    let _ = write!(text, "${}", self.values.len());
                }
                other => text.push(other),
            }
        }
        self.texts.push(text);
    }

    /// That one of the columns has this text in it.
    pub(in crate::directory) fn has_text(&mut self, columns: &[&str], text: Option<&str>) {
        let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else {
            return;
        };
        let pattern = format!("%{}%", escaped(&text.to_lowercase()));
        let like: Vec<String> = columns
            .iter()
            .map(|column| format!("{column} LIKE ? ESCAPE '!'"))
            .collect();
        let value = Value::Text(Some(pattern.into()));
        self.add(&format!("({})", like.join(" OR ")), vec![value; columns.len()]);
    }

    /// That the row lies within a scope. `of_domains` has `{}` where the list of domains comes, with its parentheses; `of_login`
    /// has a `?` for the login, where rows can be somebody's own.
    pub(in crate::directory) fn within(
        &mut self,
        scope: &'v Scope,
        of_domains: &str,
        of_login: Option<&str>,
    ) {
        match (scope, of_login) {
            (Scope::All, _) => {}
            (Scope::Own(login), Some(of_login)) => self.add(of_login, [Value::text(login.as_str())]),
            (Scope::Domains(domains), _) if !domains.is_empty() => {
                let list = vec!["?"; domains.len()].join(", ");
                let values = domains.iter().map(|domain| Value::text(domain.as_str()));
                self.add(&of_domains.replace("{}", &format!("({list})")), values);
            }
            (Scope::Own(_) | Scope::Domains(_), _) => self.add("FALSE", []),
        }
    }

    /// The conditions, as they stand behind WHERE.
    pub(in crate::directory) fn text(&self) -> String {
        self.texts.join(" AND ")
    }

    /// Their values.
    pub(in crate::directory) fn values(&self) -> &[Value<'v>] {
        &self.values
    }
}
