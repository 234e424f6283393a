import type { ServiceTypeFile } from '../type-schema';

export const etcd: ServiceTypeFile = {
  type: 'etcd',
  summary:
    'Consistent key-value store; has no password: whoever reaches it may use it, which only its formation does, and those it is shared with',
  versions: ['3.4.23', '3.4', '3.5.21'],
  image: {
    registry: 'quay.io/coreos/etcd:v{version}',
    copy: {
      '/usr/local/bin/etcd': '/usr/local/bin/etcd',
      '/usr/local/bin/etcdctl': '/usr/local/bin/etcdctl',
    },
    debian: {
      packages: ['etcd-server', 'etcd-client'],
      versions: ['3.4.23', '3.4'],
      entrypoint: `set -eu
exec etcd --name default --data-dir /data/etcd \\
  --listen-client-urls "http://0.0.0.0:$PORT" --advertise-client-urls "http://$(hostname):$PORT" \\
  --listen-peer-urls http://127.0.0.1:2380 --initial-advertise-peer-urls http://127.0.0.1:2380 \\
  --initial-cluster default=http://127.0.0.1:2380 \\
  --auto-compaction-mode periodic --auto-compaction-retention "$ETCD_RETENTION" \\
  --quota-backend-bytes "$ETCD_QUOTA"
`,
    },
  },
  ports: [2379],
  health: '/health',
  resources: { memory: '256Mi' },
  volumes: { data: '/data' },
  grace: '30s',
  url: 'http://{host}:{port}',
  options: {
    retention: {
      summary: 'For how long old revisions are kept.',
      default: '1h',
      pattern: '[1-9][0-9]*[mh]',
      env: 'ETCD_RETENTION',
    },
    quota: {
      summary: 'The largest its data may become, in bytes.',
      default: '2147483648',
      pattern: '[1-9][0-9]*',
      env: 'ETCD_QUOTA',
    },
  },
};
