use transhume_testkit::*;
fn show(port: u16) {
    let mut o = Oracle::connect(port, "alice", b"pw").unwrap();
    o.create(&["A", "B"]).unwrap();
    o.create(&["C", "D"]).unwrap();
    o.create(&["E"]).unwrap();
    o.subscribe(&["A", "B"]).unwrap();
    println!("{:?}", o.subscribe(&["A"]));
    println!("{:?}", o.subscribe(&["C", "D"]));
    println!("{:?}", o.subscribe(&["Gone", "Long"]));
    println!("{:?}", o.subscribe(&["E"]));
    println!("{:?}", o.delete(&["E"]));
    for l in o.command("LSUB \"\" *").unwrap() { println!("{l}"); }
    for l in o.command("LIST \"\" *").unwrap() { println!("{l}"); }
    println!("{:?}", o.ok("LIST (SUBSCRIBED) \"\" \"*\" RETURN (SPECIAL-USE)").map(|l| for l in l { println!("{l}") }).is_ok());
    o.logout().unwrap();
}
fn main() {
    let s = Cyrus::builder().user("alice", "pw").start().unwrap();
    show(s.imap_port());
    let s = Courier::builder().user("alice", "pw").start().unwrap();
    show(s.imap_port());
    let s = Dovecot::builder().user("alice", "pw").start().unwrap();
    show(s.imap_port());
}
