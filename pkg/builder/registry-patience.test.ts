import { VirtualClock } from '../testing/virtual-clock';
import { registryImages, RegistryPatience } from './registry-patience';

test('images of registries are those whose names say a host', () => {
  const dockerfile = `ARG GILLIAM_BASE=gilliam/base:bookworm
FROM docker.io/library/redis:7 AS server
from --platform=linux/amd64 localhost/app
FROM 127.0.0.1:5000/tiny@sha256:12
FROM $GILLIAM_BASE
FROM redis:7
FROM library/redis
COPY --from=quay.io/x/y /a /b
`;
  expect(registryImages(dockerfile)).toEqual([
    { image: 'docker.io/library/redis:7', registry: 'docker.io' },
    { image: 'localhost/app', registry: 'localhost' },
    { image: '127.0.0.1:5000/tiny@sha256:12', registry: '127.0.0.1:5000' },
  ]);
});

test('a registry that stays silent is given up, and not asked for a minute', async () => {
  const clock = new VirtualClock();
  const patience = new RegistryPatience(clock);
  const said: string[] = [];
  patience.wait('docker.io', (why) => said.push(why)).dispose();
  await clock.advance(10_000);
  expect([said, patience.isSilent('docker.io')]).toEqual([[], false]);
  patience.wait('docker.io', (why) => said.push(why));
  await clock.advance(4_999);
  expect(said).toEqual([]);
  await clock.advance(1);
  expect(said).toEqual(['the registry docker.io has not answered within 5 s']);
  expect([patience.isSilent('docker.io'), patience.isSilent('quay.io')]).toEqual([true, false]);
  await clock.advance(60_000);
  expect(patience.isSilent('docker.io')).toBe(false);
});
