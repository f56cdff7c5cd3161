import { isIP, isIPv4 } from 'node:net';
import type { FastifyRequest } from 'fastify';

/**
 * The network that a request comes from, to count by: an IPv4 address, or the /64 of an IPv6 address, of which one
 * customer usually has all. It is that of the connection, or what a trusted proxy (WARREN_TRUSTED_PROXIES) says.
 */
export function clientNetwork(request: Pick<FastifyRequest, 'ip' | 'socket'>): string {
  // What is no address was not written by a proxy that does its work: then it counts for the proxy.
  const said = isIP(request.ip) === 0 ? (request.socket.remoteAddress ?? '') : request.ip;
  return networkOf(said);
}

/** @param address IPv4 or IPv6, with or without a zone */
export function networkOf(address: string): string {
  if (isIP(address) !== 6) return address;
  // The URL standard writes an address in one way only, and IPv4 within it in hexadecimal.
  const { hostname } = new URL(`http://[${address.split('%', 1)[0]}]`);
  const [head = '', tail] = hostname.slice(1, -1).split('::');
  const left = groupsOf(head);
  const right = groupsOf(tail ?? '');
  const groups = [...left, ...Array<string>(8 - left.length - right.length).fill('0'), ...right];
  const isMapped = groups.slice(0, 5).every((group) => group === '0') && groups[5] === 'ffff';
  if (isMapped) {
    const bytes = groups.slice(6).flatMap((group) => [parseInt(group, 16) >> 8, parseInt(group, 16) & 255]);
    return bytes.join('.');
  }
  return `${groups.slice(0, 4).join(':')}::/64`;
}

const groupsOf = (part: string): string[] => (part === '' ? [] : part.split(':'));

/** Whether it is an address or a range of them in CIDR notation. */
export function isAddressRange(text: string): boolean {
  const [address = '', prefix, ...rest] = text.split('/');
  if (isIP(address) === 0 || address.includes('%') || rest.length > 0) return false;
  if (prefix === undefined) return true;
  return /^[1-9]\d{0,2}$/.test(prefix) && Number(prefix) <= (isIPv4(address) ? 32 : 128);
}
