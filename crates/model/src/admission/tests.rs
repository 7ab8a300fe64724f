//! The situations of docs/operator/logins.md, one row each: a small world in which somebody logs in.

use std::collections::BTreeMap;

use super::*;
use crate::directory::password::Verdict;
use crate::directory::{
    Address, CertificateTrust, Domain, DomainKind, DomainName, HostName, Limit, Login, Provider,
    ProviderName, Relay, Settings, UntilComplete,
};
use crate::migration::{Hold, Phase};

/// Providers: “Old” hosts `old.example`, which keeps its name, and `was.example`, which is `is.example` here.
struct World {
    settings: Settings,
    providers: Vec<Provider>,
    domains: BTreeMap<DomainName, Domain>,
    domain_aliases: BTreeMap<DomainName, DomainName>,
    aliases: Vec<Address>,
    people: BTreeMap<Login, Somebody>,
    /// What passwords the old server takes, by its logins; no login, no account there.
    there: BTreeMap<String, String>,
    /// Whether it answers at all.
    is_down: bool,
    /// Whether Dovecot runs on another machine.
    is_far: bool,
}

struct Somebody {
    password: String,
    enabled: bool,
    mailbox: Option<Address>,
    may_send: bool,
    migration: Option<Migrating>,
}

struct Migrating {
    old: Address,
    phase: Phase,
    hold: Option<Hold>,
    credential: String,
}

impl Migrating {
    fn from(old: &str, phase: Phase) -> Self {
        Self {
            old: address(old),
            phase,
            hold: None,
            credential: "geheim".to_owned(),
        }
    }
}

fn domain(text: &str) -> DomainName {
    DomainName::parse(text).unwrap()
}

fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

impl World {
    fn new() -> Self {
        let mut old = Provider::new(
            ProviderName::parse("Old").unwrap(),
            HostName::parse("imap.old.example").unwrap(),
        );
        old.domains.insert(domain("old.example"), None);
        old.domains
            .insert(domain("was.example"), Some(domain("is.example")));
        let there = ["alice@old.example", "alice@was.example", "jürgen@old.example"];
        Self {
            settings: Settings::default(),
            providers: vec![old],
            domains: BTreeMap::new(),
            domain_aliases: BTreeMap::new(),
            aliases: Vec::new(),
            people: BTreeMap::new(),
            there: there
                .into_iter()
                .map(|name| (name.to_owned(), "geheim".to_owned()))
                .collect(),
            is_down: false,
            is_far: false,
        }
    }

    /// Alice has come before, and her migration is so far.
    fn add_alice(&mut self, phase: Phase) {
        let alice = "alice@old.example";
        self.add(alice, Some(address(alice)), Some(Migrating::from(alice, phase)));
    }

    fn add(&mut self, login: &str, mailbox: Option<Address>, migration: Option<Migrating>) {
        if let Some(mailbox) = &mailbox {
            let name = domain(mailbox.domain());
            self.domains
                .entry(name.clone())
                .or_insert_with(|| Domain::local(name));
        }
        let somebody = Somebody {
            password: "geheim".to_owned(),
            enabled: true,
            mailbox,
            may_send: true,
            migration,
        };
        self.people.insert(Login::parse(login).unwrap(), somebody);
    }

    fn alice(&mut self) -> &mut Somebody {
        self.people.get_mut("alice@old.example").unwrap()
    }

