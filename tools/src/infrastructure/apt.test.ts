import { parseDepends } from './apt.ts';

describe('parseDepends', () => {
  it('takes the first of alternatives and leaves virtual packages out', () => {
    const output = [
      'rabbitmq-server',
      '  Depends: adduser',
      ' |Depends: erlang-base',
      '  Depends: <erlang-base-hipe>',
      '  Depends: <python3:any>',
      '    python3',
      'erlang-base',
      ' |Depends: libsystemd0',
      '  Depends: libelogind0',
      '  PreDepends: init-system-helpers',
      '  Depends: perl:any',
    ].join('\n');

    expect(parseDepends(output)).toEqual([
      { from: 'rabbitmq-server', to: 'adduser' },
      { from: 'rabbitmq-server', to: 'erlang-base' },
      { from: 'erlang-base', to: 'libsystemd0' },
      { from: 'erlang-base', to: 'init-system-helpers' },
      { from: 'erlang-base', to: 'perl' },
    ]);
  });
});
