import type { Tree } from '@nx/devkit';
import { FsTree } from 'nx/src/generators/tree.js';
import { ROOT } from '../config.ts';
import { addEvent } from './event/generator.ts';
import { addHandler } from './handler/generator.ts';
import { addService } from './service/generator.ts';

/** Reads this repository, and writes to nothing. */
let tree: Tree;
beforeEach(() => {
  tree = new FsTree(ROOT, false);
});
afterEach(() => {
  expect(tree.listChanges().map(({ path }) => path)).toEqual([]);
});

const publisher = 'order-service';
const DEFINED = `@DefineEvent<OrderLineAddedV1>({ type: 'order-line.added.v1', exchange: 'lines.events', publishedBy: 'gateway' })
export class OrderLineAddedV1 {}`;

describe('an event', () => {
  it.each([
    ['parcel', '"parcel" is not <entity>.<verb>'],
    ['Parcel.Moved', 'in lower case'],
    ['parcel.moved.v0', 'is not <entity>.<verb>'],
    ['parcel.moved.twice', 'is not <entity>.<verb>'],
    ['order.placed', 'order.placed.v1 is there already, or was and is retired'],
    ['order.placed.v3', 'order.placed.v3 would leave out a version: the next is order.placed.v2'],
    ['parcel.moved.v2', 'the next is parcel.moved.v1'],
  ])('is not made of the type %s', (type, why) => {
    expect(() => addEvent(tree, { type, publisher })).toThrow(why);
  });

  it('does not take the name of one that is retired', () => {
    const retired = new FsTree(ROOT, false);
    retired.write('libs/contracts/released/parcel.moved.v1.json', '{ "retired": true }');
    expect(() => addEvent(retired, { type: 'parcel.moved', publisher })).toThrow('is parcel.moved.v2');
    expect(retired.listChanges()).toHaveLength(1);
  });

  it('is not made without a publisher that there is', () => {
    expect(() => addEvent(tree, { type: 'parcel.moved' })).toThrow(
      'say which service: --publisher=<service>',
    );
    expect(() => addEvent(tree, { type: 'parcel.moved', publisher: 'nobody' })).toThrow(
      'there is no service "nobody". There are: email-service,',
    );
  });

  it('is not made with the class of another', () => {
    tree.write('libs/contracts/src/lines/order-line-added.v1.ts', DEFINED);
    expect(() => addEvent(tree, { type: 'order.line-added', publisher })).toThrow(
      'another class OrderLineAddedV1',
    );
    tree.delete('libs/contracts/src/lines/order-line-added.v1.ts');
  });

  it('is not made for an exchange that is named as none of events', () => {
    for (const exchange of ['orders.commands', 'Orders.events', 'orders'])
      expect(() => addEvent(tree, { type: 'parcel.moved', publisher, exchange })).toThrow(
        'as in parcels.events',
      );
  });
});

describe('a handler', () => {
  const type = 'order.placed.v1';

  it('is not made in a service that is not there', () => {
    expect(() => addHandler(tree, { type })).toThrow('say which service: --service=<service>');
    expect(() => addHandler(tree, { type, service: 'nobody' })).toThrow(
      'npx nx g @warren/tools:service <name>',
    );
  });

  it.each([
    ['nothing.happened.v1', 'there is no message "nothing.happened.v1"'],
    ['order.placed', 'Name its version: order.placed.v1'],
    ['order.placed.v7', 'Name its version: order.placed.v1'],
    ['product.list.v1', '@AnswerRequest'],
    ['product.listed.v1', 'is a reply'],
    ['order.place.v1', 'is a command, which order-service alone carries out: name --service=order-service'],
    ['order.confirmed.v1', 'email-service handles order.confirmed.v1 already, from its queue "mails"'],
  ])('is not made in email-service for %s', (wrong, why) => {
    expect(() => addHandler(tree, { type: wrong, service: 'email-service' })).toThrow(why);
  });

  it('is not made with a queue whose name can not be', () => {
    expect(() => addHandler(tree, { type, service: 'email-service', queue: 'My Queue' })).toThrow(
      'no purpose of a queue',
    );
  });
});

describe('a service', () => {
  it.each([
    ['ParcelService', 'lower-case words with hyphens'],
    ['parcel_service', 'lower-case words with hyphens'],
    ['../parcels', 'lower-case words with hyphens'],
    ['a-service-with-a-name-that-does-not-end', 'up to 30 characters'],
    ['order-service', 'apps/order-service is there already'],
    ['contracts', '"contracts" is taken'],
    ['rabbitmq', '"rabbitmq" is taken'],
    ['public', '"public" is taken'],
    ['guest-consumer', '"guest-consumer" is taken'],
  ])('is not called %s', (name, why) => {
    expect(() => addService(tree, { name })).toThrow(why);
  });

  it('does not begin with what it can not handle', () => {
    const name = 'parcel-service';
    expect(() => addService(tree, { name, handles: 'order.place.v1' })).toThrow(
      'order.place.v1 is a command',
    );
    expect(() => addService(tree, { name, handles: 'order.lost.v1' })).toThrow('there is no message');
  });

  it('does not take the port of another', () => {
    expect(() => addService(tree, { name: 'parcel-service', port: 7081 })).toThrow(
      'port 7081 is that of order-service',
    );
  });
});
