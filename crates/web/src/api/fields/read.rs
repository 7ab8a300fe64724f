//! A request's body is read by its table.

use serde_json::{Map, Number, Value};

use super::{Field, Kind, Said, Sent, Shape};
use crate::api::problem::Faults;

/// The most things that a list may hold: far beyond what anybody sends, and little to hold in memory.
const LONGEST_LIST: usize = 10_000;

impl Shape {
    /// Reads a body.
    pub(crate) fn read(&self, body: &Value, sent: Sent) -> Result<Said, Faults> {
        let Value::Object(members) = body else {
            let what = format!(
                "Invalid data. Expected a dictionary, but got {}.",
                kind_name(body)
            );
            return Err(Faults::one("non_field_errors", what));
        };
        let mut faults = Faults::default();
        let mut said = Map::new();
        for field in self.fields {
            match members.get(field.name) {
                None if field.required && sent == Sent::Whole => {
                    faults.add(field.name, "This field is required.");
                }
                None => {}
                Some(Value::Null) if field.nullable => {
                    said.insert(field.name.to_owned(), Value::Null);
                }
                Some(Value::Null) => faults.add(field.name, "This field may not be null."),
                Some(value) => match field.read(value) {
                    Ok(value) => {
                        said.insert(field.name.to_owned(), value);
                    }
                    Err(Wrong::Here(what)) => faults.add(field.name, what),
                    Err(Wrong::Within(within)) => faults.within(field.name, within),
                },
            }
        }
        if faults.is_empty() {
            Ok(Said(said))
        } else {
            Err(faults)
        }
    }
}

enum Wrong {
    Here(String),
    Within(Faults),
}

impl Field {
    fn read(&self, value: &Value) -> Result<Value, Wrong> {
        match &self.kind {
            Kind::Text { most, blank } => text(value, *most, *blank).map(Value::String),
            Kind::Secret => secret(value).map(Value::String),
            Kind::Number { least, most } => number(value, *least, *most),
            Kind::Key => key(value),
            Kind::Switch => switch(value).map(Value::Bool),
            Kind::Word(words) => word(value, words),
            Kind::Keys => list(value, key),
            Kind::Texts => list(value, |one| text(one, usize::MAX, false).map(Value::String)),
            Kind::List(shape) => list(value, |one| object(one, shape)),
            Kind::Object(shape) => object(value, shape),
        }
    }
}

fn here(what: impl Into<String>) -> Wrong {
    Wrong::Here(what.into())
}

fn typed(value: &Value) -> Result<String, Wrong> {
    let typed = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return Err(here("Not a valid string.")),
    };
    if typed.contains('\0') {
        return Err(here("Null characters are not allowed."));
    }
    Ok(typed)
}

fn text(value: &Value, most: usize, blank: bool) -> Result<String, Wrong> {
    let typed = typed(value)?;
    let text = typed.trim();
    if text.is_empty() && !blank {
        return Err(here("This field may not be blank."));
    }
    if text.chars().count() > most {
        return Err(here(format!(
            "Ensure this field has no more than {most} characters."
        )));
    }
    Ok(text.to_owned())
}

fn secret(value: &Value) -> Result<String, Wrong> {
    match typed(value)? {
        empty if empty.is_empty() => Err(here("This field may not be blank.")),
        secret => Ok(secret),
    }
}

/// A whole number as people and programs write it: `5`, `"5"`, `5.0`.
fn whole(value: &Value) -> Option<i128> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.trim().to_owned(),
        _ => return None,
    };
    let digits = match text.split_once('.') {
        Some((digits, rest)) if rest.bytes().all(|digit| digit == b'0') => digits,
        Some(_) => return None,
        None => &text,
    };
    digits.parse().ok()
}

