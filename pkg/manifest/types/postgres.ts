import type { ServiceTypeFile } from '../type-schema';

/**
 * A database that is made only half is never taken for a whole one. The password is set with every start: one that was
 * made for a service of the same name fits the data of the one before. Postgres waits for its clients when it is told
 * to end with SIGTERM, and ends at once, in good order, with SIGINT.
 */
const entrypoint = `set -eu
umask 077
data=/data/postgres
single() { postgres --single -j -D "$1" "$2" > /dev/null; }
if [ ! -s "$data/PG_VERSION" ]; then
  rm -rf "$data.new"
  initdb --pgdata="$data.new" --username="$POSTGRES_USER" --encoding=UTF8 --locale=C.UTF-8 \\
    --auth-local=trust --auth-host=scram-sha-256
  echo 'host all all all scram-sha-256' >> "$data.new/pg_hba.conf"
  if [ "$POSTGRES_DB" != postgres ]; then
    printf 'CREATE DATABASE "%s";\\n\\n' "$POSTGRES_DB" | single "$data.new" postgres
  fi
  mv "$data.new" "$data"
fi
server=$(postgres --version | sed 's/[^0-9]*\\([0-9]*\\).*/\\1/')
if [ "$(cat "$data/PG_VERSION")" != "$server" ]; then
  echo "the data is of postgres $(cat "$data/PG_VERSION"), this is postgres $server: ask for that version, or move the data with pg_dump" >&2
  exit 1
fi
rm -f "$data/postmaster.pid"
printf "ALTER ROLE \\"%s\\" PASSWORD '%s';\\n\\n" "$POSTGRES_USER" "$POSTGRES_PASSWORD" | single "$data" postgres
postgres -D "$data" -p "$PORT" -c listen_addresses='*' -c unix_socket_directories=/tmp \\
  -c dynamic_shared_memory_type=sysv -c max_connections="$POSTGRES_MAX_CONNECTIONS" \\
  -c shared_buffers="$POSTGRES_SHARED_BUFFERS" &
server=$!
trap 'kill -INT "$server"' TERM INT
while :; do
  status=0
  wait "$server" || status=$?
  if [ "$status" -le 128 ] || ! kill -0 "$server" 2> /dev/null; then break; fi
done
exit "$status"
`;

export const postgres: ServiceTypeFile = {
  type: 'postgres',
  summary: 'Relational database',
  versions: ['15', '17', '16', '14', '13'],
  image: {
    registry: 'docker.io/library/postgres:{version}-bookworm',
    debian: {
      packages: ['postgresql', 'postgresql-client'],
      versions: ['15'],
      prepare: `mkdir -p /etc/postgresql-common
echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.conf`,
      // Debian's own in /usr/bin are wrappers that choose among clusters.
      setup: 'ln -s /usr/lib/postgresql/*/bin/* /usr/local/bin/',
      entrypoint,
    },
  },
  ports: [5432],
  env: { POSTGRES_PASSWORD: '{secret}', POSTGRES_USER: '{user}', POSTGRES_DB: '{database}' },
  health: { command: ['/bin/sh', '-c', 'pg_isready -q -h 127.0.0.1 -p "$PORT"'] },
  resources: { memory: '512Mi' },
  volumes: { data: '/data' },
  grace: '60s',
  url: 'postgres://{user}:{secret}@{host}:{port}/{database}',
  options: {
    user: { summary: 'The role that owns everything.', default: 'app', pattern: '[a-z_][a-z0-9_]*' },
    database: { summary: 'Made when there is no data yet.', default: 'app', pattern: '[a-z_][a-z0-9_]*' },
    max_connections: {
      summary: 'Connections at a time.',
      default: '100',
      pattern: '[1-9][0-9]*',
      env: 'POSTGRES_MAX_CONNECTIONS',
    },
    shared_buffers: {
      summary: 'Its own cache; a quarter of the memory of its resources is usual.',
      default: '128MB',
      pattern: '[1-9][0-9]*(?:kB|MB|GB)',
      env: 'POSTGRES_SHARED_BUFFERS',
    },
  },
};
