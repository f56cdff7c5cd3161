export { captureMessages, type CapturedMessage, type CapturedMessages } from './captured-messages.ts';
export { testServers, type TestServers } from './config.ts';
export { eventually, type EventuallyOptions } from './eventually.ts';
export { ManagementApi } from './management-api.ts';
export { publishRaw } from './publish-raw.ts';
export { createTcpProxy, type TcpProxy } from './tcp-proxy.ts';
export { createTestBroker, type BrokerPermissions, type TestBroker } from './test-broker.ts';
export { createTestDatabase, type TestDatabase } from './test-database.ts';
