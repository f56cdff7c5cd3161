import { domainOf, mailboxOf } from './config.ts';

describe('the sender', () => {
  it.each([
    ['Warren <no-reply@warren.example>', { name: 'Warren', address: 'no-reply@warren.example' }],
    [
      '"Warren, Orders" <orders@warren.example>',
      { name: 'Warren, Orders', address: 'orders@warren.example' },
    ],
    ['<no-reply@warren.example>', { name: '', address: 'no-reply@warren.example' }],
    [' no-reply@warren.example ', { name: '', address: 'no-reply@warren.example' }],
  ])('can be given as %s', (text, mailbox) => {
    expect(mailboxOf(text)).toEqual(mailbox);
  });

  it.each([
    '',
    'Warren',
    'Warren <no-reply>',
    'a@b@c',
    'Warren\r\nBcc: eve@example.com <a@example.com>',
    'a@-',
  ])('can not be given as %j, and the error shows how', (text) => {
    expect(() => mailboxOf(text)).toThrow('as in "Warren <no-reply@warren.example>"');
  });

  it('has the domain that Message-IDs are made in', () => {
    expect(domainOf(mailboxOf('Warren <no-reply@Warren.Example>'))).toBe('warren.example');
  });
});
