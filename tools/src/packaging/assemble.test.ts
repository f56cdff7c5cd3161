import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from '../config.ts';
import { run } from '../processes/run.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'warren-assembled-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const assemble = (app: string) =>
  run(process.execPath, [join(ROOT, 'tools/src/packaging/assemble.ts'), `apps/${app}`, directory]);

describe('an app that is assembled to run on its own', () => {
  it('has its assets, and the files of packages that it sends to browsers', async () => {
    await assemble('gateway');
    const asset = (path: string) => readFileSync(join(directory, 'assets', path), 'utf8');
    expect(JSON.parse(asset('asyncapi.json'))).toMatchObject({ asyncapi: '3.0.0' });
    expect(asset('@asyncapi/react-component/browser/standalone/index.js')).toContain('AsyncApiStandalone');
    expect(asset('@asyncapi/react-component/styles/default.min.css')).toContain('.aui-root');
    expect(asset('@asyncapi/react-component/LICENSE')).toContain('Apache License');
    expect(existsSync(join(directory, 'dist/main.js'))).toBe(true);
  });

  it('is nothing but its code where it has none', async () => {
    await assemble('order-service');
    expect(existsSync(join(directory, 'dist/main.js'))).toBe(true);
    expect(existsSync(join(directory, 'assets'))).toBe(false);
  });
});
