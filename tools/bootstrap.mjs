/**
 * The way into `npm start`, `npm test` and the commands that are run by `npm run`. Plain JavaScript for
 * whatever Node the machine has (18 or newer), and nothing but Node's own modules: it installs the dependencies when
 * they are missing or out of date, and then runs the command on the Node that comes with them.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const MODULES = join(ROOT, 'node_modules');
const LOCK = join(ROOT, 'package-lock.json');
/** What npm itself writes when an installation is complete. */
const INSTALLED_LOCK = join(MODULES, '.package-lock.json');
const INSTALLED_HASH = join(MODULES, '.warren-lock-hash');
const PROJECT_NODE = join(MODULES, 'node/bin/node');

const COMMANDS = {
  start: 'brings the whole system up, in this terminal, until Ctrl-C',
  test: 'runs all tests; arguments go to Jest: npm test -- libs/messaging -t "retries"',
  demo: 'shows the flows at work on the running system',
  bench: 'measures Warren against its peers; npm run bench -- --help says more',
  reset: 'wipes the local data of the stopped system',
  'dead-letters':
    'lists, shows, redrives and discards dead letters; npm run dead-letters -- --help says more',
  topology: 'compares the broker with what the services describe; npm run topology -- --help says more',
  contracts:
    'checks that no message changed in a way that breaks others; npm run contracts -- --help says more',
  pack: 'packs the libraries for others, into dist/packages',
  provision: 'makes accounts on servers that the environment names: npm run provision -- [directory]',
  install: 'only installs what is missing',
};

const [command, ...args] = process.argv.slice(2);
if (command === undefined || ['--help', '-h', 'help'].includes(command)) {
  console.log(usage());
  process.exit(0);
}
if (!Object.hasOwn(COMMANDS, command)) {
  console.error(`Unknown command "${command}".\n\n${usage()}`);
  process.exit(64);
}
/** How many arguments a command takes. Those that take any number know their own, and have a help of their own. */
const ANY_NUMBER = ['test', 'bench', 'dead-letters', 'topology', 'contracts'];
const mostArguments = ANY_NUMBER.includes(command) ? Infinity : command === 'provision' ? 1 : 0;
if (mostArguments < Infinity && args.some((argument) => argument === '--help' || argument === '-h')) {
  console.log(`npm run ${command}: ${COMMANDS[command]}\n\n${usage()}`);
  process.exit(0);
}
if (args.length > mostArguments) {
  console.error(`Too many arguments for \`npm run ${command}\`: ${args.join(' ')}\n\n${usage()}`);
  process.exit(64);
}

if (!isInstalled()) await install();
process.exitCode = command === 'install' ? 0 : await runCommand();

function usage() {
  const width = Math.max(...Object.keys(COMMANDS).map((name) => name.length));
  const lines = Object.entries(COMMANDS).map(([name, text]) => `  ${name.padEnd(width)}  ${text}`);
  return `Usage: node tools/bootstrap.mjs <command>, or npm start | npm test | npm run <command>\n\n${lines.join('\n')}

Servers that you run yourself are used when the environment names them, as administrators reach them:
  WARREN_AMQP_URL with WARREN_AMQP_MANAGEMENT_URL, WARREN_DATABASE_URL, WARREN_SMTP_URL (WARREN_MAIL_INBOX_URL)`;
}

/** By content, so that switching branches back and forth costs nothing; by date for who ran npm by hand. */
function isInstalled() {
  if (!existsSync(INSTALLED_LOCK)) return false;
  if (existsSync(INSTALLED_HASH) && readFileSync(INSTALLED_HASH, 'utf8') === hashOfLock()) return true;
  return statSync(INSTALLED_LOCK).mtimeMs >= statSync(LOCK).mtimeMs;
}

function hashOfLock() {
  return createHash('sha256').update(readFileSync(LOCK)).digest('hex');
}

