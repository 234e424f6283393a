import { InvalidError } from '../base/errors';
import { desiredOf, redis } from './testing';
import { readType, typeCatalog } from './type-catalog';
import { typeSchema } from './type-schema';
import { builtInTypes } from './types/built-in';

const own = (more: string) =>
  `type: own\nsummary: of our own\nversions: ['2', 1.10]\nports: 80\nurl: http://{host}:{port}/\n${more}`;

describe('types of files', () => {
  test('are understood by the schema that those built in are', () => {
    const type = readType({ file: 'own.yml', text: own('image: {registry: "own:{version}"}') });
    expect(type).toMatchObject({ type: 'own', versions: ['2', '1.10'], scale: 1, replicas: false });
  });

  test.each<[string, string, string | RegExp]>([
    ['no image', own('image: {}'), 'own.yml:6:1: image says no image: give registry, debian or dockerfile'],
    [
      'an unknown key',
      own('image: {registry: x}\nport: 80'),
      'own.yml:7:1: port is no key: did you mean ports?',
    ],
    ['what is missing', 'type: own', /own\.yml:1:1: summary is missing/],
    [
      'a URL of what there is not',
      own('image: {registry: x}').replace('{host}', '{hots}'),
      'own.yml:5:1: url has {hots}, which stands for nothing: did you mean "host"?',
    ],
    [
      'options for a command that is not there',
      own('image: {registry: x}\noptions: {a: {summary: x, arguments: [-a]}}'),
      'own.yml:7:1: options has options that are arguments, but no command to add them to',
    ],
    [
      'an option of a reserved name',
      own('image: {registry: x}\noptions: {host: {summary: x}}'),
      /own\.yml:7:11: options\.host is not allowed/,
    ],
  ])('%s is refused', (_name, text, expected) => {
    expect(() => readType({ file: 'own.yml', text })).toThrow(expected);
  });

  test('what is nearer goes first', () => {
    const file = (name: string, summary: string) => ({
      file: name,
      text: own('image: {registry: x}').replace('of our own', summary),
    });
    const types = typeCatalog([[file('far.yml', 'far')], [file('near.yml', 'near')]], [redis]);
    expect(types.names).toEqual(['own', 'redis']);
    expect(types.get('own')?.summary).toBe('near');
    expect(types.get('none')).toBeUndefined();
  });

  test('two of one name side by side are refused', () => {
    const text = own('image: {registry: x}');
    const group = [
      { file: 'a.yml', text },
      { file: 'b.yml', text },
    ];
    expect(() => typeCatalog([group])).toThrow(
      new InvalidError('b.yml and a.yml both describe type own: remove one of them'),
    );
  });
});

test('every built-in type is one', () => {
  for (const type of builtInTypes) expect(() => typeSchema.parse(type)).not.toThrow();
});

describe('what a type makes of a service', () => {
  test('a process with options as arguments, environment and URL', () => {
    const { release, factors } = desiredOf(
      'auxiliary: {_my-db: {type: redis, options: {maxmemory: 64mb, mode: store}, env: {EXTRA: 1}}}',
    );
    expect(factors).toEqual({ '_my-db': 1 });
    expect(release?.processes['_my-db']).toMatchObject({
      command: ['redis-server', '--dir', '/data', '--maxmemory', '64mb'],
      ports: [{ containerPort: 6379 }],
      env: { PASSWORD: '{secret}', MODE: 'store', REDIS_MODE: 'store', EXTRA: '1' },
      volumes: [{ name: 'data', path: '/data' }],
      auxiliary: {
        type: 'redis',
        version: '7',
        options: { maxmemory: '64mb', mode: 'store', database: '0' },
        urlVariable: 'MY_DB_URL',
        url: 'redis://:{secret}@{host}:{port}/0',
        secret: '',
      },
    });
  });

  test('a type without data is scaled as one likes', () => {
    expect(desiredOf('auxiliary: {_out: {type: mail, scale: 3}}').factors).toEqual({ _out: 3 });
  });
});
