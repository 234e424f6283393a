import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { promisify } from 'node:util';
import Docker from 'dockerode';
import { SystemClock } from '../../base/clock';
import { silentLogger } from '../../base/log';
import { DockerBuilder } from '../../builder/docker-builder';
import { hostBuildArgs } from '../../builder/host-settings';
import { inChunks, tarOfFiles } from '../../builder/testing';
import { InstanceState } from '../../gen/gilliam/v1/instance';
import { Task as TaskMessage } from '../../gen/gilliam/v1/session_service';
import { auxiliaryImages } from '../../manifest/auxiliary-image';
import { parseManifest } from '../../manifest/manifest';
import { typeCatalog } from '../../manifest/type-catalog';
import { runnable } from '../../resource/instance-process';
import { eventually } from '../../testing/api-harness';
import { ProtocolClient } from '../../testing/protocol-client';
import { containerSpec } from '../container-spec';
import type { Container } from '../driver';
import { HealthChecker } from '../health/checker';
import { systemHost } from '../host';
import { completeTask } from '../task';
import { DockerDriver } from './docker-driver';

/**
 * The six types as a user has them: the manifest's process, the image that the builder makes of Debian's packages, the
 * container that the agent makes of both. Each is spoken to in its own protocol, and is replaced on its volume.
 */
jest.setTimeout(300_000);

const run = promisify(execFile);
const never = new AbortController().signal;
const stage = `types-${randomUUID().slice(0, 8)}`;
const owner = { stage, key: stage, executor: 'e1' };
const secret = 'k3pt-s3cret';
const baseImage = 'gilliam/base:bookworm';
const clock = new SystemClock();
const driver = new DockerDriver({ clock });
const builder = new DockerBuilder({
  docker: new Docker(),
  clock,
  log: silentLogger,
  stage,
  baseImage,
  buildArgs: hostBuildArgs(process.env),
});
const types = typeCatalog();
const images = new Map<string, Promise<string>>();

