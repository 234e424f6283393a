import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StageConfig } from './config';
import type { Invitation } from './invitation';
import { pathsIn } from './paths';
import { portsOfBlock } from './ports';
import { writePrivateFile } from './private-file';
import { checkProxyAllow, checkRole, isChanged, refuseChange, roleOf, type UpOptions } from './wishes';

const home: StageConfig = {
  ...{ layout: 3, role: 'stage', stage: 'prod', id: '1f2e3d4c', ports: portsOfBlock(4410) },
  network: { routerPorts: { http: 8080, https: 8443 }, virtualRange: '198.18.16.0/20' },
  ...{ hostPortBase: 10_000, executor: { name: 'one', host: 'one' }, etcdBinary: 'etcd' },
  ...{ engine: { owner: 'other' }, baseImage: 'base' },
};
const invitation: Invitation = {
  ...{ stage: 'prod', id: '1f2e3d4c', api: '10.0.0.1:4410', ca: 'PEM', token: 't'.repeat(43) },
  ...{ baseImage: 'base', version: '1.0.0' },
};
const joined: StageConfig = {
  ...home,
  ...{ role: 'executor', address: '10.0.0.2', api: '10.0.0.1:4410' },
  executor: { name: 'two', host: '10.0.0.2' },
};

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'gilliam-wishes-'));
  writePrivateFile(paths().tls.ca, invitation.ca);
  writePrivateFile(paths().executorToken, `${invitation.token}\n`);
});
afterAll(() => rmSync(directory, { recursive: true }));
const paths = () => pathsIn(directory, 'prod');

test.each<[string, UpOptions, StageConfig | undefined, string]>([
  ['a new stage', {}, undefined, 'stage'],
  ['a stage', {}, home, 'stage'],
  ['a new machine of a stage', { joining: { invitation } }, undefined, 'executor'],
  ['a machine that has joined', {}, joined, 'executor'],
])('what a machine is to be: %s', (_, options, config, role) => expect(roleOf(options, config)).toBe(role));

test.each<[string, UpOptions, StageConfig, string]>([
  ['the home of the stage joins', { joining: { invitation } }, home, 'is the home of a stage prod itself'],
  [
    'a machine joins two stages of one name',
    { joining: { invitation: { ...invitation, id: 'other' } } },
    joined,
    'has joined another stage that is called prod: leave it first',
  ],
  ['a machine that has joined opens the stage', { address: '10.0.0.2' }, joined, '"gilliam join --address"'],
])('refused: %s', (_, options, config, message) => {
  expect(() => checkRole(options, config)).toThrow(message);
});

test.each<[string, UpOptions, StageConfig | undefined, boolean]>([
  ['nothing is wished for', {}, home, false],
  ['a new stage', { address: '10.0.0.1' }, undefined, false],
  ['a stage is opened', { address: '10.0.0.1' }, home, true],
  ['at another address', { address: '10.0.0.9' }, { ...home, address: '10.0.0.1' }, true],
  ['it is open', { address: '10.0.0.1' }, { ...home, address: '10.0.0.1' }, false],
  ['other hosts are to be reached', { proxyAllow: '*.b' }, { ...home, proxyAllow: '*.a' }, true],
  ['the same hosts', { proxyAllow: '*.a' }, { ...home, proxyAllow: '*.a' }, false],
  ['nothing is said of hosts', { proxyAllow: '' }, { ...home, proxyAllow: '*.a' }, false],
  ['a machine joins again', { address: '10.0.0.2', joining: { invitation, name: 'two' } }, joined, false],
  ['under another name', { joining: { invitation, name: 'three' } }, joined, true],
  ['the stage is elsewhere', { joining: { invitation: { ...invitation, api: 'b:1' } } }, joined, true],
  ['by another authority', { joining: { invitation: { ...invitation, ca: 'PEM2' } } }, joined, true],
  ['by another token', { joining: { invitation: { ...invitation, token: 'u'.repeat(43) } } }, joined, true],
])('processes are told something else: %s', (_, options, config, changed) => {
  expect(isChanged(options, config, paths())).toBe(changed);
});

test.each<[string, UpOptions, StageConfig, RegExp | undefined]>([
  ['what it has', { port: 4410, httpPort: 8080, host: 'one' }, home, undefined],
  ['another port', { port: 4420 }, home, /up with another --port: "gilliam down" first, then up with it/],
  ['two others', { httpPort: 80, httpsPort: 443 }, home, /another --http-port and --https-port/],
  ['another host', { host: 'two' }, home, /another --host/],
  ['another host, while it is opened', { host: 'two', address: '10.0.0.1' }, home, undefined],
  ['other ports of instances', { hostPortBase: 20_000 }, joined, /--host-port-base: .* then join with it/],
])('a stage that is up is given %s', (_, options, config, message) => {
  const give = () => refuseChange(options, config);
  if (message) expect(give).toThrow(message);
  else expect(give).not.toThrow();
});

test('hosts that no proxy could be told of are refused before they are kept', () => {
  for (const list of [undefined, '', '*', ' *.a.org, 10.0.0.0/8 b:443 ']) {
    expect(() => checkProxyAllow(list)).not.toThrow();
  }
  expect(() => checkProxyAllow('*.a.org, a*b')).toThrow('GILLIAM_PROXY_ALLOW: "a*b" is no rule');
});
