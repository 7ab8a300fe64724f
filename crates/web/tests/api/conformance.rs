//! Every recorded pair is asked again, of a platform with the same people and domains, and its answer compared.
//!
//! An answer may say more than the recorded one, never less and never otherwise, unless the table of differences says so. Numbers
//! of things are compared by what they stand for: a number that was recorded is the one here of the thing that was answered first.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::differences::{self, Difference};
use crate::served::{Program, serving};

/// What is known of the recorded things.
#[derive(Default)]
struct Known {
    /// Recorded numbers of providers and of their domains, and those here.
    numbers: BTreeMap<(&'static str, i64), i64>,
    /// Recorded providers that were refused here.
    absent: Vec<i64>,
    /// What of recorded providers is otherwise here since a difference.
    otherwise: BTreeMap<i64, Map<String, Value>>,
}

#[test]
fn parameters_are_as_recorded() {
    serving(async |program| replay("parameters", include_str!("parameters.json"), &program));
}

#[test]
fn email_providers_are_as_recorded() {
    serving(async |program| replay("email_providers", include_str!("email_providers.json"), &program));
}

fn replay(file: &str, pairs: &str, program: &Program) {
    let pairs: Vec<Value> = serde_json::from_str(pairs).unwrap();
    let mut known = Known::default();
    let mut wrong = Vec::new();
    for pair in &pairs {
        let n = pair["n"].as_u64().unwrap();
        let difference = differences::of(file, n);
        if let Err(what) = known.compare(pair, difference, program) {
            let (title, request) = (&pair["title"], &pair["request"]);
            wrong.push(format!("{file} {n} {title} {request}: {what}"));
        }
    }
    let unused = differences::ALL
        .iter()
        .filter(|difference| difference.file == file)
        .filter(|difference| !pairs.iter().any(|pair| pair["n"] == difference.n))
        .map(|difference| format!("{file} {}: there is no such pair", difference.n));
    wrong.extend(unused);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

impl Known {
    fn compare(
        &mut self,
        pair: &Value,
        difference: Option<&Difference>,
        program: &Program,
    ) -> Result<(), String> {
        let request = &pair["request"];
        let method = request["method"].as_str().unwrap();
        let path = self.path(request["path"].as_str().unwrap());
        let body = request.get("json").cloned().map(|body| self.here(body));
        let who = pair["as_role"].as_str().unwrap();
        let answer = program.ask(who, method, &path, body.as_ref());
        let recorded = &pair["response"];
        let was = recorded["status"].as_u64().unwrap();
        let status = difference.map_or(was, |difference| u64::from(difference.status));
        if u64::from(answer.status) != status {
            return Err(format!("{} instead of {status}: {}", answer.status, answer.text));
        }
        if was == 201 && status >= 400 {
            self.absent.extend(recorded["body"]["id"].as_i64());
        }
        let kind = answer.kind.as_deref();
        if answer.text.is_empty() != kind.is_none() {
            return Err(format!("a content of the type {kind:?}: {}", answer.text));
        }
        let expected_kind = match status {
            _ if answer.text.is_empty() => None,
            400.. => Some("application/problem+json"),
            _ => Some("application/json"),
        };
        if kind != expected_kind {
            return Err(format!("{kind:?} instead of {expected_kind:?}"));
        }
        let ours = answer.body();
        let expected = self.expected(method, recorded, difference);
        let found = self.matches(&expected, &ours, "");
        if let (Some(difference), Ok(())) = (difference, &found) {
            // A difference that makes none is none.
            let recorded = self.without_absent(recorded["body"].clone(), false);
            if was == status && self.matches(&recorded, &ours, "").is_ok() {
                return Err(format!("is no difference: {}", difference.why));
            }
        }
        found
    }

    /// What is expected: what was recorded, without what is not here, and otherwise where it is so since a difference.
    fn expected(&mut self, method: &str, recorded: &Value, difference: Option<&Difference>) -> Value {
        let body = &recorded["body"];
        let id = body["id"].as_i64();
        let Some(difference) = difference else {
            if method != "GET" {
                id.map(|id| self.otherwise.remove(&id));
            }
            return self.without_absent(body.clone(), true);
        };
        let expected: Value = serde_json::from_str(difference.body).unwrap();
        if let (Some(id), Some(fields), true) = (id, expected.as_object(), difference.status < 300) {
            let others = fields
                .iter()
                .filter(|(name, value)| body[name.as_str()] != **value);
            let others = others.map(|(name, value)| (name.clone(), value.clone()));
            self.otherwise.entry(id).or_default().extend(others);
        }
        expected
    }

    /// What was recorded, without what is not here; and otherwise, where it is so since a difference.
    fn without_absent(&self, body: Value, otherwise: bool) -> Value {
        match body {
            Value::Array(list) => {
                let is_here = |one: &Value| one["id"].as_i64().is_none_or(|id| !self.absent.contains(&id));
                let here = list.into_iter().filter(is_here);
                Value::Array(here.map(|one| self.without_absent(one, otherwise)).collect())
            }
            Value::Object(mut fields) => {
                let id = fields.get("id").and_then(Value::as_i64);
                if let Some(others) = id.and_then(|id| self.otherwise.get(&id))
                    && otherwise
                {
                    fields.extend(others.clone());
                }
                Value::Object(fields)
            }
            other => other,
        }
    }

    /// Whether an answer says what is expected, and perhaps more.
    fn matches(&mut self, expected: &Value, ours: &Value, at: &str) -> Result<(), String> {
        match (expected, ours) {
            (Value::Object(expected), Value::Object(fields)) => {
                for (name, value) in expected {
                    let at = format!("{at}/{name}");
                    let Some(own) = fields.get(name) else {
                        return Err(format!("{at} is not there: {ours}"));
                    };
                    if name == "id" {
                        let kind = if fields.contains_key("new_domain") {
                            "domain"
                        } else {
                            "provider"
                        };
                        self.number(kind, value, own, &at)?;
                    } else {
                        self.matches(value, own, &at)?;
                    }
                }
                Ok(())
            }
            (Value::Array(expected), Value::Array(list)) if expected.len() == list.len() => {
                for (number, (expected, own)) in expected.iter().zip(list).enumerate() {
                    self.matches(expected, own, &format!("{at}/{number}"))?;
                }
                Ok(())
            }
            _ if expected == ours => Ok(()),
            _ => Err(format!("at “{at}” {ours} instead of {expected}")),
        }
    }

    fn number(&mut self, kind: &'static str, recorded: &Value, own: &Value, at: &str) -> Result<(), String> {
        let (Some(recorded), Some(own)) = (recorded.as_i64(), own.as_i64()) else {
            return Err(format!("at “{at}” {own} is no number"));
        };
        let known = *self.numbers.entry((kind, recorded)).or_insert(own);
        if known == own {
            return Ok(());
        }
        Err(format!("at “{at}” {own}, and before it was {known}"))
    }

    /// A recorded path with the number that is here.
    fn path(&self, path: &str) -> String {
        let parts = path.split('/').map(|part| match part.parse::<i64>() {
            Ok(number) => {
                let own = self.numbers.get(&("provider", number)).copied();
                own.unwrap_or(number).to_string()
            }
            Err(_) => part.to_owned(),
        });
        parts.collect::<Vec<_>>().join("/")
    }

    /// A recorded body with the numbers of domains that are here.
    fn here(&self, mut body: Value) -> Value {
        let domains = body.get_mut("domains").and_then(Value::as_array_mut);
        for domain in domains.into_iter().flatten() {
            let own = domain["id"]
                .as_i64()
                .and_then(|id| self.numbers.get(&("domain", id)));
            if let Some(own) = own {
                domain["id"] = json!(own);
            }
        }
        body
    }
}
