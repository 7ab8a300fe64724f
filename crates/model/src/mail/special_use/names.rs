//! What mailboxes with a role are called, where no server says which they are.
//!
//! These are the names that mail programs give (Outlook, Thunderbird, Apple Mail, Roundcube), and those of servers
//! (Exchange, Gmail, Yahoo, iCloud, GMX and WEB.DE, T-Online, Orange) in the languages of their users.

use std::collections::HashMap;
use std::sync::OnceLock;

use super::SpecialUse;
use crate::mail::{MailboxName, folded};

/// For each role its names, the most usual first, with a bar between them. A name stands here once: it has one role in
/// all languages.
const NAMES: [(SpecialUse, &str); 5] = [
    (
        SpecialUse::Sent,
        "Sent | Sent Items | Sent Messages | Sent Mail | Sent-Mail | Gesendet | Gesendete Elemente | \
         Gesendete Objekte | Gesendete Nachrichten | Éléments envoyés | Envoyés | Messages envoyés | \
         Objets envoyés | Courrier envoyé | Envoyé | Enviados | Elementos enviados | Mensajes enviados | \
         Correo enviado | Enviado | Itens enviados | Mensagens enviadas | Enviadas | Correio enviado | \
         Elements enviats | Enviats | Posta inviata | Inviata | Inviati | Elementi inviati | Messaggi inviati | \
         Verzonden items | Verzonden | Verzonden berichten | Verstuurd | Wysłane | Elementy wysłane | \
         Wysłane wiadomości | Odeslané | Odeslaná pošta | Odoslané | Odoslaná pošta | Elküldött elemek | \
         Elküldött | Elküldött üzenetek | Elküldött levelek | Elemente trimise | Trimise | Mesaje trimise | \
         Skickat | Skickade objekt | Skickade | Sendt | Sendt post | Sendte elementer | Sendte meldinger | \
         Lähetetyt | Lähetetyt viestit | Saadetud | Išsiųsti | Išsiųsta | Nosūtītie | Nosūtītās | Poslano | \
         Poslane stavke | Poslato | Poslana pošta | Отправленные | Отправленные письма | Отправленные элементы | \
         Надіслані | Відправлені | Изпратени | Послато | Απεσταλμένα | Απεσταλμένα στοιχεία | Gönderilmiş Öğeler \
         | Gönderilenler | Gönderilen | Gönderilmiş postalar | 已发送 | 已发送邮件 | 已发邮件 | 已发送消息 | 寄件备份 | 寄件備份 | 已傳送 | \
         已傳送郵件 | 送信済み | 送信済みアイテム | 送信済みメール | 送信済みトレイ | 보낸 편지함 | 보낸편지함 | 보낸 메일함 | 보낸메일함 | العناصر المرسلة | \
         البريد المرسل | المرسل | פריטים שנשלחו | נשלח | Đã gửi | Thư đã gửi | Mục đã gửi | Terkirim | \
         รายการที่ส่ง | ส่งแล้ว",
    ),
    (
        SpecialUse::Trash,
        "Trash | Deleted Items | Deleted Messages | Deleted | Bin | Wastebasket | Papierkorb | Gelöschte Elemente \
         | Gelöschte Objekte | Gelöschte Nachrichten | Gelöscht | Corbeille | Éléments supprimés | \
         Messages supprimés | Supprimés | Poubelle | Papelera | Elementos eliminados | Mensajes eliminados | \
         Papelera de reciclaje | Eliminados | Lixeira | Itens excluídos | Itens eliminados | Mensagens excluídas \
         | Lixo | Reciclagem | Elements suprimits | Paperera | Cestino | Posta eliminata | Elementi eliminati | \
         Messaggi eliminati | Eliminata | Prullenbak | Verwijderde items | Verwijderd | Verwijderde berichten | \
         Kosz | Elementy usunięte | Usunięte | Koš | Odstraněná pošta | Odstraněné | Kôš | Odstránená pošta | \
         Törölt elemek | Kuka | Lomtár | Törölt üzenetek | Elemente șterse | Coș de gunoi | Gunoi | Papperskorgen \
         | Borttaget | Borttagna objekt | Papirkurv | Slettet post | Slettede elementer | Slettet | Søppelkurv | \
         Roskakori | Poistetut | Poistetut viestit | Prügikast | Šiukšliadėžė | Atkritne | Miskaste | Otpad | \
         Obrisano | Izbrisane stavke | Izbrisano | Корзина | Удаленные | Удалённые | Кошик | Видалені | Кошче | \
         Изтрити | Смеће | Κάδος απορριμμάτων | Διαγραμμένα | Διαγραμμένα στοιχεία | Çöp Kutusu | Silinmiş Öğeler \
         | Çöp | 已删除 | 已删除邮件 | 已删除消息 | 垃圾箱 | 刪除的郵件 | 已刪除的郵件 | 垃圾桶 | ごみ箱 | ゴミ箱 | 削除済みアイテム | 지운 편지함 | 지운편지함 | 휴지통 | \
         العناصر المحذوفة | سلة المهملات | المهملات | פריטים שנמחקו | אשפה | Thùng rác | Đã xóa | Mục đã xóa | \
         Sampah | ถังขยะ | รายการที่ถูกลบ",
    ),
    (
        SpecialUse::Drafts,
        "Drafts | Draft | Draft Messages | Entwürfe | Entwurf | Brouillons | Brouillon | Borradores | Borrador | \
         Rascunhos | Rascunho | Esborranys | Bozze | Bozza | Concepten | Kopie robocze | Wersje robocze | Robocze \
         | Szkice | Koncepty | Rozepsané | Rozpísané | Piszkozatok | Ciorne | Mesaje nefinalizate | Utkast | \
         Kladder | Kladd | Luonnokset | Mustandid | Juodraščiai | Melnraksti | Skice | Nacrti | Osnutki | \
         Черновики | Чернетки | Чернови | Нацрти | Πρόχειρα | Taslaklar | 草稿 | 草稿箱 | 草稿匣 | 下書き | 임시 보관함 | 임시보관함 | \
         임시 저장함 | المسودات | مسودات | טיוטות | Thư nháp | Nháp | Draf | Konsep | แบบร่าง | ร่าง",
    ),
    (
        SpecialUse::Junk,
        "Junk | Spam | Junk Email | Junk E-mail | Junk Mail | Bulk Mail | Bulk | Quarantine | Spamverdacht | \
         Junk-E-Mail | Unerwünscht | Spam-Verdacht | Courrier indésirable | Indésirables | Pourriel | Quarantaine \
         | Correo no deseado | Correo electrónico no deseado | No deseado | Lixo eletrônico | Lixo eletrónico | \
         Correio não solicitado | Correu brossa | Posta indesiderata | Indesiderata | Ongewenste e-mail | \
         Ongewenst | Ongewenste reclame | Wiadomości-śmieci | Niechciane | Nevyžádaná pošta | Nevyžiadaná pošta | \
         Levélszemét | Mesaje nedorite | E-mail nedorit | Skräppost | Uønsket post | Uønsket mail | \
         Uønsket e-post | Søppelpost | Roskaposti | Rämpspost | Brukalas | Mēstules | Neželjena pošta | \
         Vsiljena pošta | Спам | Нежелательная почта | Небажана пошта | Нежелана поща | Ανεπιθύμητα | \
         Ανεπιθύμητη αλληλογραφία | Gereksiz | Gereksiz E-posta | Önemsiz E-posta | İstenmeyen | 垃圾邮件 | 垃圾郵件 | \
         迷惑メール | 정크 메일 | 스팸 | 스팸메일함 | 스팸 편지함 | البريد غير الهام | البريد العشوائي | דואר זבל | ספאם | Thư rác | \
         อีเมลขยะ",
    ),
    (
        SpecialUse::Archive,
        "Archive | Archives | Archived | Archiv | Archivo | Archivados | Arquivo | Arquivo morto | Arxiu | \
         Archivio | Archief | Archiwum | Archív | Archívum | Arhivă | Arkiv | Arkisto | Arhiiv | Archyvas | \
         Arhīvs | Arhiva | Arhiv | Архив | Архів | Архива | Αρχειοθήκη | Αρχείο | Arşiv | 存档 | 归档 | 封存 | 封存郵件 | \
         アーカイブ | 보관함 | 보관 | الأرشيف | أرشيف | ארכיון | Lưu trữ | Arsip | เก็บถาวร",
    ),
];

