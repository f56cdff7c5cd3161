import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { ROOT } from '../config.ts';
import { SERVICES } from '../provision/rights.ts';

interface ComposeService {
  image?: string;
  environment?: Record<string, string>;
  build?: { context: string; dockerfile: string; target: string; args?: { APP: string } };
  entrypoint?: string[];
  depends_on?: Record<string, { condition: string }>;
  ports?: string[];
  volumes?: string[];
  healthcheck?: { test?: string[] };
}

interface Compose {
  services: Record<string, ComposeService>;
  volumes: Record<string, unknown>;
}

// No Docker is needed to run the tests, so this looks at what can be wrong in the file itself.
const compose = parse(readFileSync(join(ROOT, 'docker-compose.yml'), 'utf8'), { merge: true }) as Compose;
const services = Object.entries(compose.services);
const dockerfile = readFileSync(join(ROOT, 'infra/docker/Dockerfile'), 'utf8');

describe('docker-compose.yml', () => {
  it('runs every service from an image that is built for it', () => {
    for (const service of SERVICES) {
      for (const name of [service, `declare-${service}`]) {
        expect(compose.services[name]?.image).toBe(`warren/${service}`);
        expect(compose.services[name]?.build?.args?.APP).toBe(service);
        expect(compose.services[name]?.entrypoint).toContain(`--env-file=/credentials/${service}.env`);
      }
    }
  });

  it("gives provider and services of payments the same secrets, and services nobody else's", () => {
    const variables = (name: string) => compose.services[name]?.environment ?? {};
    const sandbox = variables('payment-sandbox');
    expect(sandbox['WARREN_SANDBOX_API_KEY']).toMatch(/^\$\{WARREN_PAYMENT_API_KEY:-.{16,}\}$/);
    const [, secret = ''] = /:-whsec_(.+)\}$/.exec(sandbox['WARREN_SANDBOX_CALLBACK_SECRET'] ?? '') ?? [];
    const { length } = Buffer.from(secret, 'base64');
    expect(length >= 24 && length <= 64).toBe(true);
    for (const service of SERVICES) {
      expect([service, variables(service)['WARREN_PAYMENT_CALLBACK_SECRETS']]).toEqual([
        service,
        service === 'gateway' ? sandbox['WARREN_SANDBOX_CALLBACK_SECRET'] : undefined,
      ]);
      expect([service, variables(service)['WARREN_PAYMENT_API_KEY']]).toEqual([
        service,
        service === 'order-service' ? sandbox['WARREN_SANDBOX_API_KEY'] : undefined,
      ]);
    }
  });

  it('runs the payment sandbox, which keeps its payments and knows none of the accounts', () => {
    const { image, build, volumes } = compose.services['payment-sandbox']!;
    expect([image, build?.args?.APP]).toEqual(['warren/payment-sandbox', 'payment-sandbox']);
    const directory = compose.services['payment-sandbox']!.environment!['WARREN_SANDBOX_DIRECTORY']!;
    expect(volumes).toEqual([`payments:${directory}`]);
    expect(dockerfile).toMatch(new RegExp(`install -d -o node -g node .*${directory}`));
  });

  it('pins the version of every image that it does not build', () => {
    for (const [, { image = '' }] of services) {
      if (!image.startsWith('warren/')) expect(image).toMatch(/:v?\d+\.\d+/);
    }
    expect(dockerfile).toMatch(/^ARG NODE_IMAGE=node:24\.\d+\.\d+-/m);
  });

  it('builds from files and stages that exist', () => {
    for (const [, { build }] of services) {
      if (!build) continue;
      expect(existsSync(join(ROOT, build.context, build.dockerfile))).toBe(true);
      expect(dockerfile).toContain(` AS ${build.target}\n`);
    }
  });

  it('waits only for services that are there, in a way that can come true', () => {
    for (const [name, { depends_on: dependencies = {} }] of services) {
      for (const [dependency, { condition }] of Object.entries(dependencies)) {
        const target = compose.services[dependency];
        expect([name, dependency, target !== undefined]).toEqual([name, dependency, true]);
        const isChecked = target?.healthcheck?.test !== undefined || target?.image?.startsWith('warren/');
        if (condition === 'service_healthy') expect([dependency, isChecked]).toEqual([dependency, true]);
      }
    }
  });

  it('publishes ports on this machine only, and no port twice', () => {
    const ports = services.flatMap(([, { ports: own = [] }]) => own);
    for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
    expect(new Set(ports).size).toBe(ports.length);
  });

  it('declares every named volume', () => {
    const used = services.flatMap(([, { volumes = [] }]) =>
      volumes.map((volume) => volume.split(':')[0] ?? ''),
    );
    expect(new Set(used)).toEqual(new Set(Object.keys(compose.volumes)));
  });
});