    fn person<'p>(&self, login: &Login, password: &str, providers: &'p [Provider]) -> Option<Person<'p>> {
        let somebody = self.people.get(login)?;
        let provider = |_: &Migrating| providers.first();
        Some(Person {
            login: login.clone(),
            enabled: somebody.enabled,
            mailbox: somebody.mailbox.as_ref().map(|address| {
                let in_use = self
                    .domains
                    .get(address.domain())
                    .is_some_and(|domain| domain.enabled);
                MailboxHere {
                    address: address.clone(),
                    disabled_domain: (!in_use).then(|| domain(address.domain())),
                    may_send: somebody.may_send,
                }
            }),
            verdict: if somebody.password == password {
                Verdict::Right
            } else {
                Verdict::Wrong
            },
            moving: somebody.migration.as_ref().map(|migration| Moving {
                provider_name: ProviderName::parse("Old").unwrap(),
                provider: provider(migration),
                old_address: migration.old.clone(),
                phase: migration.phase,
                hold: migration.hold.clone(),
                changed_here: migration.credential != somebody.password,
            }),
        })
    }

    fn obstacles(&self, origin: &Origin<'_>) -> Obstacles {
        let Origin::One { old, new, .. } = origin else {
            return Obstacles::default();
        };
        let has_mailbox = |somebody: &Somebody| somebody.mailbox.as_ref() == Some(new);
        let moves = |somebody: &Somebody| somebody.migration.as_ref().is_some_and(|one| one.old == *old);
        let who = |is: &dyn Fn(&Somebody) -> bool| {
            self.people
                .iter()
                .find(|(_, somebody)| is(somebody))
                .map(|(login, _)| login.clone())
        };
        Obstacles {
            domain: self.domains.get(new.domain()).cloned(),
            mailboxes: self
                .people
                .values()
                .filter(|somebody| somebody.mailbox.is_some())
                .count() as u64,
            alias_of: self.domain_aliases.get(new.domain()).cloned(),
            alias: self.aliases.contains(new),
            mailbox_of: who(&has_mailbox),
            moves_to: who(&moves),
        }
    }

    /// Somebody logs in. What they are answered, and how often the old server was asked.
    fn log_in(&mut self, door: Door, name: &str, password: &str) -> (String, u32) {
        let attempt = match Attempt::read(name, password.as_bytes()) {
            Ok(attempt) => attempt,
            Err(refusal) => return (told(&Decision::Refuse(refusal)), 0),
        };
        let providers = self.providers.clone();
        let is_here = self.people.contains_key(&attempt.name.login());
        let route = route(&attempt.name, is_here, &providers);
        let settings = self.settings.clone();
        let known = Known {
            door,
            asked_here: !self.is_far,
            settings: &settings,
            person: self.person(&route.here, password, &providers),
            obstacles: self.obstacles(&route.origin),
            route,
        };
        let question = match decide(&known) {
            Decision::Ask(question) => question,
            decision => return (told(&decision), 0),
        };
        if self.is_down {
            let refusal = Refusal::Unreachable {
                provider: question.provider.name.clone(),
                what: String::new(),
            };
            return (told(&Decision::Refuse(refusal)), 1);
        }
        let login = question.provider.login(&question.old);
        let finding = if self.there.get(&login).is_some_and(|right| right == password) {
            Finding::Right
        } else {
            Finding::Wrong
        };
        let said = match answered(&known, &question, finding) {
            Consequence::Refuse(refusal) => told(&Decision::Refuse(refusal)),
            Consequence::Admit { new, then } => {
                let migration = Migrating::from(question.old.as_str(), Phase::Pending);
                self.add(new.as_str(), Some(new.clone()), Some(migration));
                format!("made {new}, {}", told(&then))
            }
            Consequence::Learn { counts_here, then } => {
                format!(
                    "learnt{}, {}",
                    if counts_here { " for both" } else { "" },
                    told(&then)
                )
            }
        };
        (said, 1)
    }
}

fn told(decision: &Decision<'_>) -> String {
    match decision {
        Decision::LetIn(Way::Here) => "here".to_owned(),
        Decision::LetIn(Way::Old { login, .. }) => format!("there as {login}"),
        Decision::Refuse(refusal) => refusal.kind().as_str().to_owned(),
        Decision::Ask(_) => "ask".to_owned(),
    }
}

