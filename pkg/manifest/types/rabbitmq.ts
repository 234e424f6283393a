import type { ServiceTypeFile } from '../type-schema';

/**
 * The node's name is part of the path of its data: it is one that does not change with the container. Debian's script
 * in /usr/sbin wants to be root or its own user, the one that it calls does not care.
 */
const entrypoint = `set -eu
umask 077
mkdir -p /data/mnesia
cat > /tmp/rabbitmq.conf <<END
listeners.tcp.default = $PORT
default_user = app
default_pass = $RABBITMQ_PASSWORD
disk_free_limit.absolute = $RABBITMQ_DISK_FREE
vm_memory_high_watermark.relative = 0.6
log.console = true
log.console.level = warning
log.file = false
END
echo '[].' > /tmp/enabled_plugins
export HOME=/data RABBITMQ_NODENAME=rabbit@localhost RABBITMQ_CONF_ENV_FILE=/dev/null
export RABBITMQ_CONFIG_FILE=/tmp/rabbitmq.conf RABBITMQ_ENABLED_PLUGINS_FILE=/tmp/enabled_plugins
export RABBITMQ_MNESIA_BASE=/data/mnesia RABBITMQ_LOG_BASE=/tmp RABBITMQ_PID_FILE=/tmp/rabbitmq.pid
export ERL_EPMD_ADDRESS=127.0.0.1
ulimit -n 65536 2> /dev/null || true
for program in /usr/lib/rabbitmq/bin/rabbitmq-server /opt/rabbitmq/sbin/rabbitmq-server; do
  if [ -x "$program" ]; then exec "$program"; fi
done
exec rabbitmq-server
`;

export const rabbitmq: ServiceTypeFile = {
  type: 'rabbitmq',
  summary: 'Message queues, by AMQP',
  versions: ['3', '3.10', '3.12', '3.13', '4'],
  image: {
    registry: 'docker.io/library/rabbitmq:{version}',
    debian: { packages: ['rabbitmq-server'], versions: ['3', '3.10'], entrypoint },
  },
  ports: [5672],
  env: { RABBITMQ_PASSWORD: '{secret}' },
  health: 'tcp',
  resources: { memory: '512Mi' },
  volumes: { data: '/data' },
  grace: '60s',
  url: 'amqp://app:{secret}@{host}:{port}',
  options: {
    disk_free: {
      summary: 'It takes no more messages when less is free than this.',
      default: '100MB',
      pattern: '[1-9][0-9]*(?:MB|GB)',
      env: 'RABBITMQ_DISK_FREE',
    },
  },
};
