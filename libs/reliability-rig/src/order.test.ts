import { orderViolations, type Place } from './order.ts';

const places = new Map<string, Place>([
  ['a1', { item: 'a', version: 1 }],
  ['a2', { item: 'a', version: 2 }],
  ['a3', { item: 'a', version: 3 }],
  ['b1', { item: 'b', version: 1 }],
  ['b2', { item: 'b', version: 2 }],
]);

describe('order', () => {
  it('is kept when every item goes forward, whatever the others do', () => {
    expect(orderViolations(['b1', 'a1', 'a2', 'b2', 'a3'], places)).toEqual([]);
  });

  it('is kept when versions are missing, as commands are where only events are seen', () => {
    expect(orderViolations(['a1', 'a3'], places)).toEqual([]);
  });

  it('is not broken by a message that comes again', () => {
    expect(orderViolations(['a1', 'a2', 'a1', 'a3', 'a2'], places)).toEqual([]);
  });

  it('is broken by a message whose first coming is after a later version', () => {
    expect(orderViolations(['a2', 'b1', 'a1', 'a3'], places)).toEqual([
      'version 1 of a came after its version 2',
    ]);
  });

  it('passes over messages that are not asked about', () => {
    expect(orderViolations(['x', 'a1', 'y'], places)).toEqual([]);
  });
});
