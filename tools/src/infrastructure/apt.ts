import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Report } from '../processes/report.ts';
import { run, type RunResult } from '../processes/run.ts';

export interface PackageFile {
  /** Name with version, as apt takes it: `erlang-base=1:25.2.3`. */
  name: string;
  bytes: number;
}

const ONLY_DEPENDS = ['recommends', 'suggests', 'conflicts', 'breaks', 'replaces', 'enhances'].map(
  (kind) => `--no-${kind}`,
);

/**
 * Looks packages up and downloads them with apt, which checks the signatures, and without the rights of an
 * administrator: it reads the system's package lists, and where there are none, or they are out of date, keeps
 * lists of its own in a directory of ours.
 */
export class Apt {
  private ownState: string[] = [];
  private readonly stateDirectory: string;
  private readonly report: Report;

  private constructor(stateDirectory: string, report: Report) {
    this.stateDirectory = stateDirectory;
    this.report = report;
  }

  static async open(stateDirectory: string, report: Report): Promise<Apt> {
    await mkdir(stateDirectory, { recursive: true });
    return new Apt(stateDirectory, report);
  }

  /** Fetches the package lists of the system's sources into our own state. */
  async update(): Promise<void> {
    const [state, cache] = [join(this.stateDirectory, 'state'), join(this.stateDirectory, 'cache')];
    await mkdir(join(state, 'lists/partial'), { recursive: true });
    await mkdir(join(cache, 'archives/partial'), { recursive: true });
    this.ownState = [
      `Dir::State=${state}`,
      `Dir::Cache=${cache}`,
      'Dir::State::status=/var/lib/dpkg/status',
      'Debug::NoLocking=1',
    ].flatMap((option) => ['-o', option]);
    // A source that does not answer is a failure to apt, but need not be the one that we need.
    const startedAt = Date.now();
    const show = () => {
      const seconds = Math.round((Date.now() - startedAt) / 1000);
      this.report(`Fetching the package lists of this system: ${seconds} s`);
    };
    show();
    const timer = setInterval(show, 1_000);
    const result = await this.apt('apt-get', ['update', '-q'], true).finally(() => clearInterval(timer));
    if (result.code !== 0) this.report(`apt-get update had trouble:\n${lastLines(result)}`);
  }

  /** Whether there is a version to download. */
  async knows(name: string): Promise<boolean> {
    const { output } = await this.apt('apt-cache', ['show', '--no-all-versions', name], true);
    return /^Filename: /m.test(output);
  }

  /** The packages reached from `names` by the dependencies for which `follow` says yes, themselves included. */
  async closure(names: string[], follow: (from: string, to: string) => boolean): Promise<string[]> {
    const known = new Set(names);
    let fresh = names;
    while (fresh.length > 0) {
      const { output } = await this.apt('apt-cache', ['depends', ...ONLY_DEPENDS, ...fresh]);
      fresh = [];
      for (const { from, to } of parseDepends(output)) {
        if (known.has(to) || !follow(from, to)) continue;
        known.add(to);
        fresh.push(to);
      }
    }
    return [...known];
  }

  /** Which of the packages are installed on this system. */
  async installed(names: string[]): Promise<Set<string>> {
    const { output } = await run('dpkg-query', ['-W', '-f', '${Package} ${db:Status-Status}\n', ...names], {
      allowFailure: true, // it also fails for a name that it has never heard of
    });
    const lines = output.split('\n').filter((line) => line.endsWith(' installed'));
    return new Set(lines.map((line) => line.split(' ')[0] ?? ''));
  }

  /** Versions and sizes. */
  async files(names: string[]): Promise<PackageFile[]> {
    const { output } = await this.apt('apt-cache', ['show', '--no-all-versions', ...names]);
    return output.split(/\n\n+/).flatMap((stanza) => {
      const field = (key: string) => new RegExp(`^${key}: (.*)$`, 'm').exec(stanza)?.[1];
      const [name, version, size] = [field('Package'), field('Version'), field('Size')];
      return name && version && size ? [{ name: `${name}=${version}`, bytes: Number(size) }] : [];
    });
  }

  /** Downloads into `directory`. Lists that name files which are gone are fetched anew, once. */
  async download(packages: PackageFile[], directory: string): Promise<void> {
    const names = packages.map((file) => file.name);
    const first = await this.apt('apt-get', ['download', '-q', ...names], true, directory);
    if (first.code === 0) return;
    if (this.ownState.length > 0) throw new Error(`apt-get download failed:\n${lastLines(first)}`);
    await this.update();
    await this.apt('apt-get', ['download', '-q', ...names.map(withoutVersion)], false, directory);
  }

  private apt(command: string, args: string[], allowFailure = false, cwd?: string): Promise<RunResult> {
    // As root, apt drops its rights for downloads and then cannot write into a directory of ours.
    const sandbox = process.getuid?.() === 0 ? ['-o', 'APT::Sandbox::User=root'] : [];
    const env = { ...process.env, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' };
    return run(command, [...sandbox, ...this.ownState, ...args], {
      env,
      allowFailure,
      ...(cwd ? { cwd } : {}),
    });
  }
}

/** Of alternatives (`a | b`) only the first counts; virtual packages (`<name>`) are passed over. */
export function parseDepends(output: string): { from: string; to: string }[] {
  const found: { from: string; to: string }[] = [];
  let from = '';
  let isAlternative = false;
  for (const line of output.split('\n')) {
    if (/^\S/.test(line)) {
      from = line.trim();
      isAlternative = false;
      continue;
    }
    const match = /^ ([ |])(?:Pre)?Depends: (\S+)/.exec(line);
    if (!match) continue;
    const to = (match[2] ?? '').replace(/:any$/, '');
    if (!isAlternative && !to.startsWith('<')) found.push({ from, to });
    isAlternative = match[1] === '|';
  }
  return found;
}

function withoutVersion(name: string): string {
  return name.replace(/=.*/, '');
}

function lastLines(result: RunResult): string {
  return `${result.output}\n${result.errors}`.trim().split('\n').slice(-8).join('\n');
}
