/** The part of rascal that is used here; it brings no types. */
declare module 'rascal' {
  import type { EventEmitter } from 'node:events';

  interface BrokerAsPromised extends EventEmitter {
    publish(name: string, message: Buffer, overrides: { options: object }): Promise<EventEmitter>;
    shutdown(): Promise<void>;
  }
  const rascal: {
    BrokerAsPromised: { create(config: object): Promise<BrokerAsPromised> };
    withDefaultConfig(config: object): object;
  };
  export default rascal;
}
