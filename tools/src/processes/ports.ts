import { connect, createServer } from 'node:net';

/**
 * Ports that nobody asked for by number are drawn from below the range from which Linux takes the ports of
 * outgoing connections (32768 and up). A client that keeps reconnecting to a stopped server on a port of that
 * range may get the very same port for its own end, is then connected to itself, and the server can no longer
 * start there.
 */
const LOWEST = 20_000;
const HIGHEST = 32_000;
const ATTEMPTS = 100;

/** Whether a server could listen on this port of 127.0.0.1 now. */
export async function isFree(port: number): Promise<boolean> {
  return (await canListen(port)) && !(await answers(port));
}

/**
 * A port of 127.0.0.1 that is free now.
 *
 * @param preferred is taken when it is free.
 * @param avoid ports that are free but promised to others; the chosen port is added.
 */
export async function choosePort(avoid: Set<number>, preferred?: number): Promise<number> {
  if (preferred !== undefined && !avoid.has(preferred) && (await isFree(preferred))) {
    avoid.add(preferred);
    return preferred;
  }
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const port = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST));
    if (avoid.has(port) || !(await isFree(port))) continue;
    avoid.add(port);
    return port;
  }
  throw new Error(
    `No free port on 127.0.0.1 in ${ATTEMPTS} tries between ${LOWEST} and ${HIGHEST}. Stop what is listening there.`,
  );
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/** Some systems let two servers share a port when one of them listens on all addresses. */
function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, timeout: 500 });
    const settle = (result: boolean) => {
      socket.destroy();
      resolve(result);
    };
    socket.once('connect', () => settle(true));
    socket.once('error', () => settle(false));
    socket.once('timeout', () => settle(false));
  });
}
