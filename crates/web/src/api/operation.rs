//! One thing that the API does: the line of the gate's table, and what the document says of it.
//!
//! Both are made of the same words, so that the document cannot say what is not served, nor leave out what is.

use axum::handler::Handler;
use axum::http::Method;
use serde_json::{Map, Value, json};
use transhume_model::rights::Right;
use utoipa::ToSchema;

use super::fields::{Sent, Shape};
use crate::WebState;
use crate::gate::Route;

/// Where all of it lies.
pub(crate) const ROOT: &str = "/api/v2";

/// Schemas that others name, by their names.
pub(crate) type Components = Map<String, Value>;

/// One thing that the API does.
pub(crate) struct Operation {
    /// The line of the gate's table.
    pub(crate) route: Route,
    /// The method.
    pub(crate) method: Method,
    /// The path.
    pub(crate) path: &'static str,
    /// Its name in the document.
    pub(crate) id: &'static str,
    /// What it does, in one line.
    pub(crate) summary: &'static str,
    /// What else is to be known.
    pub(crate) details: &'static str,
    /// What may stand behind the `?`.
    pub(crate) asks: Vec<Parameter>,
    /// What is sent with it.
    pub(crate) takes: Option<Takes>,
    /// What is answered when all is well.
    pub(crate) gives: Vec<Gives>,
}

/// Something behind the `?`.
#[derive(Clone, Copy)]
pub(crate) struct Parameter {
    /// Its name.
    pub(crate) name: &'static str,
    /// What it holds.
    pub(crate) kind: ParameterKind,
    /// What it does.
    pub(crate) help: &'static str,
}

/// What a parameter holds.
#[derive(Clone, Copy)]
pub(crate) enum ParameterKind {
    /// Any text.
    Text,
    /// A whole number from 1.
    Number,
    /// Yes or no.
    Switch,
    /// One of these words.
    Word(&'static [&'static str]),
}

/// What is sent.
pub(crate) struct Takes {
    /// The fields.
    pub(crate) shape: &'static Shape,
    /// All of them, or those that change.
    pub(crate) sent: Sent,
    /// Whether it comes with a file.
    pub(crate) is_upload: bool,
}

/// What is answered.
pub(crate) struct Gives {
    /// The status.
    pub(crate) status: u16,
    /// What that means.
    pub(crate) means: &'static str,
    /// The body's media type and schema; `None` is no body.
    pub(crate) body: Option<(&'static str, fn(&mut Components) -> Value)>,
}

/// The parameters of a list.
pub(crate) const SEARCH: Parameter = Parameter::text("search", "Part of a name or an address, in any case.");
const PAGE: Parameter = Parameter::new(
    "page",
    ParameterKind::Number,
    "The number of a page, from 1. Without it, and without page_size, the whole list is answered as an array.",
);
const PAGE_SIZE: Parameter = Parameter::new(
    "page_size",
    ParameterKind::Number,
    "How many are on a page: 100 unless it is said, 1000 at most.",
);

impl Parameter {
    /// A parameter.
    pub(crate) const fn new(name: &'static str, kind: ParameterKind, help: &'static str) -> Self {
        Self { name, kind, help }
    }

    /// One that holds a text.
    pub(crate) const fn text(name: &'static str, help: &'static str) -> Self {
        Self::new(name, ParameterKind::Text, help)
    }

    /// One that is yes or no.
    pub(crate) const fn switch(name: &'static str, help: &'static str) -> Self {
        Self::new(name, ParameterKind::Switch, help)
    }

