import { execFile } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { BuilderRig } from '../testing/builder-rig';
import { hostBuildArgs, hostCaBundle } from './host-settings';
import { filesBelow } from './testing';

const run = promisify(execFile);
const root = resolve(__dirname, '../..');

/** Prints the smallest package there can be, in base64. */
const MAKE_WHEEL = `
import base64, io, zipfile
out = io.BytesIO()
with zipfile.ZipFile(out, 'w') as wheel:
    wheel.writestr('greet.py', 'print("greetings")')
    wheel.writestr('greet-1.dist-info/METADATA', 'Metadata-Version: 2.1\\nName: greet\\nVersion: 1\\n')
    wheel.writestr('greet-1.dist-info/WHEEL', 'Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')
    wheel.writestr('greet-1.dist-info/RECORD', '')
print(base64.b64encode(out.getvalue()).decode())
`;

jest.setTimeout(300_000);

const rig = new BuilderRig();
const { baseImage, stage } = rig;
beforeAll(() => rig.prepare());
afterAll(() => rig.close());

describe('apps that are detected', () => {
  it.each([
    ['hello', 'node', '200 Howdy from web of no release on port 8080'],
    ['python-hello', 'python', '200 Howdy from web of no release on port 8080'],
    ['static', 'static', '<h1>Hello from static files</h1>'],
  ])('builds examples/%s, which then serves', async (example, kind, answer) => {
    const built = await rig.build(example, await filesBelow(join(root, 'examples', example)));
    expect(built.plan?.kind).toBe(kind);
    expect(built.result?.image).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(Number(built.result?.imageBytes)).toBeGreaterThan(1e6);
    expect(await rig.ask(built)).toContain(answer);
    expect(await rig.tagsOf(example)).toEqual([
      `gilliam/${stage}/${example}:${built.result?.image.slice(7, 19)}`,
    ]);
    const { Config } = await rig.docker.getImage(built.result?.image ?? '').inspect();
    expect(Config.User).toBe('10001:10001');
    // Containers inherit the labels of their image, and by its labels an agent knows its own containers.
    expect(Object.keys(Config.Labels ?? {})).not.toContain('gilliam.stage');
  });

  it('installs packages from a wheel in the tree', async () => {
    const wheel = await rig.inImage(baseImage, ['python', '-c', MAKE_WHEEL]);
    const built = await rig.build('wheel', {
      Procfile: 'web: python app.py\n',
      'app.py': 'import greet',
      'requirements.txt': './greet-1-py3-none-any.whl\n',
      'greet-1-py3-none-any.whl': Buffer.from(wheel, 'base64'),
    });
    expect(await rig.inImage(built.result?.image, ['python', 'app.py'])).toBe('greetings');
  });

  it('builds an app with a Procfile that others have published, unchanged', async () => {
    const directory = join(rig.directory, 'published');
    mkdirSync(directory);
    await run('npm', ['pack', '--silent', 'cors-anywhere@0.4.4'], { cwd: directory });
    await run('sh', ['-c', 'tar -xzf *.tgz'], { cwd: directory });
    const files = await filesBelow(join(directory, 'package'));
    rmSync(directory, { recursive: true });
    const built = await rig.build('published', files, {
      builder: rig.builder({
        caBundle: await hostCaBundle(process.env),
        buildArgs: hostBuildArgs(process.env),
      }),
    });
    expect(built.plan).toMatchObject({
      kind: 'node',
      processes: { web: { command: ['/bin/sh', '-c', 'exec node server.js'] } },
    });
    expect(await rig.ask(built)).toMatch(/^200 This API enables cross-origin requests to anywhere/);
  });

  it('runs a script that is brought along', async () => {
    const built = await rig.build('plain', {
      Procfile: 'worker: sh run.sh\n',
      'run.sh': 'echo I am $(id -un) in $(pwd); touch mine && rm mine\n',
    });
    expect(await rig.inImage(built.result?.image, ['sh', 'run.sh'])).toBe('I am app in /app');
  });

  it('gives the image nothing of the builder but what it names', async () => {
    const built = await rig.build('clean', { Procfile: 'web: ./run\n', run: '#!/bin/sh\n' });
    expect(await rig.inImage(built.result?.image, ['find', '.gilliam', '-type', 'f'])).toBe(
      '.gilliam/Dockerfile',
    );
  });
});

