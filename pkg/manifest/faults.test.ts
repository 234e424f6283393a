import { InvalidError } from '../base/errors';
import { faultsOf, read } from './testing';

const web = (more: string) => `processes:\n  web:\n    script: serve\n${more}`;

describe('what is wrong is told with line, column and what was meant', () => {
  test.each<[string, string, string | RegExp]>([
    [
      'an unknown key',
      'processes:\n  web:\n    scrip: x\n',
      'gilliam.yml:3:5: processes.web.scrip is no key: did you mean script?',
    ],
    [
      'an unknown key that resembles none',
      'vegetables: green\n',
      /^gilliam\.yml:1:1: vegetables is no key: there are formation, source, /,
    ],
    [
      'an unknown key of a nested mapping',
      web('    resources: {cpus: 1}'),
      'gilliam.yml:4:17: processes.web.resources.cpus is no key: did you mean cpu?',
    ],
    [
      'a wrong type',
      'processes:\n  web: {script: [1]}',
      'gilliam.yml:2:9: processes.web.script must be text, and is a list',
    ],
    [
      'a wrong type of several',
      web('    ports: web'),
      'gilliam.yml:4:5: processes.web.ports must be a whole number, a list or a mapping, and is text',
    ],
    [
      'a part of a number for a whole one',
      web('    scale: 1.5'),
      'gilliam.yml:4:5: processes.web.scale must be a whole number or a mapping, and is 1.5',
    ],
    ['a number for the file', '5', 'gilliam.yml:1:1: the file must be a mapping, and is a number'],
    [
      'a list for a mapping',
      'processes: [web]',
      'gilliam.yml:1:1: processes must be a mapping, and is a list',
    ],
    [
      'routes as a list, with the form that they have',
      'formation: shop\nroutes:\n  - {pattern: shop.com/, target: web}',
      'gilliam.yml:2:1: routes must be a mapping, and is a list: write routes: { shop.example/: web }',
    ],
    [
      'another mapping as a list',
      'imports: [web.accounts]',
      'gilliam.yml:1:1: imports must be a mapping, and is a list: write imports: { users: web.accounts }',
    ],
    [
      'nothing for a mapping',
      'processes: {web: }',
      'gilliam.yml:1:13: processes.web is empty: it must be a mapping',
    ],
    ['nothing at all', '# nothing\n', 'gilliam.yml is empty: write at least processes: into it'],
    ['a tab', 'processes:\n\tweb: x', 'gilliam.yml:2:1: a tab indents this line: YAML takes spaces only'],
    [
      'a duplicate key',
      'processes:\n  web: {script: a}\n  web: {script: b}',
      'gilliam.yml:3:3: processes.web is given twice: it is already at gilliam.yml:2:3',
    ],
    [
      'a second document',
      'formation: a\n---\nformation: b',
      /^gilliam\.yml:2:1: a second document begins here/,
    ],
    [
      'a tag of its own',
      'formation: !secret x',
      'gilliam.yml:1:12: tags are not taken: write the value without "!secret"',
    ],
    [
      'a tag of bytes',
      'formation: !!binary eA==',
      'gilliam.yml:1:21: formation has a tag: write the value without it',
    ],
    ['a key that is no text', '? [a]\n: b', 'gilliam.yml:1:3: has a key that is no text'],
    [
      'a key that would vanish',
      'processes:\n  __proto__: {script: x}',
      'gilliam.yml:2:3: processes has a key __proto__: choose another name',
    ],
    [
      'an alias to nothing',
      'formation: *name',
      'gilliam.yml:1:12: formation is *name, but there is no &name before it',
    ],
    [
      'an alias to what it is in',
      'x-a: &a [*a]',
      /^gilliam\.yml:1:10: .* is \*a, which it is a part of itself$/,
    ],
    ['a merge key of no mapping', web('    <<: 5'), /takes over from a mapping: write <<: \*name/],
    ['an open quote', "formation: 'x", /^gilliam\.yml:1:\d+: is not YAML: missing closing 'quote/],
    [
      'no length of time',
      web('    grace: 5'),
      'gilliam.yml:4:5: processes.web.grace is not a length of time: write 500ms, 30s, 5m, 2h or 1d',
    ],
    [
      'no size',
      web('    resources: {memory: 5}'),
      /^gilliam\.yml:4:17: processes\.web\.resources\.memory is not a size: write 512Mi/,
    ],
    [
      'a port that is none',
      web('    ports: [80, 99999]'),
      'gilliam.yml:4:17: processes.web.ports[1] must be a whole number from 1 to 65,535',
    ],
    [
      'min above max',
      web('    scale: {min: 5, max: 2, target: {cpu: 60%}}'),
      'gilliam.yml:4:13: processes.web.scale.min is 5, which is more than max, 2',
    ],
    [
      'a scale without a target',
      web('    scale: {min: 1, max: 2, target: {}}'),
      /processes\.web\.scale\.target is empty: give cpu, memory, rps or p95/,
    ],
    [
      'a requirement that does not compile',
      web("    requirements: ['tags.x == 1 &&']"),
      'gilliam.yml:4:35: processes.web.requirements[0] "tags.x == 1 &&": column 15: the expression ends too early',
    ],
    [
      'a requirement of the wrong type',
      web('    requirements: ncont + 1'),
      'gilliam.yml:4:19: processes.web.requirements "ncont + 1": column 1: is int, but must be true or false',
    ],
    [
      'a rank of an unknown variable',
      web('    rank: -ncnt'),
      'gilliam.yml:4:12: processes.web.rank "-ncnt": column 2: unknown variable ncnt: did you mean "ncont"?',
    ],
    [
      'a cron line that never fires',
      'cron:\n  n: {schedule: 0 0 31 2 *, script: x}',
      /^gilliam\.yml:2:7: cron\.n: schedule "0 0 31 2 \*" never fires/,
    ],
    [
      'a time zone that is none',
      'cron:\n  n: {schedule: "@daily", time_zone: Mars, script: x}',
      /^gilliam\.yml:2:27: cron\.n: time zone "Mars" is not known/,
    ],
    [
      'a cron job of no process',
      'cron:\n  n: {schedule: "@daily", script: x, process: wbe}\nprocesses: {web: {script: x}}',
      'gilliam.yml:2:38: cron.n.process is wbe, which is no process: did you mean "web"?',
    ],
    [
      'needs in a circle',
      'processes: {web: {script: x, needs: api}, api: {script: y, needs: [web]}}',
      'gilliam.yml:1:30: needs go round in a circle: web → api → web',
    ],
    [
      'needs of nothing',
      web('    needs: [_cahe]\nauxiliary: {_cache: {type: redis}}'),
      /^gilliam\.yml:4:13: process web needs "_cahe", which is not there: did you mean "_cache"\?$/,
    ],
    [
      'a type that does not exist',
      'auxiliary:\n  _c: {type: reddis}',
      'gilliam.yml:2:8: auxiliary._c.type is reddis, which is no type there is: did you mean "redis"?',
    ],
    [
      'a version that does not exist',
      'auxiliary:\n  _c: {type: redis, version: 1.10}',
      'gilliam.yml:2:21: auxiliary._c.version is 1.10, but redis comes in 7, 6',
    ],
    [
      'an auxiliary service with a volume above 1',
      'auxiliary:\n  _c: {type: redis, scale: 2}',
      /^gilliam\.yml:2:21: auxiliary\._c\.scale is 2, but each instance of redis has a volume of its own/,
    ],
    [
      'an option that does not exist',
      'auxiliary:\n  _c: {type: redis, options: {maxmem: 3}}',
      'gilliam.yml:2:31: auxiliary._c.options.maxmem is no option of redis: did you mean "maxmemory"?',
    ],
    [
      'an option of the wrong form',
      'auxiliary:\n  _c: {type: redis, options: {maxmemory: 3}}',
      'gilliam.yml:2:31: auxiliary._c.options.maxmemory is "3", which is not of the form [0-9]+mb',
    ],
    [
      'an option of the wrong value',
      'auxiliary:\n  _c: {type: redis, options: {mode: x}}',
      'gilliam.yml:2:31: auxiliary._c.options.mode is x, but must be one of cache, store',
    ],
    [
      'an auxiliary service among processes',
      'processes:\n  _c: {script: x}',
      'gilliam.yml:2:3: processes._c is no process: a leading _ is for auxiliary services, put it below auxiliary',
    ],
    [
      'a process among auxiliary services',
      'auxiliary:\n  c: {type: redis}',
      'gilliam.yml:2:3: auxiliary.c is no auxiliary service: its name begins with _, as in _cache',
    ],
    [
      'a name that is reserved',
      'processes:\n  run: {script: x}',
      'gilliam.yml:2:3: processes.run is what gilliam run calls its instances: choose another name',
    ],
    [
      'a name that is none',
      'processes:\n  Web: {script: x}',
      /^gilliam\.yml:2:3: processes\.Web is not allowed as a name: use 1 to 63/,
    ],
    [
      'a process without a script',
      'processes:\n  web: {}',
      'gilliam.yml:2:3: processes.web has no script, and the source has no process of that name',
    ],
    [
      'a script and a command',
      web('    command: x'),
      'gilliam.yml:4:5: processes.web.command has a script and a command: give one of them',
    ],
    [
      'two checks of health',
      web('    health: {http: /, tcp: 80}'),
      'gilliam.yml:4:5: processes.web.health checks one thing: give http, tcp or command',
    ],
    [
      'a route pattern that is none',
      `${web('')}routes:\n  a.b/{x: web\n`,
      /^gilliam\.yml:5:3: routes: pattern, column \d+: /,
    ],
    [
      'a route to no service',
      `${web('')}routes:\n  a.b/: wbe\n`,
      'gilliam.yml:5:9: routes."a.b/".target leads to wbe, which this formation does not have: did you mean "web"?',
    ],
    [
      'a variable that is reserved',
      web('    env: {GILLIAM_X: 1}'),
      /^gilliam\.yml:4:11: env name "GILLIAM_X" is reserved/,
    ],
    [
      'an empty variable',
      web('    env: {A: }'),
      'gilliam.yml:4:11: processes.web.env.A is empty: it must be text, a number or true or false',
    ],
    [
      'a share of a process',
      'shares: {web: [a]}',
      'gilliam.yml:1:10: shares.web is a process, which every formation may use: leave it out',
    ],
    [
      'an import of a formation’s own',
      'formation: shop\nimports: {users: web.shop}',
      /^gilliam\.yml:2:11: imports\.users is web\.shop, which is of this formation itself/,
    ],
    [
      'a canary of more than all',
      'rollout: {canary: 200%}',
      'gilliam.yml:1:11: rollout.canary is not a share of the whole: write 1% to 100%',
    ],
    [
      'a source outside',
      'source: ../other',
      /^gilliam\.yml:1:1: source is not a directory below that of this file/,
    ],
  ])('%s', (_name, text, expected) => {
    const [first, ...more] = faultsOf(text);
    if (typeof expected === 'string') expect(first).toBe(expected);
    else expect(first).toMatch(expected);
    expect(more).toEqual([]);
  });

  test('all of it at once, from the top', () => {
    const text = 'processes:\n  web:\n    scrip: x\n    grace: y\n  api:\n    script: 5\nformation: A\n';
    expect(faultsOf(text).map((each) => each.split(' ')[0])).toEqual([
      'gilliam.yml:3:5:',
      'gilliam.yml:4:5:',
      'gilliam.yml:6:5:',
      'gilliam.yml:7:1:',
    ]);
    expect(() => read(text)).toThrow(/\(and 3 more faults\)$/);
  });
});

test('a fault is an InvalidError', () => {
  expect(() => read('a: [')).toThrow(InvalidError);
});
