import { spawn, type ChildProcess } from 'node:child_process';

/**
 * Stops the processes that it was told of when its owner is gone, even when the owner was killed with SIGKILL:
 * it reads its orders from a pipe that only the owner holds, and the kernel closes that pipe.
 *
 * Orders: `+ <pid> <signal>` and `- <pid>`. What is still there after a while is killed. (A shell, because it
 * costs a megabyte where another Node would cost fifty.)
 */
const SCRIPT = `
trap '' HUP INT TERM
held=
while read -r order pid signal; do
  if [ "$order" = + ]; then held="$held $pid:$signal"; continue; fi
  rest=
  for one in $held; do [ "\${one%:*}" = "$pid" ] || rest="$rest $one"; done
  held=$rest
done
for one in $held; do kill -s "\${one#*:}" "\${one%:*}" 2>/dev/null; done
tries=0
while [ $tries -lt 100 ]; do
  alive=
  for one in $held; do kill -0 "\${one%:*}" 2>/dev/null && alive=1; done
  [ -n "$alive" ] || exit 0
  sleep 0.1
  tries=$((tries + 1))
done
for one in $held; do kill -s KILL "\${one%:*}" 2>/dev/null; done
`;

let guard: ChildProcess | undefined;

/** From now on the process `pid` gets `signal` when this process ends in whatever way. */
export function guardProcess(pid: number, signal: NodeJS.Signals): void {
  order(`+ ${pid} ${signal.replace(/^SIG/, '')}`);
}

/** The process `pid` has ended or was given away. */
export function releaseProcess(pid: number): void {
  order(`- ${pid}`);
}

function order(line: string): void {
  guard ??= startGuard();
  guard.stdin?.write(`${line}\n`);
}

function startGuard(): ChildProcess {
  const child = spawn('/bin/sh', ['-c', SCRIPT], {
    cwd: '/',
    detached: true, // out of reach of the Ctrl-C that ends its owner
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  child.on('error', (error) => process.emitWarning(`Child processes are not guarded: ${error.message}`));
  child.stdin?.on('error', () => {
    guard = undefined; // the guard itself was killed; the next order starts another
  });
  // Neither the process nor its pipe may keep the owner from ending.
  child.unref();
  (child.stdin as unknown as { unref?: () => void } | null)?.unref?.();
  return child;
}
