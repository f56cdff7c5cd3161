import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { formatFiles, installPackagesTask, logger, type GeneratorCallback, type Tree } from '@nx/devkit';

/**
 * Lays out what was made. What is returned runs when it stands on the disk: the lock file and the links follow the
 * packages, the reference follows the contracts and topologies, and the next steps are said.
 */
export async function finish(tree: Tree, nextSteps: readonly string[]): Promise<GeneratorCallback> {
  await formatFiles(tree);
  const hasPackages = tree.listChanges().some(({ path }) => path.endsWith('package.json'));
  return () => {
    if (hasPackages) afterwards(() => installPackagesTask(tree, true), 'npm install', WRITE_REFERENCE);
    afterwards(() => writeReference(tree.root), WRITE_REFERENCE);
    logger.info(`\nNext:\n${nextSteps.map((step) => `- ${step}`).join('\n')}`);
  };
}

const WRITE_REFERENCE = 'npm run contracts -- docs';

/** @throws Error naming the commands that are left to be run by hand */
function afterwards(step: () => void, ...commands: string[]): void {
  try {
    step();
  } catch (cause) {
    const left = commands.map((command) => `\`${command}\``).join(' and ');
    throw new Error(
      `the files are made, and this step after them has failed: mend what is said above, then run ${left}`,
      { cause },
    );
  }
}

function writeReference(root: string): void {
  const args = [join(root, 'tools/bootstrap.mjs'), 'contracts', 'docs'];
  const { status, error } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
  if (status !== 0) throw new Error(`contracts docs ended with ${status}`, { cause: error });
}
