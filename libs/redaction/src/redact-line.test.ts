import { redactLine } from './redact-line.ts';

const redact = (value: object) => JSON.parse(redactLine(JSON.stringify(value)));

describe('a log line', () => {
  it.each([
    ['password', { password: 'hunter2' }],
    ['newPassword', { body: { newPassword: 'a "quoted\\" one' } }],
    ['accessToken', { answer: [{ accessToken: 'abc' }] }],
    ['authorization', { req: { headers: { Authorization: 'Bearer abcdefgh12345' } } }],
    ['set-cookie', { res: { headers: { 'set-cookie': 'sid=1' } } }],
    ['WARREN_CLIENT_SECRET', { env: { WARREN_CLIENT_SECRET: 'x' } }],
    ['apiKey', { apiKey: 'k' }],
    ['email', { user: { email: 'not even an address' } }],
  ])('does not show the value of a field named like %s, however deep', (_name, value) => {
    const leaf = (node: unknown): unknown =>
      node && typeof node === 'object' ? leaf(Object.values(node)[0]) : node;
    expect(leaf(redact(value))).toBe('[redacted]');
  });

  it.each([
    ['mail to ann.o+x@mail.example.org failed', 'mail to [redacted] failed'],
    [
      'connect amqp://order-service:s3cret@127.0.0.1:5672/warren',
      'connect amqp://[redacted]@127.0.0.1:5672/warren',
    ],
    ['postgres://u:p%40ss@db/warren refused', 'postgres://[redacted]@db/warren refused'],
    ['sent Authorization: Bearer abc.def-123456', 'sent Authorization: Bearer [redacted]'],
    ['Authorization: Basic dXNlcjpwYXNz', 'Authorization: Basic [redacted]'],
    ['token eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl is old', 'token [redacted] is old'],
    ['body was {"email":"x","password":"y"}', 'body was {"email":"[redacted]","password":"[redacted]"}'],
  ])('does not show secrets inside a text: %s', (text, expected) => {
    expect(redact({ msg: text }).msg).toBe(expected);
  });

  it.each([
    'order 01912d68-783e-7a3c-8a2c-0c6e6f3f6a02 placed at 2026-01-15T09:31:00.120Z',
    'at file:///srv/node_modules/typeorm@1.1.1/index.js:10:5',
    'http://127.0.0.1:7080/v1/orders',
    'basic functionality of tokens',
  ])('keeps what is no secret: %s', (text) => {
    expect(redact({ msg: text, n: 1 })).toEqual({ msg: text, n: 1 });
  });
});
