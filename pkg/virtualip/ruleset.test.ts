import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Frame, renderChanges, renderTable, type Services, type VirtualService } from './ruleset';

const frame: Frame = {
  table: 'gilliam_test',
  range: '198.18.16.0/20',
  resolver: { address: '198.18.16.1', target: { address: '172.17.0.1', port: 4413 } },
};

function service(name: string, address: string, port: number, ...endpoints: string[]): VirtualService {
  return {
    name,
    address,
    port,
    endpoints: endpoints.map((text) => {
      const [to = '', at] = text.split(':');
      return { address: to, port: Number(at) };
    }),
  };
}

const web = 'web.shop.service';
const cache = '_cache.shop.service';
const services = (...lists: VirtualService[][]): Services =>
  new Map(lists.map((list) => [(list[0] as VirtualService).name, list]));
const webBoth = [
  service(web, '198.18.16.5', 80, '172.17.0.2:8080', '192.0.2.7:10000'),
  service(web, '198.18.16.5', 8080, '172.17.0.2:8080', '192.0.2.7:10000'),
];
const webOne = [service(web, '198.18.16.5', 8080, '172.17.0.2:8080')];
const redis = [service(cache, '198.18.16.9', 6379, '172.17.0.3:6379')];

/** `UPDATE_GOLDEN=1 npx jest …` writes them anew. */
function expectGolden(file: string, text: string): void {
  const path = join(__dirname, 'testdata', file);
  if (process.env.UPDATE_GOLDEN) writeFileSync(path, text);
  expect(text).toBe(readFileSync(path, 'utf8'));
}

describe('rules', () => {
  it('of a table without services', () => {
    expectGolden('empty.nft', renderTable({ table: 'gilliam_test', range: '198.18.16.0/20' }, new Map()));
  });

  it('of a table with services', () => {
    expectGolden('services.nft', renderTable(frame, services(webBoth, redis)));
  });

  it('of a change: one endpoint less, a port less, a service more', () => {
    expectGolden('change.nft', renderChanges(frame.table, services(webBoth), services(webOne, redis)));
  });

  it('of the last endpoint’s end: connections are refused', () => {
    expect(renderChanges(frame.table, services(redis), new Map())).toBe(
      'add chain ip gilliam_test to_198_18_16_9_6379\nflush chain ip gilliam_test to_198_18_16_9_6379\n',
    );
  });

  it('of an address that goes to another name: what was there is emptied first', () => {
    const other = [service('a.b.service', '198.18.16.9', 6379, '172.17.0.8:1')];
    const script = renderChanges(frame.table, services(redis), services(other));
    expect(script.lastIndexOf('flush chain')).toBeLessThan(script.indexOf('add rule'));
  });

  it('are not touched where nothing has changed', () => {
    const same = services(
      webBoth.map((one) => ({ ...one })),
      redis,
    );
    expect(renderChanges(frame.table, services(webBoth, redis), same)).toBe('');
  });
});