/** Of Debian's packages. */
async function build(name: string): Promise<string> {
  const type = types.get(name);
  const tree = type && auxiliaryImages(type, type.versions[0] ?? '').at(-1);
  if (!tree) throw new Error(`${name} is no type`);
  const tar = inChunks(await tarOfFiles(Object.fromEntries(tree.files)));
  let output = '';
  try {
    for await (const part of builder.build({ formation: name, commit: '', tar }, never)) {
      if (part.$case === 'output') output += part.value.toString();
      if (part.$case === 'result') return part.value.image;
    }
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${output}`, { cause: error });
  }
  throw new Error(`${name} was not built`);
}

/** A running instance of a service, as the agent would have made it. */
interface Running {
  readonly container: Container;
  readonly host: string;
  readonly port: number;
  readonly url: string;
  readonly sh: (line: string) => Promise<string>;
  /** Asks it to end; how it ended. */
  stop(): Promise<number | undefined>;
}

let made = 0;
const volumeUid = randomUUID();

async function start(name: string): Promise<Running> {
  const text = `formation: shop\nauxiliary: {_${name}: {type: ${name}}}\n`;
  const manifest = parseManifest(text, { file: 'gilliam.yml', types });
  const expanded = manifest.auxiliary.get(`_${name}`)?.process;
  if (!expanded?.auxiliary) throw new Error(`${name} is no auxiliary service`);
  const { auxiliary, volumes } = expanded;
  const released = { ...expanded, auxiliary: { ...auxiliary, secret } };
  const image = await images.get(name);
  const uid = randomUUID();
  const ordinal = 1;
  const metadata = { formation: 'shop', name: `_${name}-1-${++made}`, uid };
  const spec = { process: `_${name}`, ordinal, release: 'v1', incarnation: made, executor: 'e1' };
  const message = TaskMessage.fromPartial({
    instance: { metadata, spec, status: { state: InstanceState.ASSIGNED } },
    image,
    process: runnable(`_${name}`, released, 'shop'),
    volumes: volumes.map((volume) => ({
      metadata: { formation: 'shop', name: `_${name}-1-${volume.name}`, uid: volumeUid },
      spec: { service: `_${name}`, ordinal, volume: volume.name, executor: 'e1' },
    })),
  });
  const task = completeTask(message);
  if (!task) throw new Error('no task');
  const port = task.process.ports[0]?.containerPort ?? 0;
  const bound = [{ containerPort: port, hostPort: 27_000 + ((process.pid * 31 + made) % 2_000) }];
  const wanted = containerSpec(task, owner, bound, { bindAddress: '127.0.0.1' });
  for (const volume of wanted.volumes ?? []) await driver.createVolume(volume);
  const { id } = await driver.create(wanted);
  await driver.start(id);
  const look = async (): Promise<Container> => {
    const container = await driver.inspect(id);
    if (!container) throw new Error('the container is gone');
    return container;
  };
  const checker = new HealthChecker(driver, systemHost, clock);
  const { health } = task.process;
  if (!health) throw new Error(`${name} has no health check`);
  const container = await eventually(async () => {
    const now = await look();
    const target = { container: now, firstPort: port, bindAddress: '127.0.0.1' };
    const { ok, detail } = await checker.check(health, target, 5_000, never);
    if (!ok) throw new Error(`${detail}\n${await logOf(id)}`);
    return now;
  }, 120_000);
  return {
    container,
    host: container.address ?? '',
    port,
    url: auxiliary.url,
    async sh(line) {
      const { exitCode, output } = await driver.exec(id, ['/bin/sh', '-c', line]);
      if (exitCode !== 0) throw new Error(`${line}: ${output}`);
      return output.trim();
    },
    async stop() {
      await driver.stop(id, wanted.graceMs);
      const { exitCode } = await look();
      await driver.remove(id);
      return exitCode;
    },
  };
}

async function logOf(id: string): Promise<string> {
  const { stdout, stderr } = await run('docker', ['logs', '--tail', '20', id]);
  return stdout + stderr;
}

beforeAll(async () => {
  await run(join(__dirname, '../../../hack/base-image.sh'), {
    env: { ...process.env, GILLIAM_BASE_IMAGE: baseImage },
  });
  // All at once: they wait for downloads more than for the processor.
  for (const name of types.names) images.set(name, build(name));
  for (const image of images.values()) image.catch(() => {});
});

afterAll(async () => {
  await Promise.allSettled(images.values());
  for (const { id } of await driver.list(owner)) await driver.remove(id);
  const { stdout } = await run('docker', ['volume', 'ls', '-q', '--filter', `label=gilliam.stage=${stage}`]);
  for (const volume of stdout.split('\n').filter((line) => line !== '')) await driver.removeVolume(volume);
  // The layers stay for the next run and for tests of stages, as they do for users: under a name that no stage forgets.
  for (const [name, image] of images) {
    const id = await image.catch(() => undefined);
    if (id) await run('docker', ['tag', id, `gilliam-test:${name}`]);
  }
  const named = await run('docker', ['images', '--format', '{{.Repository}}:{{.Tag}}', `gilliam/${stage}/*`]);
  if (named.stdout !== '') await run('docker', ['rmi', '--no-prune', ...named.stdout.trim().split('\n')]);
  driver.close();
});

async function nobodyIsRoot({ sh }: Running): Promise<void> {
  expect(await sh('id -u')).toBe('10001');
}

test('redis', async () => {
  const first = await start('redis');
  await nobodyIsRoot(first);
  const client = await ProtocolClient.open(first.host, first.port);
  await client.ask('PING\r\n', /^-NOAUTH/);
  await client.ask(`AUTH ${secret}\r\n`, /^\+OK\r\n/);
  await client.ask('PING\r\n', /^\+PONG\r\n/);
  await client.ask('SET colour blue\r\n', /^\+OK\r\n/);
  expect(await client.ask('CONFIG GET maxmemory\r\n', /\d{6,}\r\n$/)).toContain(String(192 * 1024 * 1024));
  client.close();
  expect(await first.stop()).toBe(0);

  const second = await start('redis');
  const again = await ProtocolClient.open(second.host, second.port);
  await again.ask(`AUTH ${secret}\r\n`, /^\+OK\r\n/);
  await again.ask('GET colour\r\n', /^\$4\r\nblue\r\n/);
  again.close();
  // The command that people try first. It sends a user name where a URL has a colon before the password.
  const url = Object.entries({ secret, host: '127.0.0.1', port: String(second.port) }).reduce(
    (text, [name, value]) => text.replace(`{${name}}`, value),
    second.url,
  );
  expect(await second.sh(`redis-cli --no-auth-warning -u '${url}' GET colour`)).toBe('blue');
  await second.stop();
});

test('postgres', async () => {
  const sql = (running: Running, statement: string) =>
    running.sh(`PGPASSWORD=${secret} psql -h 127.0.0.1 -U app -At -c "${statement}" app`);
  const first = await start('postgres');
  await nobodyIsRoot(first);
  const client = await ProtocolClient.open(first.host, first.port);
  const parameters = Buffer.from('user\0app\0database\0app\0\0');
  const head = Buffer.alloc(8);
  head.writeUInt32BE(8 + parameters.length, 0);
  head.writeUInt32BE(3 << 16, 4);
  client.send(Buffer.concat([head, parameters]));
  // Authentication is asked for, by SASL.
  await client.receive((bytes) => (bytes[0] === 0x52 && bytes.readUInt32BE(5) === 10 ? true : undefined));
  await sql(first, 'CREATE TABLE orders (id int); INSERT INTO orders VALUES (42)');
  await expect(first.sh('PGPASSWORD=wrong psql -h 127.0.0.1 -U app -c "" app')).rejects.toThrow(
    'authentication failed',
  );
  // The client that is still there does not hold its end up.
  const beganMs = Date.now();
  expect(await first.stop()).toBe(0);
  expect(Date.now() - beganMs).toBeLessThan(20_000);
  client.close();

  const second = await start('postgres');
  expect(await sql(second, 'SELECT id FROM orders')).toBe('42');
  await second.stop();
});

test('etcd', async () => {
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const ask = async ({ host, port }: Running, call: string, body: object) => {
    const answer = await fetch(`http://${host}:${port}/v3/kv/${call}`, {
      method: 'POST',
      body: JSON.stringify(body),
    });
    return (await answer.json()) as { kvs?: { value: string }[] };
  };
  const first = await start('etcd');
  await nobodyIsRoot(first);
  await ask(first, 'put', { key: base64('colour'), value: base64('blue') });
  await first.stop();

  const second = await start('etcd');
  const { kvs } = await ask(second, 'range', { key: base64('colour') });
  expect(kvs).toMatchObject([{ value: base64('blue') }]);
  await second.stop();
});

test('memcached, which keeps nothing', async () => {
  const first = await start('memcached');
  await nobodyIsRoot(first);
  const client = await ProtocolClient.open(first.host, first.port);
  await client.ask('version\r\n', /^VERSION 1\.6\..*\r\n/);
  await client.ask('set colour 0 0 4\r\nblue\r\n', /^STORED\r\n/);
  await client.ask('get colour\r\n', /^VALUE colour 0 4\r\nblue\r\nEND\r\n/);
  client.close();
  await first.stop();
});

test('nats', async () => {
  const login = async ({ host, port }: Running, pass: string) => {
    const client = await ProtocolClient.open(host, port);
    await client.ask('', /^INFO \{.*"auth_required":true.*\}\s+/);
    client.send(`CONNECT ${JSON.stringify({ user: 'app', pass, verbose: false })}\r\nPING\r\n`);
    await client.ask('', pass === secret ? /PONG\r\n/ : /Authorization Violation/);
    return client;
  };
  const request = (client: ProtocolClient, subject: string, body: string, answer: RegExp) =>
    client.ask(`SUB inbox 1\r\nPUB ${subject} inbox ${body.length}\r\n${body}\r\n`, answer);
  const first = await start('nats');
  await nobodyIsRoot(first);
  (await login(first, 'wrong')).close();
  const client = await login(first, secret);
  const stream = JSON.stringify({ name: 'ORDERS', subjects: ['orders'] });
  await request(client, '$JS.API.STREAM.CREATE.ORDERS', stream, /"name":"ORDERS"[^]*\r\n/);
  await request(client, 'orders', '42', /"stream":"ORDERS"[^]*\r\n/);
  client.close();
  await first.stop();

  const second = await start('nats');
  const again = await login(second, secret);
  await request(again, '$JS.API.STREAM.INFO.ORDERS', '', /"messages":1\b/);
  again.close();
  await second.stop();
});

test('rabbitmq', async () => {
  const control = (running: Running, command: string) =>
    running.sh(
      `HOME=/data RABBITMQ_CONF_ENV_FILE=/dev/null /usr/lib/rabbitmq/bin/rabbitmqctl -q -n rabbit@localhost ${command}`,
    );
  const first = await start('rabbitmq');
  await nobodyIsRoot(first);
  const client = await ProtocolClient.open(first.host, first.port);
  client.send(Buffer.from('AMQP\0\0\x09\x01', 'latin1'));
  await client.receive((bytes) => methodOf(bytes, 10, 10));
  client.send(startOk('app', secret));
  // Connection.tune comes only to whom it knows.
  await client.receive((bytes) => methodOf(bytes, 10, 30));
  client.close();
  await control(first, 'add_vhost orders');
  await first.stop();

  const second = await start('rabbitmq');
  expect(await control(second, 'list_vhosts')).toContain('orders');
  await second.stop();
});

/** True for a frame of AMQP 0-9-1 with that method. */
function methodOf(bytes: Buffer, classId: number, method: number): true | undefined {
  if (bytes.length < 12 || bytes[0] !== 1) return undefined;
  return bytes.readUInt16BE(7) === classId && bytes.readUInt16BE(9) === method ? true : undefined;
}

/** Connection.start-ok, with PLAIN. */
function startOk(user: string, password: string): Buffer {
  const short = (text: string) => Buffer.concat([Buffer.from([text.length]), Buffer.from(text)]);
  const response = Buffer.from(`\0${user}\0${password}`);
  const size = Buffer.alloc(4);
  size.writeUInt32BE(response.length);
  const empty = Buffer.alloc(4);
  const parts = [Buffer.from([0, 10, 0, 11]), empty, short('PLAIN'), size, response, short('en_US')];
  const payload = Buffer.concat(parts);
  const head = Buffer.from([1, 0, 0, 0, 0, 0, 0]);
  head.writeUInt32BE(payload.length, 3);
  return Buffer.concat([head, payload, Buffer.from([0xce])]);
}
