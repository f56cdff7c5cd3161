import type { FastifyRequest } from 'fastify';

/** Whether a person is looking: browsers ask for HTML, programs for JSON or for anything. */
export const wantsHtml = ({ headers }: FastifyRequest): boolean =>
  /\btext\/html\b/.test(headers.accept ?? '');
