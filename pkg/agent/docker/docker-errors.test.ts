import {
  BadCommand,
  ContainerGone,
  EngineFault,
  EngineUnavailable,
  ImageMissing,
  PortTaken,
  PullFailed,
  SpecRefused,
} from '../driver-errors';
import { driverError } from './docker-errors';
import type { Verb } from './docker-errors';

const answer = (statusCode: number, message: string) =>
  Object.assign(new Error(`(HTTP code ${statusCode}) unexpected - ${message}`), {
    statusCode,
    json: { message },
  });
const shim =
  'failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: ';

test.each<[Verb, Error, unknown, string]>([
  [
    'start',
    answer(
      500,
      'driver failed programming external connectivity on endpoint e (d2be): Bind for 0.0.0.0:18999 failed: port is already allocated',
    ),
    PortTaken,
    'host port 18999 is taken by something else',
  ],
  [
    'start',
    answer(
      500,
      'driver failed programming external connectivity on endpoint e (acce): Error starting userland proxy: listen tcp4 0.0.0.0:18998: bind: address already in use',
    ),
    PortTaken,
    'host port 18998 is taken by something else',
  ],
  [
    'start',
    answer(400, `${shim}exec: "nosuch": executable file not found in $PATH: unknown`),
    BadCommand,
    'exec: "nosuch": executable file not found in $PATH',
  ],
  ['start', answer(404, 'No such container: x'), ContainerGone, 'No such container: x'],
  ['start', answer(500, 'no space left on device'), EngineFault, 'no space left on device'],
  [
    'create',
    answer(404, 'No such image: sha256:00'),
    ImageMissing,
    'the image sha256:00 is not on this executor: gilliam deploy makes a new one',
  ],
  [
    'create',
    answer(400, 'Minimum memory limit allowed is 6MB'),
    SpecRefused,
    'Minimum memory limit allowed is 6MB',
  ],
  ['create', answer(400, 'No command specified'), SpecRefused, 'No command specified'],
  [
    'pull',
    answer(500, 'Get "http://localhost:1/v2/": dial tcp 127.0.0.1:1: connect: connection refused'),
    PullFailed,
    'Get "http://localhost:1/v2/": dial tcp 127.0.0.1:1: connect: connection refused',
  ],
  [
    'pull',
    answer(404, 'manifest for r.example/x not found: manifest unknown'),
    ImageMissing,
    'manifest for r.example/x not found: manifest unknown',
  ],
  ['exec', answer(409, 'Container x is not running'), ContainerGone, 'Container x is not running'],
  [
    'logs',
    answer(409, 'can not get logs from container which is dead or marked for removal'),
    ContainerGone,
    'can not get logs from container which is dead or marked for removal',
  ],
  [
    'inspect',
    Object.assign(new Error('connect ENOENT /var/run/docker.sock'), { code: 'ENOENT' }),
    EngineUnavailable,
    'the Docker Engine does not answer: connect ENOENT /var/run/docker.sock (start it, for instance with systemctl start docker)',
  ],
])('%s: %s', (verb, given, kind, message) => {
  const error = driverError(verb, given);
  expect(error).toBeInstanceOf(kind);
  expect(error.message).toBe(message);
  expect(error.cause).toBe(given);
});