fn number(value: &Value, least: i64, most: i64) -> Result<Value, Wrong> {
    let number = whole(value).ok_or_else(|| here("A valid integer is required."))?;
    match i64::try_from(number) {
        Ok(number) if (least..=most).contains(&number) => Ok(number.into()),
        _ if number < i128::from(least) => Err(here(format!(
            "Ensure this value is greater than or equal to {least}."
        ))),
        _ => Err(here(format!(
            "Ensure this value is less than or equal to {most}."
        ))),
    }
}

fn key(value: &Value) -> Result<Value, Wrong> {
    let expected = || {
        here(format!(
            "Incorrect type. Expected pk value, received {}.",
            kind_name(value)
        ))
    };
    let key = whole(value).ok_or_else(expected)?;
    // A number that none has.
    let key = i64::try_from(key).unwrap_or(-1);
    Ok(Value::Number(Number::from(key)))
}

fn switch(value: &Value) -> Result<bool, Wrong> {
    let word = match value {
        Value::Bool(yes) => return Ok(*yes),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.trim().to_ascii_lowercase(),
        _ => String::new(),
    };
    match word.as_str() {
        "t" | "y" | "yes" | "true" | "on" | "1" => Ok(true),
        "f" | "n" | "no" | "false" | "off" | "0" => Ok(false),
        _ => Err(here("Must be a valid boolean.")),
    }
}

fn word(value: &Value, words: &[&str]) -> Result<Value, Wrong> {
    let given = typed(value)?;
    if words.contains(&given.as_str()) {
        return Ok(Value::String(given));
    }
    let shown: String = given.chars().take(50).collect();
    Err(here(format!("\"{shown}\" is not a valid choice.")))
}

/// Each of a list is read; what is wrong stands at its place.
fn list(value: &Value, one: impl Fn(&Value) -> Result<Value, Wrong>) -> Result<Value, Wrong> {
    let Value::Array(values) = value else {
        return Err(here(format!(
            "Expected a list of items but got type \"{}\".",
            kind_name(value)
        )));
    };
    if values.len() > LONGEST_LIST {
        return Err(here(format!(
            "Ensure this field has no more than {LONGEST_LIST} elements."
        )));
    }
    let mut faults = Faults::default();
    let mut read = Vec::with_capacity(values.len());
    for (at, value) in values.iter().enumerate() {
        match one(value) {
            Ok(value) => read.push(value),
            Err(Wrong::Here(what)) => faults.add(&at.to_string(), what),
            Err(Wrong::Within(within)) => faults.within(&at.to_string(), within),
        }
    }
    if faults.is_empty() {
        Ok(Value::Array(read))
    } else {
        Err(Wrong::Within(faults))
    }
}

/// An object within a body is always sent whole.
fn object(value: &Value, shape: &Shape) -> Result<Value, Wrong> {
    match shape.read(value, Sent::Whole) {
        Ok(Said(said)) => Ok(Value::Object(said)),
        Err(faults) => Err(Wrong::Within(faults)),
    }
}

