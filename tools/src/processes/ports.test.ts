import { createServer } from 'node:net';
import { choosePort, isFree } from './ports.ts';

describe('choosePort', () => {
  it('takes the preferred port when it is free and not promised to anybody', async () => {
    const preferred = await choosePort(new Set());
    const avoid = new Set<number>();

    expect(await choosePort(avoid, preferred)).toBe(preferred);
    expect(await choosePort(avoid, preferred)).not.toBe(preferred);
  });

  it('takes another port when somebody listens on the preferred one', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen({ host: '127.0.0.1', port: 0 }, resolve));
    const { port } = server.address() as { port: number };
    try {
      expect(await isFree(port)).toBe(false);
      expect(await choosePort(new Set(), port)).not.toBe(port);
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });

  it('stays below the ports from which Linux takes those of outgoing connections', async () => {
    for (let count = 0; count < 20; count += 1) expect(await choosePort(new Set())).toBeLessThan(32_768);
  });
});
