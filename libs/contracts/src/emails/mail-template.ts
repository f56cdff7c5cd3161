/** The mails that Warren sends: a closed list. */
export const MAIL_TEMPLATES = [
  'welcome',
  'order-confirmed',
  'order-rejected',
  'file-processed',
  'file-rejected',
] as const;
export type MailTemplate = (typeof MAIL_TEMPLATES)[number];
