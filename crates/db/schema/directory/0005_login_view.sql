-- Who may log in to a mailbox, and with what; now also whether their mail is here. Whose mail is still to come, and is to be
-- read on the old server meanwhile, must not be let in to an empty mailbox here: what shows mail (IMAP, POP3) asks for “here”.
{{replace view}} mail_login AS
SELECT account.login, account.password, mailbox.address, mailbox.may_send AS sends,
       NOT EXISTS (SELECT 1
                     FROM migration
                     JOIN settings ON settings.until_complete <> 'local'
                    WHERE migration.login = account.login AND migration.phase IN ('pending', 'seeding')) AS here
  FROM account
  JOIN mailbox ON mailbox.login = account.login
  JOIN domain ON domain.name = mailbox.domain
 WHERE account.enabled AND account.password IS NOT NULL AND domain.enabled AND domain.kind = 'local';
