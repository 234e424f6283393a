import { InvalidError } from '../base/errors';
import type { Process } from '../gen/gilliam/v1/release';
import { processOfLine } from '../resource/process-of-line';
import { toDesired } from './desired';
import { parseManifest } from './manifest';
import { read, redis, types } from './testing';
import { typeCatalog } from './type-catalog';

/** As a Procfile says them. */
const procfile = {
  web: processOfLine('web', 'serve', [8080]),
  worker: processOfLine('worker', 'work', [8080]),
};

function refined(text: string, processes: Readonly<Record<string, Process>> = procfile) {
  return toDesired(read(text), { formation: 'shop', processes }).release?.processes ?? {};
}

describe('a manifest refines what the source says', () => {
  test('what it leaves out is the Procfile’s', () => {
    const { web, worker } = refined('processes: {web: {grace: 1m, env: {A: b}}}');
    expect(worker).toEqual(procfile.worker);
    expect(web).toEqual({ ...procfile.web, graceMs: 60_000, env: { A: 'b' } });
  });

  test('a script goes before the Procfile’s line, and ports and health stay', () => {
    expect(refined('processes: {web: {script: other}}').web).toEqual({
      ...procfile.web,
      command: ['/bin/sh', '-c', 'exec other'],
    });
  });

  test.each<[string, string, object]>([
    ['no health where none is wanted', '{health: none}', { health: undefined }],
    ['no health without ports', '{ports: []}', { ports: [], health: undefined }],
    ['other ports, and the check of the first one', '{ports: [80]}', { ports: [{ containerPort: 80 }] }],
    ['a check of its own', '{health: /up}', { health: { check: { value: { path: '/up' } } } }],
  ])('%s', (_name, given, expected) => {
    expect(refined(`processes: {web: ${given}}`).web).toMatchObject(expected);
  });

  test('a name that neither knows is told with what was meant', () => {
    expect(() => refined('processes: {wroker: {}}')).toThrow(
      'gilliam.yml:1:13: processes.wroker has no script, and the source has no process of that name: did you mean "worker"?',
    );
  });

  test('needs may be of processes that only the Procfile has', () => {
    expect(refined('processes: {web: {needs: [worker]}}').web?.needs).toEqual(['worker']);
  });

  describe('with an image that is there already', () => {
    const image = `sha256:${'a'.repeat(64)}`;

    test('it says itself what it runs', () => {
      const desired = toDesired(read(`image: ${image}\nprocesses: {web: {ports: [80]}}`));
      expect(desired.release).toMatchObject({
        image,
        processes: { web: { command: [], ports: [{ containerPort: 80 }] } },
      });
    });

    test('a script listens as it does in a Procfile', () => {
      const desired = toDesired(read(`image: ${image}\nprocesses: {web: {script: node web.js}}`));
      expect(desired.release?.processes['web']?.ports).toEqual([{ name: '', containerPort: 8080 }]);
    });
  });
});

test('services get the images that they are given', () => {
  const manifest = read('auxiliary: {_c: {type: redis}}');
  const images = new Map([['_c', { image: `sha256:${'b'.repeat(64)}`, source: 'c'.repeat(64) }]]);
  expect(toDesired(manifest, { images }).release?.processes._c).toMatchObject({
    image: `sha256:${'b'.repeat(64)}`,
    auxiliary: { source: 'c'.repeat(64) },
  });
});

test('what the control plane would refuse is refused here, at its place', () => {
  const text = `processes:\n  web:\n    script: ${'x'.repeat(40_000)}\n`;
  const manifest = parseManifest(text, { file: 'a/gilliam.yml', types });
  expect(() => toDesired(manifest)).toThrow(InvalidError);
  expect(() => toDesired(manifest)).toThrow(
    /^a\/gilliam\.yml:3:5: process web: command is 39 KiB, over the limit/,
  );
});

test('what the control plane lets off where it was there before is left to it', () => {
  const volumes = { ...redis, volumes: { 'a-2-b': '/data' } };
  const manifest = parseManifest('config: {A: "caf\ufffd"}\nauxiliary: {_c: {type: redis}}', {
    file: 'gilliam.yml',
    types: typeCatalog([], [volumes]),
  });
  expect(toDesired(manifest).release).toMatchObject({
    config: { A: 'caf\ufffd' },
    processes: { _c: { volumes: [{ name: 'a-2-b' }] } },
  });
});
