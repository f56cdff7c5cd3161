import { createLogger, type LoggerOptions } from './create-logger.ts';

function logged(
  options: Partial<LoggerOptions>,
  write: (logger: ReturnType<typeof createLogger>) => void,
): string[] {
  const lines: string[] = [];
  write(
    createLogger({
      service: 'order-service',
      level: 'info',
      format: 'json',
      stream: { write: (line: string) => void lines.push(line) },
      ...options,
    }),
  );
  return lines;
}

describe('the logger', () => {
  it('writes one JSON object a line with service, level, time and the context of the moment', () => {
    let flow = {};
    const lines = logged({ context: () => flow }, (logger) => {
      logger.info('outside');
      flow = { correlationId: 'c-1' };
      logger.warn({ orderId: 'o-1' }, 'inside');
      logger.debug('too detailed');
    });
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      { level: 'info', time: expect.stringMatching(/^\d{4}-.*Z$/), service: 'order-service', msg: 'outside' },
      expect.objectContaining({ level: 'warn', correlationId: 'c-1', orderId: 'o-1', msg: 'inside' }),
    ]);
  });

  it('shows errors with stack, code and cause, without the parameters of a failed statement', () => {
    const error = Object.assign(new Error('duplicate key', { cause: new Error('the cause') }), {
      code: '23505',
      parameters: ['a-hash'],
      driverError: { parameters: ['a-hash'] },
    });
    const [line] = logged({}, (logger) => logger.error({ err: error }, 'failed'));
    expect(line).not.toContain('a-hash');
    expect(JSON.parse(line!).err).toMatchObject({
      type: 'Error',
      code: '23505',
      message: expect.stringContaining('the cause'),
      stack: expect.stringContaining('create-logger.test'),
    });
  });

  it.each(['json', 'pretty'] as const)('takes secrets out of %s lines', (format) => {
    const [line] = logged({ format }, (logger) =>
      logger.info({ password: 'hunter2', to: 'ann@example.org' }, 'signed in as ann@example.org'),
    );
    expect(line).toContain('signed in as [redacted]');
    expect(line).not.toMatch(/hunter2|ann@/);
  });

  it('writes readable text in the pretty format', () => {
    const [line] = logged({ format: 'pretty' }, (logger) => logger.info({ port: 7081 }, 'listening'));
    expect(line).toMatch(/INFO.*listening.*"port":7081/);
    expect(() => JSON.parse(line!)).toThrow();
  });
});
