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
    there: BTreeMap<String, &'static str>,
    /// Whether it answers at all.
    is_down: bool,
}

struct Somebody {
    password: &'static str,
    enabled: bool,
    mailbox: Option<Address>,
    may_send: bool,
    migration: Option<Migrating>,
}

struct Migrating {
    old: Address,
    phase: Phase,
    hold: Option<Hold>,
    credential: &'static str,
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
                .map(|name| (name.to_owned(), "geheim"))
                .collect(),
            is_down: false,
        }
    }

    /// Alice has come before, and her migration is so far.
    fn with_alice(mut self, phase: Phase) -> Self {
        let alice = address("alice@old.example");
        let migration = Migrating {
            old: alice.clone(),
            phase,
            hold: None,
            credential: "geheim",
        };
        self.add("alice@old.example", Some(alice), Some(migration));
        self
    }

    fn add(&mut self, login: &str, mailbox: Option<Address>, migration: Option<Migrating>) {
        if let Some(mailbox) = &mailbox {
            let name = domain(mailbox.domain());
            self.domains
                .entry(name.clone())
                .or_insert_with(|| Domain::local(name));
        }
        let somebody = Somebody {
            password: "geheim",
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
        let finding = if self.there.get(&login).copied() == Some(password) {
            Finding::Right
        } else {
            Finding::Wrong
        };
        let said = match answered(&known, &question, finding) {
            Consequence::Refuse(refusal) => told(&Decision::Refuse(refusal)),
            Consequence::Admit { new, then } => {
                let migration = Migrating {
                    old: question.old.clone(),
                    phase: Phase::Pending,
                    hold: None,
                    credential: "geheim",
                };
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

/// Door, name, password → what is answered, and how often the old server is asked.
type Row = (
    &'static str,
    fn() -> World,
    (Door, &'static str, &'static str),
    (&'static str, u32),
);

fn alice(phase: Phase, change: fn(&mut World)) -> World {
    let mut world = World::new().with_alice(phase);
    change(&mut world);
    world
}

fn new(change: fn(&mut World)) -> World {
    let mut world = World::new();
    change(&mut world);
    world
}

const A: &str = "alice@old.example";

/// The numbers are those of docs/operator/logins.md.
fn rows() -> Vec<Row> {
    use Door::{Imap, OtherMail, Pop3, Smtp, Web};
    let mut rows: Vec<Row> = vec![
        (
            "1, 18",
            World::new,
            (Imap, "alice@strange.example", "geheim"),
            ("unknown", 0),
        ),
        ("2", World::new, (Imap, A, "wrong"), ("wrong", 1)),
        (
            "17",
            World::new,
            (Imap, "nobody@old.example", "geheim"),
            ("wrong", 1),
        ),
        (
            "3",
            World::new,
            (Imap, A, "geheim"),
            ("made alice@old.example, there as alice@old.example", 1),
        ),
        (
            "3 POP3",
            World::new,
            (Pop3, A, "geheim"),
            ("made alice@old.example, there as alice@old.example", 1),
        ),
        (
            "3 SMTP",
            World::new,
            (Smtp, A, "geheim"),
            ("made alice@old.example, here", 1),
        ),
        (
            "3 sieve",
            World::new,
            (OtherMail, A, "geheim"),
            ("made alice@old.example, here", 1),
        ),
        (
            "3 web",
            World::new,
            (Web, A, "geheim"),
            ("made alice@old.example, here", 1),
        ),
        (
            "4",
            || World::new().with_alice(Phase::Following),
            (Imap, A, "geheim"),
            ("here", 0),
        ),
        (
            "4 seeding",
            || World::new().with_alice(Phase::Seeding),
            (Imap, A, "geheim"),
            ("there as alice@old.example", 0),
        ),
        (
            "4 finished",
            || World::new().with_alice(Phase::Finished),
            (Imap, A, "geheim"),
            ("here", 0),
        ),
        (
            "4 cancelled",
            || World::new().with_alice(Phase::Cancelled),
            (Imap, A, "geheim"),
            ("here", 0),
        ),
        (
            "5",
            || World::new().with_alice(Phase::Following),
            (Imap, A, "wrong"),
            ("wrong", 1),
        ),
        (
            "5 finished",
            || World::new().with_alice(Phase::Finished),
            (Imap, A, "wrong"),
            ("wrong", 0),
        ),
        (
            "5 cancelled",
            || World::new().with_alice(Phase::Cancelled),
            (Imap, A, "wrong"),
            ("wrong", 0),
        ),
        (
            "7",
            World::new,
            (Imap, "alice@OLD.Example", "geheim"),
            ("made alice@old.example, there as alice@old.example", 1),
        ),
        (
            "8",
            World::new,
            (Imap, "ALICE@old.example", "geheim"),
            ("made alice@old.example, there as alice@old.example", 1),
        ),
        (
            "10",
            World::new,
            (Imap, " alice@old.example ", "geheim"),
            ("made alice@old.example, there as alice@old.example", 1),
        ),
        ("10 password", World::new, (Imap, A, " geheim"), ("wrong", 1)),
        (
            "11",
            World::new,
            (Imap, "alice@is.example", "geheim"),
            ("made alice@is.example, there as alice@was.example", 1),
        ),
        (
            "12",
            World::new,
            (Imap, "alice@was.example", "geheim"),
            ("made alice@is.example, renamed", 1),
        ),
        (
            "16",
            || {
                new(|world| {
                    world.there.insert("jürgen@old.example".to_owned(), "größer €");
                })
            },
            (Imap, "jürgen@old.example", "größer €"),
            ("made jürgen@old.example, there as jürgen@old.example", 1),
        ),
        ("20", World::new, (Imap, "@old.example", "geheim"), ("wrong", 0)),
        (
            "21",
            World::new,
            (Imap, "alice@old.example\r\n", "geheim"),
            ("wrong", 0),
        ),
        ("22", World::new, (Imap, A, "geheim\r\nA2 LOGOUT"), ("wrong", 0)),
        (
            "24",
            || new(|world| world.add(A, None, None)),
            (Imap, A, "geheim"),
            ("disabled", 0),
        ),
        (
            "24 web",
            || new(|world| world.add(A, None, None)),
            (Web, A, "geheim"),
            ("here", 0),
        ),
        (
            "24 wrong",
            || new(|world| world.add(A, None, None)),
            (Imap, A, "wrong"),
            ("wrong", 0),
        ),
        (
            "29 pinned",
            || new(|world| world.providers[0].certificate = CertificateTrust::Pinned([1; 32])),
            (Imap, A, "geheim"),
            ("made alice@old.example, later", 1),
        ),
        (
            "30",
            || new(|world| world.is_down = true),
            (Imap, A, "geheim"),
            ("later", 1),
        ),
        (
            "33, 36",
            || {
                alice(Phase::Following, |world| {
                    world.there.insert(A.to_owned(), "neu");
                })
            },
            (Imap, A, "neu"),
            ("learnt for both, here", 1),
        ),
        (
            "33 seeding, held",
            || {
                alice(Phase::Seeding, |world| {
                    world.there.insert(A.to_owned(), "neu");
                    world.alice().migration.as_mut().unwrap().hold = Some(Hold::CredentialRejected);
                })
            },
            (Imap, A, "neu"),
            ("learnt for both, there as alice@old.example", 1),
        ),
        (
            "38",
            || alice(Phase::Following, |world| world.alice().password = "hier"),
            (Imap, A, "geheim"),
            ("wrong", 0),
        ),
        (
            "38 own",
            || alice(Phase::Following, |world| world.alice().password = "hier"),
            (Imap, A, "hier"),
            ("here", 0),
        ),
        (
            "38 both, held",
            || {
                alice(Phase::Following, |world| {
                    world.there.insert(A.to_owned(), "neu");
                    world.alice().password = "hier";
                    world.alice().migration.as_mut().unwrap().hold = Some(Hold::CredentialRejected);
                })
            },
            (Imap, A, "neu"),
            ("learnt, wrong", 1),
        ),
        (
            "34",
            || {
                alice(Phase::Following, |world| {
                    world.there.insert(A.to_owned(), "neu");
                })
            },
            (Imap, A, "geheim"),
            ("here", 0),
        ),
        (
            "34 seeding, held",
            || {
                alice(Phase::Seeding, |world| {
                    world.alice().migration.as_mut().unwrap().hold = Some(Hold::CredentialRejected);
                })
            },
            (Imap, A, "geheim"),
            ("later", 0),
        ),
        (
            "35",
            || alice(Phase::Following, |world| world.alice().enabled = false),
            (Imap, A, "geheim"),
            ("disabled", 0),
        ),
        (
            "35 wrong",
            || alice(Phase::Following, |world| world.alice().enabled = false),
            (Imap, A, "wrong"),
            ("wrong", 0),
        ),
        (
            "37",
            || alice(Phase::Following, |world| world.alice().migration = None),
            (Imap, A, "geheim"),
            ("here", 0),
        ),
        (
            "37 wrong",
            || alice(Phase::Following, |world| world.alice().migration = None),
            (Imap, A, "wrong"),
            ("wrong", 0),
        ),
        (
            "40",
            || alice(Phase::Following, |world| world.people.clear()),
            (Imap, A, "geheim"),
            ("made alice@old.example, there as alice@old.example", 1),
        ),
        (
            "43",
            || new(|world| world.settings.auto_create = false),
            (Imap, A, "geheim"),
            ("unknown", 0),
        ),
        (
            "43 here",
            || alice(Phase::Following, |world| world.settings.auto_create = false),
            (Imap, A, "geheim"),
            ("here", 0),
        ),
        (
            "45",
            || new(|world| world.settings.imap_migration = false),
            (Imap, A, "geheim"),
            ("unknown", 0),
        ),
        (
            "45 here",
            || alice(Phase::Following, |world| world.settings.imap_migration = false),
            (Imap, A, "geheim"),
            ("here", 0),
        ),
        (
            "45 wrong",
            || alice(Phase::Following, |world| world.settings.imap_migration = false),
            (Imap, A, "wrong"),
            ("wrong", 0),
        ),
        (
            "47",
            || {
                alice(Phase::Following, |world| {
                    world.domains.get_mut("old.example").unwrap().enabled = false;
                })
            },
            (Imap, A, "geheim"),
            ("disabled", 0),
        ),
        (
            "47 web",
            || {
                alice(Phase::Following, |world| {
                    world.domains.get_mut("old.example").unwrap().enabled = false;
                })
            },
            (Web, A, "geheim"),
            ("here", 0),
        ),
    ];
    rows.extend(collisions());
    rows.extend(settings());
    rows
}

fn collisions() -> Vec<Row> {
    use Door::Imap;
    fn is_domain(world: &mut World, change: fn(&mut Domain)) {
        let mut is = Domain::local(domain("is.example"));
        change(&mut is);
        world.domains.insert(is.name.clone(), is);
    }
    vec![
        (
            "13",
            || {
                new(|world| {
                    let old = address("alice@was.example");
                    let migration = Migrating {
                        old,
                        phase: Phase::Following,
                        hold: None,
                        credential: "geheim",
                    };
                    world.add(
                        "alice@is.example",
                        Some(address("alice@is.example")),
                        Some(migration),
                    );
                })
            },
            (Imap, "alice@was.example", "geheim"),
            ("renamed", 0),
        ),
        (
            "13 wrong",
            || new(|world| world.add("alice@is.example", Some(address("alice@is.example")), None)),
            (Imap, "alice@was.example", "wrong"),
            ("wrong", 0),
        ),
        (
            "26",
            || new(|world| world.add("alice@is.example", Some(address("alice@is.example")), None)),
            (Imap, "alice@is.example", "wrong"),
            ("wrong", 0),
        ),
        (
            "27-28",
            || {
                new(|world| {
                    world
                        .domain_aliases
                        .insert(domain("old.example"), domain("is.example"));
                })
            },
            (Imap, A, "geheim"),
            ("later", 0),
        ),
        (
            "27 of a new name",
            || {
                new(|world| {
                    world
                        .domain_aliases
                        .insert(domain("is.example"), domain("b.example"));
                })
            },
            (Imap, "alice@was.example", "geheim"),
            ("later", 0),
        ),
        // The old name as another name of the new one is how mail for it arrives.
        (
            "28 of an old name",
            || {
                new(|world| {
                    world
                        .domain_aliases
                        .insert(domain("was.example"), domain("is.example"));
                })
            },
            (Imap, "alice@is.example", "geheim"),
            ("made alice@is.example, there as alice@was.example", 1),
        ),
        (
            "relay",
            || {
                new(|world| {
                    is_domain(world, |is| {
                        is.kind = DomainKind::Relay(Relay {
                            service: "relay".to_owned(),
                            host: None,
                            port: None,
                            verify_recipients: false,
                        });
                    })
                })
            },
            (Imap, "alice@is.example", "geheim"),
            ("later", 0),
        ),
        (
            "disabled domain",
            || new(|world| is_domain(world, |is| is.enabled = false)),
            (Imap, "alice@is.example", "geheim"),
            ("disabled", 0),
        ),
        (
            "full domain",
            || new(|world| is_domain(world, |is| is.limits.mailboxes = Limit::At(0))),
            (Imap, "alice@is.example", "geheim"),
            ("later", 0),
        ),
        (
            "room in the domain",
            || new(|world| is_domain(world, |is| is.limits.mailboxes = Limit::At(1))),
            (Imap, "alice@is.example", "geheim"),
            ("made alice@is.example, there as alice@was.example", 1),
        ),
        (
            "alias",
            || new(|world| world.aliases.push(address(A))),
            (Imap, A, "geheim"),
            ("later", 0),
        ),
        (
            "somebody else's mailbox",
            || new(|world| world.add("boss", Some(address(A)), None)),
            (Imap, A, "geheim"),
            ("later", 0),
        ),
        (
            "moved under another name",
            || {
                new(|world| {
                    let old = address("alice@was.example");
                    let migration = Migrating {
                        old,
                        phase: Phase::Finished,
                        hold: None,
                        credential: "geheim",
                    };
                    world.add("ali@is.example", Some(address("ali@is.example")), Some(migration));
                })
            },
            (Imap, "alice@is.example", "geheim"),
            ("later", 0),
        ),
        (
            "two origins, new name",
            || {
                new(|world| {
                    world.providers[0]
                        .domains
                        .insert(domain("too.example"), Some(domain("is.example")));
                })
            },
            (Imap, "alice@is.example", "geheim"),
            ("later", 0),
        ),
        (
            "two origins, old name",
            || {
                new(|world| {
                    world.providers[0]
                        .domains
                        .insert(domain("too.example"), Some(domain("is.example")));
                })
            },
            (Imap, "alice@was.example", "geheim"),
            ("made alice@is.example, renamed", 1),
        ),
        (
            "an account of the old name",
            || {
                new(|world| {
                    world.add("alice@was.example", Some(address("alice@was.example")), None);
                })
            },
            (Imap, "alice@was.example", "geheim"),
            ("here", 0),
        ),
        (
            "provider off",
            || new(|world| world.providers[0].enabled = false),
            (Imap, A, "geheim"),
            ("unknown", 0),
        ),
        (
            "provider off, seeding",
            || alice(Phase::Seeding, |world| world.providers[0].enabled = false),
            (Imap, A, "wrong"),
            ("wrong", 0),
        ),
        ("a word", World::new, (Imap, "alice", "geheim"), ("unknown", 0)),
    ]
}

fn settings() -> Vec<Row> {
    use Door::{Imap, OtherMail, Pop3, Smtp};
    vec![
        (
            "local",
            || {
                alice(Phase::Pending, |world| {
                    world.settings.until_complete = UntilComplete::Local
                })
            },
            (Imap, A, "geheim"),
            ("here", 0),
        ),
        (
            "refuse",
            || {
                alice(Phase::Seeding, |world| {
                    world.settings.until_complete = UntilComplete::Refuse
                })
            },
            (Pop3, A, "geheim"),
            ("later", 0),
        ),
        (
            "refuse, first",
            || new(|world| world.settings.until_complete = UntilComplete::Refuse),
            (Imap, A, "geheim"),
            ("made alice@old.example, later", 1),
        ),
        (
            "refuse, sending",
            || {
                alice(Phase::Seeding, |world| {
                    world.settings.until_complete = UntilComplete::Refuse
                })
            },
            (Smtp, A, "geheim"),
            ("here", 0),
        ),
        (
            "refuse, sieve",
            || {
                alice(Phase::Seeding, |world| {
                    world.settings.until_complete = UntilComplete::Refuse
                })
            },
            (OtherMail, A, "geheim"),
            ("here", 0),
        ),
        (
            "refuse, following",
            || {
                alice(Phase::Following, |world| {
                    world.settings.until_complete = UntilComplete::Refuse
                })
            },
            (Imap, A, "geheim"),
            ("here", 0),
        ),
        (
            "mute",
            || alice(Phase::Following, |world| world.alice().may_send = false),
            (Smtp, A, "geheim"),
            ("disabled", 0),
        ),
        (
            "mute reads",
            || alice(Phase::Following, |world| world.alice().may_send = false),
            (Imap, A, "geheim"),
            ("here", 0),
        ),
        (
            "paused",
            || {
                alice(Phase::Seeding, |world| {
                    world.alice().migration.as_mut().unwrap().hold = Some(Hold::Paused { by: String::new() });
                })
            },
            (Imap, A, "geheim"),
            ("there as alice@old.example", 0),
        ),
    ]
}

#[test]
fn every_situation_has_its_outcome() {
    for (name, world, (door, login, password), (said, asked)) in rows() {
        assert_eq!(
            world().log_in(door, login, password),
            (said.to_owned(), asked),
            "situation {name}"
        );
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
        world.there.insert(A.to_owned(), password);
        let (said, asked) = world.log_in(Door::Imap, A, password);
        assert_eq!(
            (said.as_str(), asked),
            ("made alice@old.example, there as alice@old.example", 1)
        );
    }
}

#[test]
fn every_situation_is_in_the_guide_and_the_old_server_is_asked_once_at_most() {
    let guide = include_str!("../../../../docs/operator/logins.md");
    for (name, _, _, (_, asked)) in rows() {
        assert!(asked <= 1);
        let number = name.split([' ', ',']).next().unwrap();
        if number.starts_with(|first: char| first.is_ascii_digit()) {
            let row = |line: &str| {
                let cell = line.split('|').nth(1).unwrap_or_default();
                cell.split([',', ' ']).any(|one| one == number)
            };
            assert!(guide.lines().any(row), "no row for situation {number}");
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
