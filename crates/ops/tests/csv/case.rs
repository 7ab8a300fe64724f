//! One file, and what comes of it.

use serde_json::{Value, json};
use transhume_model::import::csv::{Options, separator};
use transhume_model::plan::directory::{IfExists, Recipients, Rules};

const FILES: [&str; 4] = [
    include_str!("domains.json"),
    include_str!("accounts.json"),
    include_str!("aliases.json"),
    include_str!("files.json"),
];

/// A case, as it stands in the JSON.
pub(crate) struct Case(Value);

/// All of them.
pub(crate) fn all() -> Vec<Case> {
    let cases = FILES
        .iter()
        .flat_map(|file| serde_json::from_str::<Vec<Value>>(file).unwrap());
    cases.map(Case).collect()
}

impl Case {
    fn text(&self, key: &str) -> &str {
        self.0[key].as_str().unwrap_or_default()
    }

    fn is(&self, option: &str) -> bool {
        self.0["options"][option].as_bool().unwrap_or(false)
    }

    pub(crate) fn name(&self) -> &str {
        self.text("name")
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        match self.0["input_hex"].as_str() {
            Some(hex) => (0..hex.len())
                .step_by(2)
                .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
                .collect(),
            None => self.text("input").as_bytes().to_vec(),
        }
    }

    /// Files imported before it.
    pub(crate) fn before(&self) -> Vec<&str> {
        let before = self.0["before"].as_array().map_or(&[][..], Vec::as_slice);
        before.iter().filter_map(Value::as_str).collect()
    }

    /// Whether the file holds passwords in clear though it is not said: it is refused then, and imported with the option.
    pub(crate) fn has_clear_passwords(&self) -> bool {
        self.0["has_clear_passwords"].as_bool().unwrap_or(false)
    }

    pub(crate) fn imports(&self) -> bool {
        self.0["imports"].as_bool().unwrap_or(false)
    }

    /// Whether passwords are hashed.
    pub(crate) fn crypts(&self) -> bool {
        self.is("crypt_passwords") || self.has_clear_passwords()
    }

    pub(crate) fn options(&self, crypt_passwords: bool) -> Options {
        let if_exists = if self.is("continue_if_exists") {
            IfExists::Keep
        } else {
            IfExists::Refuse
        };
        let recipients = if self.is("own_recipients_only") {
            Recipients::Own
        } else {
            Recipients::Known
        };
        Options {
            separator: self.separator().unwrap_or(';'),
            crypt_passwords,
            rules: Rules {
                if_exists,
                recipients,
            },
        }
    }

    /// What stands between fields, if that is possible.
    pub(crate) fn separator(&self) -> Result<char, &'static str> {
        separator(self.0["options"]["separator"].as_str().unwrap_or(";"))
    }

    /// What comes of it.
    pub(crate) fn expected(&self) -> Value {
        json!({
            "name": self.0["name"],
            "imports": self.0["imports"],
            "errors": self.0["errors"],
            "notices": self.0["notices"],
            "state": self.0["state"],
        })
    }

    /// What it is about, what the reference does with it, and what is done here.
    pub(crate) fn words(&self) -> [&str; 3] {
        // Where the reference is right, the state that is written down is the one that it makes.
        assert!(
            self.text("verdict") != "right" || self.text("here") == "the same",
            "{}",
            self.name()
        );
        ["about", "reference", "here"].map(|key| self.text(key))
    }
}
