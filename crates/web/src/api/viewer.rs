//! `docs/`: the document as a page, for people. It is made once, of the document itself, and needs no script.

use std::fmt::Write as _;
use std::sync::LazyLock;

use axum::http::{HeaderValue, header};
use axum::response::{Html, IntoResponse, Response};
use serde_json::{Map, Value};

/// Where the page's style is.
pub(super) const STYLE_PATH: &str = "/api/v2/docs/style.css";

const STYLE: &str = include_str!("viewer.css");

/// The methods, in the order in which they are shown.
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// The page.
pub(super) static TEXT: LazyLock<String> = LazyLock::new(|| whole(&super::document::document()));

/// `GET /api/v2/docs/`
pub(super) async fn page() -> Html<&'static str> {
    Html(&TEXT)
}

/// `GET /api/v2/docs/style.css`
pub(super) async fn style() -> Response {
    let kind = [(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/css; charset=utf-8"),
    )];
    (kind, STYLE).into_response()
}

/// A page that is being written. Writing to a string cannot fail.
struct Page(String);

impl Page {
    fn put(&mut self, html: std::fmt::Arguments<'_>) {
        let _ = self.0.write_fmt(html);
    }
}

fn whole(document: &Value) -> String {
    let mut page = Page(String::new());
    let title = text(&document["info"]["title"]);
    page.put(format_args!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}: API</title>\n\
         <link rel=\"stylesheet\" href=\"{STYLE_PATH}\">\n</head>\n<body>\n<header>\n<h1>{title}: API</h1>\n"
    ));
    for paragraph in text(&document["info"]["description"]).split("\n\n") {
        page.put(format_args!("<p>{}</p>\n", code(paragraph)));
    }
    page.put(format_args!(
        "<p><a href=\"/api/v2/schema/\">The same as OpenAPI 3.1</a></p>\n</header>\n<main>\n"
    ));
    let mut tag = String::new();
    for (path, method, operation) in operations(document) {
        let own = text(&operation["tags"][0]);
        if own != tag {
            page.put(format_args!("<h2 id=\"tag-{own}\">{own}</h2>\n"));
            tag = own;
        }
        page.operation(&path, method, operation);
    }
    page.put(format_args!("<h2 id=\"schemas\">Schemas</h2>\n"));
    for (name, schema) in members(&document["components"]["schemas"]) {
        page.put(format_args!(
            "<details id=\"schema-{0}\"><summary><code>{0}</code></summary>\n",
            escaped(name)
        ));
        page.described(&schema["description"]);
        page.fields(schema);
        page.put(format_args!("</details>\n"));
    }
    page.put(format_args!("</main>\n</body>\n</html>\n"));
    page.0
}

fn operations(document: &Value) -> Vec<(String, &'static str, &Value)> {
    let mut all = Vec::new();
    for (path, item) in members(&document["paths"]) {
        let there = METHODS.into_iter().filter(|method| !item[*method].is_null());
        all.extend(there.map(|method| (path.clone(), method, &item[method])));
    }
    all.sort_by_key(|(_, _, operation)| text(&operation["tags"][0]));
    all
}

impl Page {
    fn operation(&mut self, path: &str, method: &str, operation: &Value) {
        self.put(format_args!(
            "<details id=\"{}\"><summary><b class=\"{method}\">{}</b> <code>{}</code> {}</summary>\n",
            text(&operation["operationId"]),
            method.to_ascii_uppercase(),
            escaped(path),
            code(&text(&operation["summary"])),
        ));
        self.described(&operation["description"]);
        let parameters = operation["parameters"].as_array().map_or(&[][..], Vec::as_slice);
        if !parameters.is_empty() {
            self.put(format_args!("<h3>Parameters</h3>\n<dl>\n"));
            for parameter in parameters {
                let place = text(&parameter["in"]);
                self.field(&text(&parameter["name"]), &parameter["schema"], &place);
                self.put(format_args!(
                    "<dd>{}</dd>\n",
                    code(&text(&parameter["description"]))
                ));
            }
            self.put(format_args!("</dl>\n"));
        }
        if let Some((media, content)) = members(&operation["requestBody"]["content"]).next() {
            self.put(format_args!(
                "<h3>Body</h3>\n<p><code>{}</code> {}</p>\n",
                escaped(media),
                kind(&content["schema"])
            ));
        }
        self.put(format_args!("<h3>Answers</h3>\n<ul>\n"));
        for (status, response) in members(&operation["responses"]) {
            self.put(format_args!(
                "<li><code>{}</code> {}",
                escaped(status),
                code(&text(&response["description"]))
            ));
            for (_, content) in members(&response["content"]) {
                self.put(format_args!(" {}", kind(&content["schema"])));
            }
            self.put(format_args!("</li>\n"));
        }
        self.put(format_args!("</ul>\n</details>\n"));
    }

    fn described(&mut self, description: &Value) {
        if let Some(description) = description.as_str() {
            self.put(format_args!("<p>{}</p>\n", code(&escaped(description))));
        }
    }

    fn fields(&mut self, schema: &Value) {
        let required: Vec<&str> = schema["required"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        self.put(format_args!("<dl>\n"));
        for (name, property) in members(&schema["properties"]) {
            let note = if required.contains(&name.as_str()) {
                "required"
            } else {
                ""
            };
            self.field(&escaped(name), property, note);
            self.put(format_args!(
                "<dd>{}</dd>\n",
                code(&text(&property["description"]))
            ));
        }
        self.put(format_args!("</dl>\n"));
    }

    fn field(&mut self, name: &str, schema: &Value, note: &str) {
        self.put(format_args!(
            "<dt><code>{name}</code> {} <small>{note}</small></dt>\n",
            kind(schema)
        ));
    }
}

/// What a schema holds, in a word, with a link where it has a name.
fn kind(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|name| name.rsplit('/').next()) {
        let name = escaped(name);
        return format!("<a href=\"#schema-{name}\">{name}</a>");
    }
    if let Some(either) = schema["oneOf"].as_array() {
        let either: Vec<String> = either.iter().map(kind).collect();
        return either.join(" or ");
    }
    if let Some(words) = schema["enum"].as_array() {
        let words: Vec<String> = words.iter().map(text).collect();
        return words.join(", ");
    }
    match &schema["type"] {
        Value::String(word) if word == "array" => format!("list of {}", kind(&schema["items"])),
        Value::String(word) if word == "object" && schema["properties"]["results"].is_object() => {
            "a page of them".to_owned()
        }
        Value::String(word) => escaped(word),
        Value::Array(words) => words.iter().map(text).collect::<Vec<_>>().join(" or "),
        _ => String::new(),
    }
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

/// A text of the document, for HTML.
fn text(value: &Value) -> String {
    escaped(value.as_str().unwrap_or_default())
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// What stands between grave accents is code. The text is escaped already.
fn code(text: &str) -> String {
    let mut parts = text.split('`');
    let mut html = parts.next().unwrap_or_default().to_owned();
    let mut is_code = true;
    for part in parts {
        html += if is_code { "<code>" } else { "</code>" };
        html += part;
        is_code = !is_code;
    }
    if !is_code {
        html += "</code>";
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_escaped_and_code_is_code() {
        assert_eq!(
            text(&Value::from("a <b> & \"c\"")),
            "a &lt;b&gt; &amp; &quot;c&quot;"
        );
        for (written, html) in [
            ("plain", "plain"),
            ("a `b` c", "a <code>b</code> c"),
            ("`a`", "<code>a</code>"),
            ("`open", "<code>open</code>"),
        ] {
            assert_eq!(code(written), html);
        }
    }
}
