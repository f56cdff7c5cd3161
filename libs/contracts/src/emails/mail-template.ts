/** The mails that Warren sends: a closed list. */
export const MAIL_TEMPLATES = [
  'welcome',
  'payment-needed',
  'order-confirmed',
  'order-rejected',
  'order-cancelled',
  'file-processed',
  'file-rejected',
] as const;
export type MailTemplate = (typeof MAIL_TEMPLATES)[number];
