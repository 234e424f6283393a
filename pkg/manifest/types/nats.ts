import type { ServiceTypeFile } from '../type-schema';

export const nats: ServiceTypeFile = {
  type: 'nats',
  summary: 'Messages and streams',
  versions: ['2', '2.9', '2.10', '2.11'],
  image: {
    registry: 'docker.io/library/nats:{version}',
    copy: { '/nats-server': '/usr/local/bin/nats-server' },
    debian: {
      packages: ['nats-server'],
      versions: ['2', '2.9'],
      entrypoint: `set -eu
umask 077
cat > /tmp/nats.conf <<END
port: $PORT
max_payload: $NATS_MAX_PAYLOAD
authorization { user: "app", password: "$NATS_PASSWORD" }
END
if [ "$NATS_JETSTREAM" = yes ]; then echo 'jetstream { store_dir: "/data" }' >> /tmp/nats.conf; fi
exec nats-server -c /tmp/nats.conf
`,
    },
  },
  ports: [4222],
  env: { NATS_PASSWORD: '{secret}' },
  health: 'tcp',
  resources: { memory: '256Mi' },
  volumes: { data: '/data' },
  grace: '30s',
  url: 'nats://app:{secret}@{host}:{port}',
  options: {
    jetstream: {
      summary: 'Whether there are streams, which are kept.',
      default: 'yes',
      values: ['yes', 'no'],
      env: 'NATS_JETSTREAM',
    },
    max_payload: {
      summary: 'The largest message.',
      default: '1MB',
      pattern: '[1-9][0-9]*(?:KB|MB)',
      env: 'NATS_MAX_PAYLOAD',
    },
  },
};
