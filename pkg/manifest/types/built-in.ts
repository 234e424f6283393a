import type { ServiceTypeFile } from '../type-schema';
import { etcd } from './etcd';
import { memcached } from './memcached';
import { nats } from './nats';
import { postgres } from './postgres';
import { rabbitmq } from './rabbitmq';
import { redis } from './redis';

/** The types that are there without any file. */
export const builtInTypes: readonly ServiceTypeFile[] = [etcd, memcached, nats, postgres, rabbitmq, redis];
