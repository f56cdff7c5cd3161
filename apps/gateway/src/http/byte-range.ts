import type { FastifyRequest } from 'fastify';
import { Problem } from './problem.ts';

/** Both ends inclusive, counted from 0. */
export interface Range {
  start: number;
  end: number;
}

const SINGLE_RANGE = /^bytes=(\d*)-(\d*)$/;

/**
 * The part of some content that a request asks for (RFC 9110, 14). Undefined means all of it: so it is without a
 * Range header, for one that asks for several parts or can't be read, and when If-Range names another version.
 *
 * @param size of the content in bytes
 * @throws Problem when the range lies outside of the content
 */
export function requestedRange({ headers }: FastifyRequest, size: number, etag: string): Range | undefined {
  const [, first = '', last = ''] = SINGLE_RANGE.exec(headers.range?.trim() ?? '') ?? [];
  if (first === '' && last === '') return undefined;
  const ifRange = headers['if-range'];
  if (ifRange !== undefined && ifRange !== etag) return undefined;
  if (first !== '' && last !== '' && Number(last) < Number(first)) return undefined;

  const range =
    first === ''
      ? { start: Math.max(0, size - Number(last)), end: size - 1 }
      : { start: Number(first), end: Math.min(last === '' ? Infinity : Number(last), size - 1) };
  if (range.start > range.end) {
    throw new Problem('range-not-satisfiable', `the content has ${size} bytes`, {
      headers: { 'content-range': `bytes */${size}` },
    });
  }
  return range;
}