fn names(list: &'static str) -> impl Iterator<Item = &'static str> {
    list.split('|').map(str::trim)
}

/// The role that a mailbox's name suggests, and how usual the name is for it: 0 is the most usual. Only at the top, or
/// right below INBOX, where some servers keep all mailboxes: `Projects/Archive` is somebody's own affair.
pub fn suggested(name: &MailboxName) -> Option<(SpecialUse, usize)> {
    let last = match name.components() {
        [last] => last,
        [above, last] if above == "INBOX" => last,
        _ => return None,
    };
    roles().get(&folded(last.trim())).copied()
}

/// By folded name.
fn roles() -> &'static HashMap<String, (SpecialUse, usize)> {
    static ROLES: OnceLock<HashMap<String, (SpecialUse, usize)>> = OnceLock::new();
    ROLES.get_or_init(|| {
        let ranked = NAMES.iter().flat_map(|(role, list)| {
            let ranks = names(list).enumerate();
            ranks.map(|(rank, name)| (folded(name), (*role, rank)))
        });
        ranked.collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(path: &str) -> Option<(SpecialUse, usize)> {
        suggested(&MailboxName::from_path(path, Some('/')).unwrap())
    }

    #[test]
    fn a_name_stands_in_the_table_once() {
        let written: usize = NAMES.iter().map(|(_, list)| names(list).count()).sum();
        let mut all: Vec<String> = NAMES
            .iter()
            .flat_map(|(_, list)| names(list).map(folded))
            .collect();
        all.sort();
        let twice: Vec<&String> = all
            .windows(2)
            .filter(|pair| pair[0] == pair[1])
            .map(|pair| &pair[0])
            .collect();
        assert_eq!(twice, [""; 0]);
        assert_eq!(roles().len(), written);
    }

    #[test]
    fn names_of_many_languages_and_programs() {
        for (name, role) in [
            ("Sent", SpecialUse::Sent),
            ("SENT ITEMS", SpecialUse::Sent),
            ("Gesendete Elemente", SpecialUse::Sent),
            ("E\u{301}le\u{301}ments envoye\u{301}s", SpecialUse::Sent),
            ("Отправленные", SpecialUse::Sent),
            ("已发送", SpecialUse::Sent),
            ("INBOX/Verzonden items", SpecialUse::Sent),
            ("inbox/Trash", SpecialUse::Trash),
            ("Papierkorb", SpecialUse::Trash),
            ("Çöp Kutusu", SpecialUse::Trash),
            ("Deleted Messages ", SpecialUse::Trash),
            ("Bozze", SpecialUse::Drafts),
            ("Spamverdacht", SpecialUse::Junk),
            ("Bulk Mail", SpecialUse::Junk),
            ("迷惑メール", SpecialUse::Junk),
            ("Archiv", SpecialUse::Archive),
        ] {
            assert_eq!(of(name).map(|(role, _)| role), Some(role), "{name}");
        }
    }

    #[test]
    fn elsewhere_and_otherwise_a_name_says_nothing() {
        for name in [
            "INBOX",
            "Projects/Archive",
            "INBOX/2020/Sent",
            "Sent 2020",
            "Outbox",
            "Entw",
            "a/INBOX/Sent",
        ] {
            assert_eq!(of(name), None, "{name}");
        }
        assert!(of("Sent").unwrap().1 < of("Sent Items").unwrap().1);
    }
}