describe('dependencies', () => {
  it('are not installed again when only the source changes, and come through a private CA', async () => {
    const files = await filesBelow(join(root, 'examples/express-hello'));
    const settings = {
      caBundle: await hostCaBundle(process.env),
      buildArgs: hostBuildArgs(process.env),
    };
    // What this run alone has makes the first build do everything.
    const manifest = files['package.json']?.replace('express-hello', `express-${stage}`) ?? '';
    const first = await rig.build(
      'express',
      { ...files, 'package.json': manifest },
      { builder: rig.builder(settings) },
    );
    expect(first.output).toMatch(/added \d+ packages/);
    expect(await rig.ask(first)).toBe('200 Howdy from Express on port 8080');

    const changed = `${files['server.js']}// one more line\n`;
    const second = await rig.build(
      'express',
      { ...files, 'package.json': manifest, 'server.js': changed },
      { builder: rig.builder(settings) },
    );
    expect(second.steps).toEqual(first.steps);
    expect(second.output).not.toMatch(/added \d+ packages/);
    expect(second.output.match(/Using cache/g)?.length).toBeGreaterThanOrEqual(first.steps.length - 2);
    expect(second.result?.image).not.toBe(first.result?.image);

    const { Config } = await rig.docker.getImage(second.result?.image ?? '').inspect();
    expect(Config.Env?.join('\n')).not.toMatch(/CERT|CA_BUNDLE|PROXY/i);
  });

  it('reach builds of own Dockerfiles that name them', async () => {
    const built = await rig.build(
      'own-ca',
      {
        Dockerfile: `FROM ${baseImage}\nCOPY .gilliam/ca.crt /ca.crt\nRUN echo "proxy is $HTTP_PROXY"\nCMD ["true"]\n`,
      },
      {
        builder: rig.builder({ caBundle: '-----a bundle-----\n', buildArgs: { HTTP_PROXY: 'http://proxy' } }),
      },
    );
    expect(await rig.inImage(built.result?.image, ['cat', '/ca.crt'])).toBe('-----a bundle-----');
    expect(built.output).toContain('proxy is http://proxy');
  });
});

describe('own Dockerfiles', () => {
  it('are used unchanged, with their port and command', async () => {
    const dockerfile = `FROM ${baseImage}\nEXPOSE 3000\nCOPY . /srv\nCMD ["node", "/srv/web.js"]\n`;
    const built = await rig.build('own', { Dockerfile: dockerfile, 'web.js': 'console.log("mine")' });
    expect(built.plan).toMatchObject({ kind: 'dockerfile', dockerfile });
    expect(built.result?.processes['web']).toMatchObject({ command: [], ports: [{ containerPort: 3000 }] });
    expect(await rig.inImage(built.result?.image, [])).toBe('mine');
  });

  it('take the port that their base image exposes', async () => {
    const base = await rig.build('own-base', {
      Dockerfile: `FROM ${baseImage}\nEXPOSE 4000\nCMD ["true"]\n`,
    });
    const built = await rig.build('own-derived', { Dockerfile: `FROM ${base.result?.image}\n` });
    expect(built.plan?.processes['web']?.ports).toMatchObject([{ containerPort: 8080 }]);
    expect(built.result?.processes['web']?.ports).toMatchObject([{ containerPort: 4000 }]);
  });

  it('see the tree without what .dockerignore leaves out', async () => {
    const built = await rig.build('ignore', {
      Dockerfile: `FROM ${baseImage}\nCOPY . /srv\nCMD ["true"]\n`,
      '.dockerignore': 'secret\n*.log\n!kept.log\n',
      'secret/key': 'x',
      'a.log': 'x',
      'kept.log': 'x',
      'z.js': 'x',
    });
    const found = await rig.inImage(built.result?.image, ['find', '/srv', '-type', 'f']);
    expect(found.split('\n').sort()).toEqual([
      '/srv/.dockerignore',
      '/srv/Dockerfile',
      '/srv/kept.log',
      '/srv/z.js',
    ]);
  });

  it('need a command', async () => {
    await expect(rig.build('no-command', { Dockerfile: `FROM ${baseImage}\n` })).rejects.toThrow(
      'the image has no command: add CMD to the Dockerfile, or a Procfile',
    );
    expect(await rig.tagsOf('no-command')).toEqual([]);
  });
});
