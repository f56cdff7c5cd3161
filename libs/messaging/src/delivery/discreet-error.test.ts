import { discreetError } from './discreet-error.ts';

const body = (data: object): Buffer => Buffer.from(JSON.stringify({ data }));

describe('an error that goes to headers and logs', () => {
  it('keeps its name and says what it said, without what secret fields of the messages hold', () => {
    const error = new RangeError('tok_1234 and PASS-word are of no use, o-1 is');
    const told = discreetError(
      error,
      body({ paymentToken: 'tok_1234', orderId: 'o-1' }),
      body({ account: { password: 'pass-word' } }),
    );
    expect(told.name).toBe('RangeError');
    expect(told.message).toBe('[redacted] and [redacted] are of no use, o-1 is');
    expect(told.stack).toContain('[redacted] and [redacted] are of no use, o-1 is');
    expect(told.stack).toContain('discreet-error.test');
    expect(told.stack).not.toMatch(/tok_1234|pass-word/i);
    expect(told.cause).toBeUndefined();
  });

  it('holds no credentials of URLs and no tokens of headers, whatever the message holds', () => {
    const told = discreetError(
      new Error('amqp://u:s3cret@host and Bearer abcdefgh-s3cret'),
      Buffer.from('x'),
    );
    expect(`${told.message} ${told.stack}`).not.toContain('s3cret');
  });

  it('is the error itself where it quotes no secret', () => {
    const error = new Error('the shelf is stuck');
    expect(discreetError(error, body({ paymentToken: 'tok_1234' }))).toBe(error);
  });

  it('may have no stack', () => {
    const error = new Error('tok_1234');
    delete error.stack;
    expect(discreetError(error, body({ token: 'tok_1234' })).stack).toBeUndefined();
  });
});
