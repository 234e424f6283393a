import type { ServiceTypeFile } from '../type-schema';

export const redis: ServiceTypeFile = {
  type: 'redis',
  summary: 'Key-value store, cache and message broker',
  versions: ['7', '7.0', '7.2', '7.4', '6.2'],
  image: {
    registry: 'docker.io/library/redis:{version}-bookworm',
    debian: {
      packages: ['redis-server', 'redis-tools'],
      versions: ['7', '7.0'],
      // The configuration is read from the standard input: the password stands in no list of processes.
      entrypoint: `set -eu
exec redis-server - <<END
bind 0.0.0.0
port $PORT
dir /data
requirepass "$REDIS_PASSWORD"
maxmemory $REDIS_MAXMEMORY
maxmemory-policy $REDIS_MAXMEMORY_POLICY
appendonly $REDIS_APPENDONLY
END
`,
    },
  },
  ports: [6379],
  env: { REDIS_PASSWORD: '{secret}' },
  health: {
    command: ['/bin/sh', '-c', 'REDISCLI_AUTH="$REDIS_PASSWORD" redis-cli -p "$PORT" ping | grep -q PONG'],
  },
  resources: { memory: '256Mi' },
  volumes: { data: '/data' },
  grace: '30s',
  // With a user name: redis-cli takes the empty one of `redis://:secret@` for one that is called "".
  url: 'redis://default:{secret}@{host}:{port}/0',
  options: {
    maxmemory: {
      summary: 'How much it may hold; of the memory of its resources, leave a quarter for the rest.',
      default: '192mb',
      pattern: '[0-9]+(?:kb|mb|gb)',
      env: 'REDIS_MAXMEMORY',
    },
    policy: {
      summary: 'What goes when that is full; `noeviction` refuses writes instead.',
      default: 'noeviction',
      values: [
        ...['noeviction', 'allkeys-lru', 'allkeys-lfu', 'allkeys-random'],
        ...['volatile-lru', 'volatile-lfu', 'volatile-random', 'volatile-ttl'],
      ],
      env: 'REDIS_MAXMEMORY_POLICY',
    },
    appendonly: {
      summary: 'Whether each write is kept: `no` saves now and then only.',
      default: 'yes',
      values: ['yes', 'no'],
      env: 'REDIS_APPENDONLY',
    },
  },
};