    /// Its schema.
    pub(crate) fn schema(self) -> Value {
        match self.kind {
            ParameterKind::Text => json!({ "type": "string" }),
            ParameterKind::Number => json!({ "type": "integer", "minimum": 1 }),
            ParameterKind::Switch => json!({ "type": "boolean" }),
            ParameterKind::Word(words) => json!({ "type": "string", "enum": words }),
        }
    }
}

impl Operation {
    /// What is to be read.
    pub(crate) fn get<H, T>(path: &'static str, right: Right, handler: H) -> Self
    where
        H: Handler<T, WebState>,
        T: 'static,
    {
        Self::new(Method::GET, path, right, handler)
    }

    /// What adds or does something.
    pub(crate) fn post<H, T>(path: &'static str, right: Right, handler: H) -> Self
    where
        H: Handler<T, WebState>,
        T: 'static,
    {
        Self::new(Method::POST, path, right, handler)
    }

    /// What is put in place of something.
    pub(crate) fn put<H, T>(path: &'static str, right: Right, handler: H) -> Self
    where
        H: Handler<T, WebState>,
        T: 'static,
    {
        Self::new(Method::PUT, path, right, handler)
    }

    /// What changes something.
    pub(crate) fn patch<H, T>(path: &'static str, right: Right, handler: H) -> Self
    where
        H: Handler<T, WebState>,
        T: 'static,
    {
        Self::new(Method::PATCH, path, right, handler)
    }

    /// What removes something.
    pub(crate) fn delete<H, T>(path: &'static str, right: Right, handler: H) -> Self
    where
        H: Handler<T, WebState>,
        T: 'static,
    {
        Self::new(Method::DELETE, path, right, handler).empty(204, "It is gone.")
    }

    fn new<H, T>(method: Method, path: &'static str, right: Right, handler: H) -> Self
    where
        H: Handler<T, WebState>,
        T: 'static,
    {
        Self {
            route: Route::api(method.clone(), path, right, handler),
            method,
            path,
            id: "",
            summary: "",
            details: "",
            asks: Vec::new(),
            takes: None,
            gives: Vec::new(),
        }
    }

    /// What it is called, and what it does.
    pub(crate) fn named(mut self, id: &'static str, summary: &'static str) -> Self {
        (self.id, self.summary) = (id, summary);
        self
    }

    /// What else is to be known.
    pub(crate) fn details(mut self, details: &'static str) -> Self {
        self.details = details;
        self
    }

    /// What may stand behind the `?`.
    pub(crate) fn asks(mut self, parameters: &[Parameter]) -> Self {
        self.asks.extend_from_slice(parameters);
        self
    }

    /// What is sent, whole.
    pub(crate) fn takes(mut self, shape: &'static Shape) -> Self {
        self.takes = Some(Takes {
            shape,
            sent: Sent::Whole,
            is_upload: false,
        });
        self
    }

    /// What is sent of it is what changes.
    pub(crate) fn takes_changes(mut self, shape: &'static Shape) -> Self {
        self.takes = Some(Takes {
            shape,
            sent: Sent::Changes,
            is_upload: false,
        });
        self
    }

    /// A form with a file.
    pub(crate) fn takes_file(mut self, shape: &'static Shape) -> Self {
        self.takes = Some(Takes {
            shape,
            sent: Sent::Whole,
            is_upload: true,
        });
        self.route = self.route.uploads();
        self
    }

    /// One thing is answered.
    pub(crate) fn gives<A: ToSchema>(self, status: u16, means: &'static str) -> Self {
        self.gives_body(status, means, "application/json", one::<A>)
    }

    /// A list is answered: whole, or a page of it.
    pub(crate) fn lists<A: ToSchema>(self) -> Self {
        self.asks(&[PAGE, PAGE_SIZE]).gives_body(
            200,
            "All of them; or a page.",
            "application/json",
            list::<A>,
        )
    }

    /// A list is answered, always whole.
    pub(crate) fn gives_all<A: ToSchema>(self) -> Self {
        self.gives_body(200, "All of them.", "application/json", all::<A>)
    }

    /// Something else is answered.
    pub(crate) fn gives_body(
        mut self,
        status: u16,
        means: &'static str,
        media: &'static str,
        schema: fn(&mut Components) -> Value,
    ) -> Self {
        self.gives.push(Gives {
            status,
            means,
            body: Some((media, schema)),
        });
        self
    }

    /// Nothing is answered but that all is well.
    pub(crate) fn empty(mut self, status: u16, means: &'static str) -> Self {
        self.gives.push(Gives {
            status,
            means,
            body: None,
        });
        self
    }
}

/// A reference to a thing's schema, which is put beside those that are there.
pub(crate) fn one<A: ToSchema>(components: &mut Components) -> Value {
    let mut found = vec![(A::name().into_owned(), A::schema())];
    A::schemas(&mut found);
    for (name, schema) in found {
        if !components.contains_key(&name) {
            // What cannot be written as JSON would be seen in the document, which is compared with the one that is kept.
            components.insert(name, serde_json::to_value(schema).unwrap_or_default());
        }
    }
    json!({ "$ref": format!("#/components/schemas/{}", A::name()) })
}

fn all<A: ToSchema>(components: &mut Components) -> Value {
    json!({ "type": "array", "items": one::<A>(components) })
}

fn list<A: ToSchema>(components: &mut Components) -> Value {
    let all = all::<A>(components);
    let address = json!({ "type": ["string", "null"], "format": "uri-reference" });
    json!({
        "oneOf": [all, {
            "type": "object",
            "required": ["count", "next", "previous", "results"],
            "properties": {
                "count": { "type": "integer", "description": "How many there are on all pages together." },
                "next": address,
                "previous": address,
                "results": all,
            },
        }],
    })
}
