import { auxiliaryImages } from './auxiliary-image';
import { typeCatalog } from './type-catalog';
import type { ServiceType, ServiceTypeFile } from './type-schema';
import { typeSchema } from './type-schema';
import { builtInTypes } from './types/built-in';

const types = typeCatalog();
const debian = { packages: ['greeter', 'greeter-tools'], entrypoint: 'exec greeter "$PORT"\n' };
const typeOf = (image: ServiceTypeFile['image'], more: Partial<ServiceTypeFile> = {}): ServiceType =>
  typeSchema.parse({
    ...{ type: 'greeter', summary: 'Greets', versions: ['2', '1'] },
    ...{ image, ports: [7000], url: 'greet://{host}', ...more },
  });
const dockerfiles = (type: ServiceType, version: string) =>
  auxiliaryImages(type, version).map(({ files }) => files.get('Dockerfile') ?? '');

describe('auxiliaryImages', () => {
  test('is the registry’s image under the type’s entrypoint first, then Debian’s packages under the same', () => {
    const trees = auxiliaryImages(typeOf({ registry: 'example.com/greeter:{version}', debian }), '1');
    const [first = '', second = ''] = trees.map(({ files }) => files.get('Dockerfile') ?? '');
    expect(first).toMatch(/^FROM example\.com\/greeter:1\nUSER 0:0\n/);
    expect(second).toMatch(/^ARG GILLIAM_BASE=\S+\nFROM \$GILLIAM_BASE\nUSER 0:0\n/);
    expect(second).toContain('install -y --no-install-recommends greeter greeter-tools');
    for (const { files } of trees) {
      expect(files.get('entrypoint')).toBe('exec greeter "$PORT"\n');
      expect(files.get('Dockerfile')).toMatch(
        /\nUSER 10001:10001\n[^]*\nENTRYPOINT \["\/bin\/sh", "\S+"\]\n/,
      );
    }
  });

  test('puts files of an image without a shell onto the base image', () => {
    const image = {
      registry: 'example.com/greeter:{version}',
      copy: { '/greeter': '/usr/bin/greeter' },
      debian,
    };
    const [first = ''] = dockerfiles(typeOf(image), '2');
    expect(first).toMatch(
      /^ARG GILLIAM_BASE=\S+\nFROM example\.com\/greeter:2 AS server\nFROM \$GILLIAM_BASE\n/,
    );
    expect(first).toContain('\nCOPY --from=server /greeter /usr/bin/greeter\n');
  });

  test('leaves an image as it is where the type has no entrypoint', () => {
    expect(dockerfiles(typeOf({ registry: 'example.com/greeter:{version}' }), '2')).toEqual([
      'FROM example.com/greeter:2\n',
    ]);
    expect(dockerfiles(typeOf({ dockerfile: 'FROM x:{version}\n' }), '1')).toEqual(['FROM x:1\n']);
  });

  test('refuses a version that Debian does not have, before it installs anything', () => {
    const [text = ''] = dockerfiles(typeOf({ debian }), '1');
    expect(text.indexOf('greeter 1 was asked for, but Debian has $found')).toBeGreaterThan(0);
    expect(text.indexOf('exit 1')).toBeLessThan(text.indexOf('fetch install'));
  });

  test('lets apt try again, and fail where a list is out of reach; a line of ours says so', () => {
    const [text = ''] = dockerfiles(typeOf({ debian }), '2');
    expect(text.match(/apt-get .*/g)).toEqual([
      'apt-get -qq -o Acquire::Retries=4 -o APT::Update::Error-Mode=any -o Acquire::Languages=none "$@" 2>&1) && return 0; \\',
    ]);
    expect(text).toContain(
      'echo "greeter 2 is made of Debian packages, which cannot be fetched from $failed: let the containers',
    );
  });

  test('gives the volumes to the one user that everything runs as', () => {
    const [text = ''] = dockerfiles(typeOf({ debian }, { volumes: { data: '/data', wal: '/wal' } }), '2');
    expect(text).toContain('install -d -o 10001 -g 10001 /data /wal');
  });
});

describe.each(builtInTypes.map((type) => [type.type]))('the type %s', (name) => {
  const type = types.get(name) as ServiceType;

  test('is the same source every time, so that its layers are there the second time', () => {
    const [version = ''] = type.versions;
    expect(auxiliaryImages(type, version)).toEqual(
      auxiliaryImages(typeCatalog().get(name) as ServiceType, version),
    );
  });

  test('can be had from a registry, and without one', () => {
    expect(auxiliaryImages(type, type.versions[0] ?? '')).toHaveLength(2);
    expect(type.image.debian?.versions ?? [type.versions[0]]).toContain(type.versions[0]);
  });

  test('has a port, a check, resources and a URL with its host', () => {
    expect(type.ports).toHaveLength(1);
    expect(type.health).toBeDefined();
    expect(type.resources?.memoryBytes).toBeGreaterThan(0n);
    expect(type.url).toContain('{host}:{port}');
  });

  test('passes its password by the environment only, and its options to its entrypoint', () => {
    const entrypoint = type.image.debian?.entrypoint ?? '';
    expect(entrypoint).not.toContain('{secret}');
    const variables = [
      ...Object.keys(type.env),
      ...Object.values(type.options).flatMap(({ env }) => (env === undefined ? [] : [env])),
    ];
    for (const variable of variables) expect(entrypoint).toContain(`$${variable}`);
  });
});
