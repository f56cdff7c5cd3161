import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cacheDirectory } from '../config.ts';
import { run } from '../processes/run.ts';
import { findPython, type Python } from './python.ts';
import { canUnpackPackages } from './unpack-packages.ts';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'warren-python-'));
});
afterAll(() => rm(directory, { recursive: true }));

async function fakePython(name: string, code: number): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, `#!/bin/sh\nexit ${code}\n`);
  await chmod(path, 0o755);
  return path;
}

/** The place from which a library is taken. */
async function placeOf(library: string, { program, environment }: Python): Promise<string> {
  const env = { ...process.env, ...environment };
  return (await run(program, ['-c', `import ${library}; print(${library}.__file__)`], { env })).output;
}

describe('findPython', () => {
  it('takes the first interpreter that has the libraries, as it is', async () => {
    const candidates = [
      join(directory, 'not-there'),
      await fakePython('without', 1),
      await fakePython('with', 0),
      await fakePython('later', 0),
    ];

    expect(await findPython({ cacheDirectory: directory, candidates })).toEqual({
      program: candidates[2],
      environment: {},
    });
  });

  it("where none has them, unpacks the distribution's packages, or says what to install", async () => {
    const finding = findPython({ cacheDirectory: cacheDirectory(), candidates: [] });
    if (!(await canUnpackPackages())) {
      await expect(finding).rejects.toThrow(/python3 -m pip install pika jsonschema/);
      return;
    }
    const python = await finding;
    expect(await placeOf('pika', python)).toContain(cacheDirectory());
    expect(await placeOf('jsonschema', python)).toContain(cacheDirectory());
  });

  it('unpacks Python itself where the system has none, or says what to install', async () => {
    const finding = findPython({
      cacheDirectory: cacheDirectory(),
      candidates: [],
      systemPython: join(directory, 'not-there'),
    });
    if (!(await canUnpackPackages())) {
      await expect(finding).rejects.toThrow(/python3 -m pip install pika jsonschema/);
      return;
    }
    const python = await finding;
    expect(python.program).toContain(cacheDirectory());
    expect(await placeOf('sqlite3', python)).toContain(cacheDirectory());
  });
});