/// What scripts for Python call a kind of value.
fn kind_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "NoneType",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float",
        Value::Number(_) => "int",
        Value::String(_) => "str",
        Value::Array(_) => "list",
        Value::Object(_) => "dict",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::api::problem::Problem;

    static INNER: Shape = Shape {
        name: "Inner",
        fields: &[
            Field::text("name", 5, "").required(),
            Field::new("other", Kind::Key, "").nullable(),
        ],
    };
    static SHAPE: Shape = Shape {
        name: "Thing",
        fields: &[
            Field::text("name", 5, "").required(),
            Field::note("note", 5, ""),
            Field::number("port", 1, 9, ""),
            Field::switch("on", ""),
            Field::new("secret", Kind::Secret, ""),
            Field::new("word", Kind::Word(&["one", "two"]), ""),
            Field::new("ids", Kind::Keys, ""),
            Field::new("texts", Kind::Texts, ""),
            Field::new("list", Kind::List(&INNER), ""),
            Field::new("object", Kind::Object(&INNER), "").nullable(),
        ],
    };

    #[test]
    fn fields_are_read_or_told_wrong_in_the_known_words() {
        let none = "This field may not be null.";
        for (field, value, read) in [
            ("name", json!(" ab "), Ok(json!("ab"))),
            ("name", json!(12), Ok(json!("12"))),
            ("name", json!(" "), Err(json!(["This field may not be blank."]))),
            (
                "name",
                json!("äöüßxy"),
                Err(json!(["Ensure this field has no more than 5 characters."])),
            ),
            ("name", json!(true), Err(json!(["Not a valid string."]))),
            (
                "name",
                json!("a\0"),
                Err(json!(["Null characters are not allowed."])),
            ),
            ("name", json!(null), Err(json!([none]))),
            ("note", json!("  "), Ok(json!(""))),
            ("port", json!("5"), Ok(json!(5))),
            ("port", json!(5.0), Ok(json!(5))),
            ("port", json!(5.5), Err(json!(["A valid integer is required."]))),
            ("port", json!("x"), Err(json!(["A valid integer is required."]))),
            ("port", json!(true), Err(json!(["A valid integer is required."]))),
            (
                "port",
                json!(0),
                Err(json!(["Ensure this value is greater than or equal to 1."])),
            ),
            (
                "port",
                json!(u64::MAX),
                Err(json!(["Ensure this value is less than or equal to 9."])),
            ),
            ("port", json!(null), Err(json!([none]))),
            ("on", json!("Yes"), Ok(json!(true))),
            ("on", json!(0), Ok(json!(false))),
            ("on", json!("maybe"), Err(json!(["Must be a valid boolean."]))),
            ("on", json!([]), Err(json!(["Must be a valid boolean."]))),
            ("secret", json!(" a "), Ok(json!(" a "))),
            ("secret", json!(""), Err(json!(["This field may not be blank."]))),
            ("word", json!("two"), Ok(json!("two"))),
            (
                "word",
                json!("three"),
                Err(json!(["\"three\" is not a valid choice."])),
            ),
            ("ids", json!([1, "2"]), Ok(json!([1, 2]))),
            (
                "ids",
                json!([1, "x"]),
                Err(json!({"1": ["Incorrect type. Expected pk value, received str."]})),
            ),
            (
                "ids",
                json!("x"),
                Err(json!(["Expected a list of items but got type \"str\"."])),
            ),
            ("texts", json!([" a "]), Ok(json!(["a"]))),
            (
                "list",
                json!([{"name": "a"}, {"name": "b", "other": null, "more": 1}]),
                Ok(json!([{"name": "a"}, {"name": "b", "other": null}])),
            ),
            (
                "list",
                json!([{"name": "a", "other": "b.example"}, {}, 5]),
                Err(json!({
                    "0": {"other": ["Incorrect type. Expected pk value, received str."]},
                    "1": {"name": ["This field is required."]},
                    "2": {"non_field_errors": ["Invalid data. Expected a dictionary, but got int."]},
                })),
            ),
            ("object", json!(null), Ok(json!(null))),
            (
                "object",
                json!({}),
                Err(json!({"name": ["This field is required."]})),
            ),
        ] {
            let told = match SHAPE.read(&json!({ field: value }), Sent::Changes) {
                Ok(said) => Ok(said.0[field].clone()),
                Err(faults) => Err(Problem::from(faults).body()[field].clone()),
            };
            assert_eq!(told, read, "{field}: {value}");
        }
    }

    #[test]
    fn what_has_to_be_there_is_asked_for_unless_only_changes_are_sent() {
        let required = json!(["This field is required."]);
        let faults = SHAPE.read(&json!({}), Sent::Whole).unwrap_err();
        assert_eq!(Problem::from(faults).body()["name"], required);
        assert_eq!(SHAPE.read(&json!({}), Sent::Changes), Ok(Said::default()));
        let faults = SHAPE.read(&json!([]), Sent::Changes).unwrap_err();
        assert_eq!(
            Problem::from(faults).body()["non_field_errors"],
            json!(["Invalid data. Expected a dictionary, but got list."])
        );
    }
}