async function install() {
  const total = countLocked();
  console.error(`Installing ${total} packages (npm ci); this takes a minute or so the first time`);
  const startedAt = Date.now();
  const show = () => {
    const seconds = Math.round((Date.now() - startedAt) / 1000);
    const line = `Installing packages: ${Math.min(countInstalled(), total)} of ${total} (${seconds} s)`;
    process.stderr.write(process.stderr.isTTY ? `\r\u001B[K${line}` : `${line}\n`);
  };
  const timer = setInterval(show, process.stderr.isTTY ? 500 : 5_000);
  // The npm that started us, else the one in the PATH.
  const npm = process.env['npm_execpath'];
  const [program, first] = npm?.endsWith('.js') ? [process.execPath, [npm]] : ['npm', []];
  let output = '';
  const child = spawn(program, [...first, 'ci', '--no-audit', '--no-fund'], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
  const code = await ended(child);
  clearInterval(timer);
  if (process.stderr.isTTY) process.stderr.write('\r\u001B[K');
  if (code !== 0) {
    console.error(`${output.trimEnd()}\n\nnpm ci failed, see above. Nothing was started.`);
    process.exit(code);
  }
  writeFileSync(INSTALLED_HASH, hashOfLock());
  console.error(`Installed in ${Math.round((Date.now() - startedAt) / 1000)} s`);
}

/** Packages of this platform or of any: what npm will put into node_modules. */
function countLocked() {
  const { packages } = JSON.parse(readFileSync(LOCK, 'utf8'));
  const fits = (list, mine) =>
    !list || (!list.includes(`!${mine}`) && (list.includes(mine) || list[0]?.startsWith('!')));
  return Object.entries(packages).filter(
    ([path, { os, cpu, link }]) =>
      path.startsWith('node_modules/') &&
      path.lastIndexOf('node_modules/') === 0 &&
      !link &&
      fits(os, process.platform) &&
      fits(cpu, process.arch),
  ).length;
}

/** npm makes all directories first; a package is there when its package.json is. */
function countInstalled() {
  const list = (directory) => {
    try {
      return readdirSync(directory).filter((name) => !name.startsWith('.'));
    } catch {
      return []; // not there yet
    }
  };
  const packages = list(MODULES).flatMap((name) =>
    name.startsWith('@') ? list(join(MODULES, name)).map((part) => join(name, part)) : [name],
  );
  return packages.filter((name) => existsSync(join(MODULES, name, 'package.json'))).length;
}

/** Runs the command on the project's Node, hands signals on, and ends as it ends. */
async function runCommand() {
  const script = command === 'bench' ? 'bench/src/main.ts' : `tools/src/commands/${command}.ts`;
  const child = spawn(chooseNode(), [join(ROOT, script), ...args], {
    cwd: ROOT,
    stdio: 'inherit',
  });
  let isStopping = false;
  const handOn = (signal) => {
    isStopping = true;
    child.kill(signal);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, handOn);
  // When npm is killed in a way that it cannot hand on, nobody is left to stop us.
  const npm = process.ppid;
  const watch = setInterval(() => {
    if (process.env['npm_lifecycle_event'] && process.ppid !== npm && !isStopping) handOn('SIGTERM');
  }, 1_000);
  const code = await ended(child);
  clearInterval(watch);
  return code;
}

function chooseNode() {
  if (existsSync(PROJECT_NODE)) return PROJECT_NODE;
  const [major, minor] = process.versions.node.split('.').map(Number);
  // From here on Node runs TypeScript as it is.
  if (major > 22 || (major === 22 && minor >= 18)) return process.execPath;
  console.error(
    `Node 24 does not come with the packages for ${process.platform} on ${process.arch}, and this is Node ` +
      `${process.versions.node}. Install Node 24 (https://nodejs.org) and run the command with it.`,
  );
  return process.exit(1);
}

function ended(child) {
  return new Promise((resolve) => {
    child.once('error', (error) => {
      console.error(error.message);
      resolve(1);
    });
    child.once('close', (code, signal) => resolve(code ?? (signal === 'SIGINT' ? 130 : 1)));
  });
}
