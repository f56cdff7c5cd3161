export default async function globalTeardown(): Promise<void> {
  await globalThis.warrenTestServers?.stop();
  globalThis.warrenTestServers = undefined;
}
