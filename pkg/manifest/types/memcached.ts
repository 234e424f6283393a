import type { ServiceTypeFile } from '../type-schema';

export const memcached: ServiceTypeFile = {
  type: 'memcached',
  summary:
    'Cache in memory; keeps nothing, and has no password: whoever reaches it may use it, which only its formation does, and those it is shared with',
  versions: ['1.6'],
  image: {
    registry: 'docker.io/library/memcached:{version}-bookworm',
    debian: {
      packages: ['memcached'],
      entrypoint: `set -eu
exec memcached -l 0.0.0.0 -p "$PORT" -U 0 -m "$MEMCACHED_MEGABYTES" -c "$MEMCACHED_CONNECTIONS" -I "$MEMCACHED_ITEM_SIZE"
`,
    },
  },
  ports: [11211],
  health: 'tcp',
  resources: { memory: '128Mi' },
  url: 'memcached://{host}:{port}',
  options: {
    megabytes: {
      summary: 'How much it holds; of the memory of its resources, leave a quarter for the rest.',
      default: '96',
      pattern: '[1-9][0-9]*',
      env: 'MEMCACHED_MEGABYTES',
    },
    connections: {
      summary: 'Connections at a time.',
      default: '1024',
      pattern: '[1-9][0-9]*',
      env: 'MEMCACHED_CONNECTIONS',
    },
    item_size: {
      summary: 'The largest item.',
      default: '1m',
      pattern: '[1-9][0-9]*[km]',
      env: 'MEMCACHED_ITEM_SIZE',
    },
  },
};