/// Situation | what is different in the world | door, name, password | what is answered | how often the old server was asked. The
/// numbers are those of docs/operator/logins.md; `␣␍␊` stand for what cannot be seen.
const SITUATIONS: &str = "
1, 18 | | imap alice@strange.example geheim | unknown | 0
2 | | imap alice@old.example wrong | wrong | 1
17 | | imap nobody@old.example geheim | wrong | 1
3 | | imap alice@old.example geheim | made alice@old.example, there as alice@old.example | 1
3 | | pop3 alice@old.example geheim | made alice@old.example, there as alice@old.example | 1
3 | | smtp alice@old.example geheim | made alice@old.example, here | 1
3 | | sieve alice@old.example geheim | made alice@old.example, here | 1
3 | | web alice@old.example geheim | made alice@old.example, here | 1
4 | alice:following | imap alice@old.example geheim | here | 0
4 | alice:seeding | imap alice@old.example geheim | there as alice@old.example | 0
4 | alice:finished | imap alice@old.example geheim | here | 0
4 | alice:cancelled | imap alice@old.example geheim | here | 0
4 | alice:seeding paused | imap alice@old.example geheim | there as alice@old.example | 0
5 | alice:following | imap alice@old.example wrong | wrong | 1
5 | alice:finished | imap alice@old.example wrong | wrong | 0
5 | alice:cancelled | imap alice@old.example wrong | wrong | 0
7 | | imap alice@OLD.Example geheim | made alice@old.example, there as alice@old.example | 1
8 | | imap ALICE@old.example geheim | made alice@old.example, there as alice@old.example | 1
10 | | imap ␣alice@old.example␣ geheim | made alice@old.example, there as alice@old.example | 1
10 | | imap alice@old.example ␣geheim | wrong | 1
11 | | imap alice@is.example geheim | made alice@is.example, there as alice@was.example | 1
12 | | imap alice@was.example geheim | made alice@is.example, renamed | 1
13 | moved:alice@is.example=alice@was.example | imap alice@was.example geheim | renamed | 0
13 | mailbox:alice@is.example=alice@is.example | imap alice@was.example wrong | wrong | 0
16 | there:jürgen@old.example=größer␣€ | imap jürgen@old.example größer␣€ | made jürgen@old.example, there as jürgen@old.example | 1
20 | | imap @old.example geheim | wrong | 0
21 | | imap alice@old.example␍␊ geheim | wrong | 0
22 | | imap alice@old.example geheim␍␊A2␣LOGOUT | wrong | 0
24 | account:alice@old.example | imap alice@old.example geheim | disabled | 0
24 | account:alice@old.example | imap alice@old.example wrong | wrong | 0
24 | account:alice@old.example | web alice@old.example geheim | here | 0
26 | mailbox:alice@is.example=alice@is.example | imap alice@is.example wrong | wrong | 0
27-28 | another:old.example=is.example | imap alice@old.example geheim | later | 0
27 | another:is.example=b.example | imap alice@was.example geheim | later | 0
28 | another:was.example=is.example | imap alice@is.example geheim | made alice@is.example, there as alice@was.example | 1
29 | pinned | imap alice@old.example geheim | made alice@old.example, there as alice@old.example | 1
29 | pinned far | imap alice@old.example geheim | made alice@old.example, later | 1
29 | far | imap alice@old.example geheim | made alice@old.example, there as alice@old.example | 1
29 | pinned alice:seeding | smtp alice@old.example geheim | here | 0
30 | down | imap alice@old.example geheim | later | 1
33 | alice:following there:alice@old.example=neu | imap alice@old.example neu | learnt for both, here | 1
33 | alice:seeding there:alice@old.example=neu refused | imap alice@old.example neu | learnt for both, there as alice@old.example | 1
34 | alice:following there:alice@old.example=neu | imap alice@old.example geheim | here | 0
34 | alice:seeding refused | imap alice@old.example geheim | later | 0
35 | alice:following disabled | imap alice@old.example geheim | disabled | 0
35 | alice:following disabled | imap alice@old.example wrong | wrong | 0
37 | alice:following unmoved | imap alice@old.example geheim | here | 0
37 | alice:following unmoved | imap alice@old.example wrong | wrong | 0
38 | alice:following own:hier | imap alice@old.example geheim | wrong | 0
38 | alice:following own:hier | imap alice@old.example hier | here | 0
38 | alice:following own:hier there:alice@old.example=neu refused | imap alice@old.example neu | learnt, wrong | 1
40 | alice:following deleted | imap alice@old.example geheim | made alice@old.example, there as alice@old.example | 1
41, 42 | no-auto-create no-migration | imap alice@old.example geheim | unknown | 0
43 | no-auto-create | imap alice@old.example geheim | unknown | 0
43 | no-auto-create alice:following | imap alice@old.example geheim | here | 0
45 | no-migration | imap alice@old.example geheim | unknown | 0
45 | no-migration alice:following | imap alice@old.example geheim | here | 0
45 | no-migration alice:following | imap alice@old.example wrong | wrong | 0
45 | no-migration alice:seeding | imap alice@old.example geheim | there as alice@old.example | 0
47 | alice:following domain-off:old.example | imap alice@old.example geheim | disabled | 0
47 | alice:following domain-off:old.example | web alice@old.example geheim | here | 0
relay domain | relay:is.example | imap alice@is.example geheim | later | 0
disabled domain | domain-off:is.example | imap alice@is.example geheim | disabled | 0
full domain | most:is.example=0 | imap alice@is.example geheim | later | 0
room in it | most:is.example=1 | imap alice@is.example geheim | made alice@is.example, there as alice@was.example | 1
alias | alias:alice@old.example | imap alice@old.example geheim | later | 0
somebody's mailbox | mailbox:boss=alice@old.example | imap alice@old.example geheim | later | 0
moved elsewhere | moved:ali@is.example=alice@was.example | imap alice@is.example geheim | later | 0
two origins | too.example | imap alice@is.example geheim | later | 0
two origins, old name | too.example | imap alice@was.example geheim | made alice@is.example, renamed | 1
an account of the old name | mailbox:alice@was.example=alice@was.example | imap alice@was.example geheim | here | 0
provider off | provider-off | imap alice@old.example geheim | unknown | 0
provider off | provider-off alice:seeding | imap alice@old.example wrong | wrong | 0
no address | | imap alice geheim | unknown | 0
local | until:local alice:pending | imap alice@old.example geheim | here | 0
refuse | until:refuse alice:seeding | pop3 alice@old.example geheim | later | 0
refuse | until:refuse | imap alice@old.example geheim | made alice@old.example, later | 1
refuse | until:refuse alice:seeding | smtp alice@old.example geheim | here | 0
refuse | until:refuse alice:seeding | sieve alice@old.example geheim | here | 0
refuse | until:refuse alice:following | imap alice@old.example geheim | here | 0
mute | alice:following mute | smtp alice@old.example geheim | disabled | 0
mute | alice:following mute | imap alice@old.example geheim | here | 0
";

