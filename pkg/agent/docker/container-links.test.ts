import type { Container } from '../driver';
import { ContainerLinks } from './container-links';

const running: Container = {
  ...{ id: 'c1', name: 'c1', labels: {}, ports: [] },
  ...{ state: 'running', address: '172.17.0.2' },
};
const gone = () => Promise.reject(new Error('ENOENT'));

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
});
