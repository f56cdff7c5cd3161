/** Visible ASCII: what headers, logs and every database can hold. */
export const PAYMENT_TOKEN_PATTERN = /^[!-~]+$/u;

/** The longest payment token, in characters. */
export const MAX_PAYMENT_TOKEN_LENGTH = 255;

/** The longest id that a payment provider may give to a payment or a callback, in characters. */
export const MAX_PAYMENT_ID_LENGTH = 100;
