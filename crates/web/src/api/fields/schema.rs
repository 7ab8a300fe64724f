//! A request's body as the document describes it (OpenAPI 3.1: JSON Schema 2020-12).

use serde_json::{Map, Value, json};

use super::{Field, Kind, Sent, Shape};

impl Shape {
    /// The schema of a body that is sent whole, or of one that says what changes.
    pub(crate) fn schema(&self, sent: Sent) -> Value {
        let properties: Map<String, Value> = self
            .fields
            .iter()
            .map(|field| (field.name.to_owned(), field.schema()))
            .collect();
        let mut schema = json!({ "type": "object", "properties": properties });
        let required: Vec<&str> = self
            .fields
            .iter()
            .filter(|field| field.required && sent == Sent::Whole)
            .map(|field| field.name)
            .collect();
        if !required.is_empty() {
            schema["required"] = required.into();
        }
        schema
    }
}

impl Field {
    fn schema(&self) -> Value {
        let mut schema = match &self.kind {
            Kind::Text { most, blank: true } => json!({ "type": "string", "maxLength": most }),
            Kind::Text { most, blank: false } => {
                json!({ "type": "string", "minLength": 1, "maxLength": most })
            }
            Kind::Secret => {
                json!({ "type": "string", "minLength": 1, "format": "password", "writeOnly": true })
            }
            Kind::Number { least, most } => json!({ "type": "integer", "minimum": least, "maximum": most }),
            Kind::Key => json!({ "type": "integer" }),
            Kind::Switch => json!({ "type": "boolean" }),
            Kind::Word(words) => json!({ "type": "string", "enum": words }),
            Kind::Keys => json!({ "type": "array", "items": { "type": "integer" } }),
            Kind::Texts => json!({ "type": "array", "items": { "type": "string", "minLength": 1 } }),
            Kind::List(shape) => json!({ "type": "array", "items": shape.schema(Sent::Whole) }),
            Kind::Object(shape) => shape.schema(Sent::Whole),
        };
        if self.nullable {
            schema["type"] = json!([schema["type"], "null"]);
        }
        if !self.help.is_empty() {
            schema["description"] = self.help.into();
        }
        schema
    }
}