impl World {
    /// Makes one thing different.
    fn change(&mut self, word: &str) {
        let (what, rest) = word.split_once(':').unwrap_or((word, ""));
        let (name, value) = rest.split_once('=').unwrap_or((rest, ""));
        match what {
            "alice" => self.add_alice(Phase::named(name).unwrap()),
            "account" => self.add(name, None, None),
            "mailbox" => self.add(name, Some(address(value)), None),
            "moved" => {
                let migration = Migrating::from(value, Phase::Following);
                self.add(name, Some(address(name)), Some(migration));
            }
            "paused" => self.hold(Hold::Paused { by: String::new() }),
            "refused" => self.hold(Hold::CredentialRejected),
            "disabled" => self.alice().enabled = false,
            "mute" => self.alice().may_send = false,
            "unmoved" => self.alice().migration = None,
            "own" => self.alice().password = name.to_owned(),
            "deleted" => self.people.clear(),
            "there" => drop(self.there.insert(name.to_owned(), value.to_owned())),
            "down" => self.is_down = true,
            "far" => self.is_far = true,
            "pinned" => self.providers[0].certificate = CertificateTrust::Pinned([1; 32]),
            "provider-off" => self.providers[0].enabled = false,
            "too.example" => {
                let is = Some(domain("is.example"));
                self.providers[0].domains.insert(domain("too.example"), is);
            }
            "no-auto-create" => self.settings.auto_create = false,
            "no-migration" => self.settings.imap_migration = false,
            "until" => self.settings.until_complete = UntilComplete::named(name).unwrap(),
            "domain-off" => self.domain(name).enabled = false,
            "most" => self.domain(name).limits.mailboxes = Limit::At(value.parse().unwrap()),
            "relay" => self.domain(name).kind = relay(),
            "another" => drop(self.domain_aliases.insert(domain(name), domain(value))),
            "alias" => self.aliases.push(address(name)),
            other => panic!("what is “{other}”?"),
        }
    }

