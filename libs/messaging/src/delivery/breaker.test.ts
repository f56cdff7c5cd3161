import { Breaker } from './breaker.ts';

const quiet = { log: () => undefined, warn: () => undefined, error: () => undefined };
const away = new Error('away');

function breaker(): Breaker {
  return new Breaker('queue', quiet, { threshold: 2, firstPauseMs: 20, longestPauseMs: 40 });
}

/** Whether a promise is still pending after everything that was due has run. */
async function pending(promise: Promise<unknown>): Promise<boolean> {
  const mark = Symbol('pending');
  return (
    (await Promise.race([promise, new Promise((resolve) => setImmediate(() => resolve(mark)))])) === mark
  );
}

describe('breaker', () => {
  it('lets everybody pass until failures follow each other', async () => {
    const b = breaker();
    expect(b.failed(away)).toBe(false);
    b.succeeded();
    expect(b.failed(away)).toBe(false);
    expect(await b.pass()).toBe(true);
    expect(b.failed(away)).toBe(true);
    expect(b.open).toBe(true);
  });

  it('lets one probe through after the pause, and all when it succeeds', async () => {
    const b = breaker();
    b.failed(away);
    b.failed(away);
    const first = b.pass();
    const second = b.pass();
    expect(await first).toBe(true);
    expect(await pending(second)).toBe(true);
    b.succeeded();
    expect(await second).toBe(true);
    expect(b.open).toBe(false);
  });

  it('pauses again when the probe fails', async () => {
    const b = breaker();
    b.failed(away);
    b.failed(away);
    const first = b.pass();
    const second = b.pass();
    expect(await first).toBe(true);
    expect(b.failed(away)).toBe(true);
    expect(await pending(second)).toBe(true);
    expect(await second).toBe(true);
  });

  it('gives the probe to the next when the first never got to the dependency', async () => {
    const b = breaker();
    b.failed(away);
    b.failed(away);
    const first = b.pass();
    const second = b.pass();
    expect(await first).toBe(true);
    b.untried();
    expect(await second).toBe(true);
  });

  it('keeps the probe for whoever comes when nobody waits', async () => {
    const b = breaker();
    b.failed(away);
    b.failed(away);
    const probe = b.pass();
    expect(await probe).toBe(true);
    b.untried();
    expect(await b.pass()).toBe(true);
  });

  it('does not count what was under way when it opened as a failed probe', async () => {
    const b = breaker();
    b.failed(away);
    b.failed(away);
    expect(b.failed(away)).toBe(true);
    expect(b.failed(away)).toBe(true);
    expect(await b.pass()).toBe(true);
  });

  it('turns everybody away when it is stopped', async () => {
    const b = breaker();
    b.failed(away);
    b.failed(away);
    const waiting = b.pass();
    b.stop();
    expect(await waiting).toBe(false);
    expect(await b.pass()).toBe(false);
  });
});
