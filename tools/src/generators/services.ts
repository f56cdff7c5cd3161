import type { Tree } from '@nx/devkit';
import ts from 'typescript';
import { asObject, property, Source } from './source.ts';

/** Names of the apps that say what they have on the broker, as `npm run topology` finds them. */
export function servicesIn(tree: Tree): string[] {
  return tree
    .children('apps')
    .filter((app) => tree.exists(topologyOf(app)))
    .sort();
}

export const topologyOf = (service: string): string => `apps/${service}/src/topology.ts`;
export const moduleOf = (service: string): string => `apps/${service}/src/app.module.ts`;

/** @throws Error naming the services that there are, and `option`, which was to name one */
export function assertService(tree: Tree, service: string | undefined, option: string): asserts service {
  const services = servicesIn(tree);
  if (service !== undefined && services.includes(service)) return;
  const wrong =
    service === undefined ? `say which service: --${option}=<service>` : `there is no service "${service}"`;
  throw new Error(
    `${wrong}. There are: ${services.join(', ')}. A new one is made by: npx nx g @warren/tools:service <name>`,
  );
}

/** The variable that `defineService` of a service is exported as. */
export function definitionName(tree: Tree, service: string): string {
  const source = new Source(tree, moduleOf(service));
  const declaration = source.find(
    ts.isVariableDeclaration,
    ({ initializer }) =>
      initializer !== undefined &&
      ts.isCallExpression(initializer) &&
      initializer.expression.getText() === 'defineService',
  );
  return source.need(declaration, 'defineService').name.getText();
}

/** Whether a service does not start without variables that its config.ts gives no default for. */
export function needsVariables(tree: Tree, service: string): boolean {
  const path = `apps/${service}/src/config.ts`;
  if (!tree.exists(path)) return false;
  const environment = asObject(new Source(tree, path).variable('environment'));
  return (environment?.properties ?? []).some((variable) => {
    if (!ts.isPropertyAssignment(variable) || !ts.isCallExpression(variable.initializer)) return false;
    const options = asObject(variable.initializer.arguments.at(-1));
    return !options || property(options, 'default') === undefined;
  });
}
