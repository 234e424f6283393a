import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseRange } from './address-range';
import { connectionOfLine, SystemConnections } from './connections';

const range = parseRange('198.18.16.0/20');

const line = (state: string, to = '198.18.16.5', extra = '') =>
  `tcp      6 431999 ${state} src=172.17.0.2 dst=${to} sport=41678 dport=80 ${extra}src=172.17.0.3 dst=172.17.0.1 sport=9001 dport=41678 [ASSURED] mark=0 zone=0 use=2`;

describe('a line of the connection table', () => {
  it.each([
    ['a connection', line('ESTABLISHED'), '172.17.0.3:9001'],
    ['as the kernel’s file has it', `ipv4     2 ${line('ESTABLISHED')}`, '172.17.0.3:9001'],
    ['while it opens', line('SYN_SENT', undefined, '[UNREPLIED] '), '172.17.0.3:9001'],
    ['closed by one side', line('CLOSE_WAIT'), '172.17.0.3:9001'],
    ['with counters', line('ESTABLISHED', undefined, 'packets=3 bytes=9 '), '172.17.0.3:9001'],
    ['over', line('TIME_WAIT'), undefined],
    ['to no virtual address', line('ESTABLISHED', '192.0.2.1'), undefined],
    [
      'UDP',
      'ipv4 2 udp 17 29 src=172.17.0.2 dst=198.18.16.1 sport=1 dport=53 src=172.17.0.1 dst=172.17.0.2 sport=4413 dport=1 mark=0',
      undefined,
    ],
    ['nothing', '', undefined],
    ['something else', 'conntrack v1.4.7 (conntrack-tools): 3 flow entries have been shown.', undefined],
  ])('%s', (_what, text, expected) => expect(connectionOfLine(text, range)?.target).toBe(expected));
});

describe('the connection table', () => {
  let dir: string;
  beforeAll(async () => void (dir = await mkdtemp(join(tmpdir(), 'gilliam-'))));
  afterAll(() => rm(dir, { recursive: true }));

  it('is read from its file', async () => {
    const file = join(dir, 'nf_conntrack');
    const lines = [
      line('ESTABLISHED'),
      line('TIME_WAIT'),
      line('CLOSE_WAIT'),
      line('SYN_SENT', '198.18.16.6'),
    ];
    await writeFile(file, `${lines.join('\n')}\n`);
    expect(await new SystemConnections({ file }).open(range)).toEqual([
      { virtual: '198.18.16.5', target: '172.17.0.3:9001', count: 2 },
      { virtual: '198.18.16.6', target: '172.17.0.3:9001', count: 1 },
    ]);
  });

  it('is asked of the tool where there is no file', async () => {
    const command = ['echo', line('ESTABLISHED')];
    const connections = new SystemConnections({ file: join(dir, 'none'), command });
    expect(await connections.open(range)).toMatchObject([{ target: '172.17.0.3:9001' }]);
  });

  it.each([['no tool'], ['false']])('is not known where there is neither (%s)', async (program) => {
    const connections = new SystemConnections({ file: join(dir, 'none'), command: [program] });
    expect(await connections.open(range)).toBeUndefined();
  });
});