    fn domain(&mut self, name: &str) -> &mut Domain {
        let name = domain(name);
        self.domains
            .entry(name.clone())
            .or_insert_with(|| Domain::local(name))
    }

    fn hold(&mut self, hold: Hold) {
        self.alice().migration.as_mut().unwrap().hold = Some(hold);
    }
}

fn relay() -> DomainKind {
    DomainKind::Relay(Relay {
        service: "relay".to_owned(),
        host: None,
        port: None,
        verify_recipients: false,
    })
}

/// The cells of each situation.
fn situations() -> impl Iterator<Item = [&'static str; 5]> {
    SITUATIONS.lines().filter(|line| !line.is_empty()).map(|line| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        cells.try_into().unwrap()
    })
}

fn seen(text: &str) -> String {
    text.replace('␣', " ").replace('␍', "\r").replace('␊', "\n")
}

#[test]
fn every_situation_has_its_outcome() {
    for [number, differences, login, said, asked] in situations() {
        let mut world = World::new();
        differences
            .split_whitespace()
            .for_each(|word| world.change(&seen(word)));
        let [door, name, password]: [&str; 3] = login.split(' ').collect::<Vec<_>>().try_into().unwrap();
        let door = if door == "web" {
            Door::Web
        } else {
            Door::of_service(door)
        };
        let answered = world.log_in(door, &seen(name), &seen(password));
        let expected = (said.to_owned(), asked.parse().unwrap());
        assert_eq!(answered, expected, "{number} | {differences} | {login}");
    }
}

// 15: what breaks careless programs.
#[test]
fn passwords_may_be_anything() {
    for password in [
        "100%",
        "#;=[]",
        "\"'\\",
        " b lank ",
        "größer €",
        "{PLAIN}x",
        "a'b;--",
    ] {
        let mut world = World::new();
        world.change(&format!("there:alice@old.example={password}"));
        let (said, asked) = world.log_in(Door::Imap, "alice@old.example", password);
        let expected = "made alice@old.example, there as alice@old.example";
        assert_eq!((said.as_str(), asked), (expected, 1));
    }
}

#[test]
fn every_situation_is_in_the_guide_and_the_old_server_is_asked_once_at_most() {
    let guide = include_str!("../../../../docs/operator/logins.md");
    let rows: Vec<&str> = guide.lines().filter_map(|line| line.split('|').nth(1)).collect();
    for [numbers, .., asked] in situations() {
        assert!(["0", "1"].contains(&asked));
        let is_number = |word: &&str| word.starts_with(|first: char| first.is_ascii_digit());
        for number in numbers.split(", ").filter(is_number) {
            let names_it = |row: &&str| row.split([',', ' ']).any(|one| one == number);
            assert!(rows.iter().any(names_it), "no row for situation {number}");
        }
    }
}

// I10: what a person is told says nothing of who is here; what the log says has no secret.
#[test]
fn what_is_told_is_the_same_for_unknown_and_wrong() {
    let told: Vec<String> = [
        Refusal::Nobody,
        Refusal::WrongHere,
        Refusal::WrongThere,
        Refusal::ChangedHere,
    ]
    .iter()
    .map(Refusal::told)
    .collect();
    assert!(told.iter().all(|one| *one == told[0]), "{told:?}");
}
