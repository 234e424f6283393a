import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Container } from '../driver';
import { ContainerLinks, readLink } from './container-links';

const running: Container = {
  ...{ id: 'c1', name: 'c1', labels: {}, ports: [] },
  ...{ state: 'running', address: '172.17.0.2' },
};
const gone = () => Promise.reject(Object.assign(new Error('gone'), { code: 'ENOENT' }));

describe('the link of a container', () => {
  it('is read through its process', async () => {
    const links = new ContainerLinks(async (pid) => pid + 1);
    expect(await links.complete(running, 41)).toEqual({ ...running, link: 42 });
  });

  it('is not known where none can be seen, and the address is all there is', async () => {
    expect(await new ContainerLinks(gone).complete(running, 41)).toEqual(running);
  });

  it('is gone with the container: its address may be another one’s already', async () => {
    const links = new ContainerLinks((pid) => (pid === 41 ? Promise.resolve(42) : gone()));
    await links.complete(running, 41);
    expect(await links.complete(running, 43)).toEqual({ ...running, address: undefined });
  });

  it('may be hidden from us though the container is there: then its address is all there is', async () => {
    const hidden = () => Promise.reject(Object.assign(new Error('no'), { code: 'EACCES' }));
    const links = new ContainerLinks((pid) => (pid === 41 ? Promise.resolve(42) : hidden()));
    await links.complete(running, 41);
    expect(await links.complete(running, 43)).toEqual(running);
  });
});

describe('the file of a link', () => {
  let directory: string;
  beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'links-'))));
  afterEach(() => rmSync(directory, { recursive: true }));

  it('is read where it is the kernel’s', async () => {
    const path = '/sys/class/net/lo/iflink';
    expect(await readLink(path)).toBe(Number(readFileSync(path, 'utf8')));
  });

  // An image's volume may be where the kernel's files are expected.
  it.each([
    ['a plain file', (path: string) => writeFileSync(path, '17\n')],
    ['what never ends', (path: string) => symlinkSync('/dev/zero', path)],
    ['what never begins', (path: string) => execFileSync('mkfifo', [path])],
  ])('is not read where it is %s', async (_, make) => {
    const path = join(directory, 'iflink');
    make(path);
    await expect(readLink(path)).rejects.toThrow();
  });
});
