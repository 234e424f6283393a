import { connect } from 'node:net';
import { SystemClock, sleep } from '../base/clock';
import { silentLogger } from '../base/log';
import { readHeld } from './held-request';
import { Holder } from './holder';

const head = (fields: readonly string[]) =>
  ['POST /a HTTP/1.1', 'Host: myapp.com', ...fields, 'Content-Length: 500000', '', ''].join('\r\n');

it('is held whatever its client says of itself', () => {
  const text = head(['X-Gilliam-Unknown: nothing', 'X-Gilliam-Hold: web.shop.service']);
  const request = readHeld(Buffer.from(text));
  expect(request).toMatchObject({ service: 'web.shop.service', unknown: undefined });
  expect(String(request?.bytes)).not.toMatch(/gilliam/i);
});

it('leaves no socket behind when it is given up with a body that was not taken', async () => {
  const clock = new SystemClock();
  const end = new AbortController();
  const holder = new Holder({
    ...{ clock, log: silentLogger, holdMs: 200 },
    endpoints: () => [],
    unknown: () => '',
  });
  const name = `gilliam-held-${process.pid}`;
  await holder.listen(name, end.signal);
  const pipes = () => process.getActiveResourcesInfo().filter((one) => one === 'PipeWrap').length;
  const before = pipes();
  const client = connect(`\0${name}`.padEnd(108, '\0'));
  client.write(head(['X-Gilliam-Hold: web.shop.service']) + 'x'.repeat(400_000));
  let answer = '';
  client.on('data', (data) => (answer += String(data)));
  await new Promise((resolve) => client.once('end', resolve));
  expect(answer).toContain('503');
  client.destroy();
  await sleep(clock, 200);
  expect(pipes()).toBe(before);
  holder.close();
});
