use transhume_testkit::*;
use std::time::Instant;
fn show(port: u16) {
    let mut o = Oracle::connect(port, "alice", "p & \"w\" %s $HOME é".as_bytes()).unwrap();
    let t=Instant::now();
    let corpus = corpus::acceptance();
    println!("{:?}", t.elapsed());
    let r = o.fill(&corpus).unwrap();
    let names = corpus::edge_messages();
    for r in r { println!("{r:?}"); if let oracle::Refusal::Message(m, uid)=r { if m==["Edge"] {println!("  {}", names.iter().find(|n| n.1.uid==uid).unwrap().0); }} }
    println!("{:?}", t.elapsed());
    let v = snapshot(&mut o).unwrap();
    println!("{:?} {}", t.elapsed(), v.message_count());
    o.logout().unwrap();
}
fn main() {
    if std::env::args().count()==1 {
    let s = Cyrus::builder().user("alice", "p & \"w\" %s $HOME é").start().unwrap();
    show(s.imap_port());} else {
    let s = Courier::builder().user("alice", "p & \"w\" %s $HOME é").start().unwrap();
    show(s.imap_port()); }
}
