import type { Money } from '@warren/contracts';

const LOCALE = 'en';

/** An amount in its currency, for example `€24.50`. Exact for every amount that the contract allows. */
export function formatMoney({ amount, currency }: Money): string {
  const format = new Intl.NumberFormat(LOCALE, { style: 'currency', currency });
  const digits = format.resolvedOptions().maximumFractionDigits ?? 2;
  // As text, because amount / 100 would be rounded to what a binary fraction can hold.
  const minor = String(amount).padStart(digits + 1, '0');
  const major = minor.slice(0, minor.length - digits);
  return format.format((digits > 0 ? `${major}.${minor.slice(-digits)}` : minor) as `${number}`);
}

const integer = new Intl.NumberFormat(LOCALE);

export function formatCount(count: number): string {
  return integer.format(count);
}

const SIZE_UNITS = ['kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const;

/** A size in bytes as people read it, with the exact number: `2.5 MB (2,483,112 bytes)`. */
export function formatSize(bytes: number): string {
  const exact = `${formatCount(bytes)} ${bytes === 1 ? 'byte' : 'bytes'}`;
  if (bytes < 1000) return exact;
  const power = Math.min(Math.floor(Math.log10(bytes) / 3), SIZE_UNITS.length);
  const unit = SIZE_UNITS[power - 1]!;
  const size = new Intl.NumberFormat(LOCALE, { style: 'unit', unit, maximumFractionDigits: 1 });
  return `${size.format(bytes / 1000 ** power)} (${exact})`;
}

const moment = new Intl.DateTimeFormat(LOCALE, { dateStyle: 'long', timeStyle: 'short', timeZone: 'UTC' });

/** A time as people read it, for example `January 15, 2026 at 9:31 AM UTC`. */
export function formatTime(time: string): string {
  return `${moment.format(new Date(time))} UTC`;
}
