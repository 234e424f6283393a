import { NotFoundError } from '../../../pkg/base/errors';
import type { Client } from '../../../pkg/client/client';
import { formatServiceName } from '../../../pkg/registry/service-name';
import type { ServiceName } from '../../../pkg/registry/types';
import { isAuxiliary } from '../../../pkg/resource/auxiliary';
import { entryOf } from '../../../pkg/resource/entries';
import { serviceRef } from '../../../pkg/resource/service-ref';
import { getFormation } from './formation-spec';

/** What a name of a formation stands for, if it is an import of that formation; else undefined. */
export async function importedAs(
  client: Client,
  name: ServiceName,
  signal: AbortSignal,
): Promise<ServiceName | undefined> {
  try {
    const { spec } = await getFormation(client, `formations/${name.formation}`, signal);
    const ref = serviceRef(entryOf(spec?.imports ?? {}, name.service) ?? '');
    return ref?.formation === undefined
      ? undefined
      : { ...name, service: ref.service, formation: ref.formation };
  } catch (error) {
    if (error instanceof NotFoundError) return undefined;
    throw error;
  }
}

/** Who may use the service, in one line; undefined for one that everybody may. */
export async function sharesLine(
  client: Client,
  { formation, service }: ServiceName,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (!isAuxiliary(service)) return undefined;
  const { spec } = await getFormation(client, `formations/${formation}`, signal);
  const others = entryOf(spec?.shares ?? {}, service)?.with ?? [];
  if (others.length === 0) return `${formation}'s own: shared with nobody`;
  return others.includes('*') ? 'shared with all formations' : `shared with ${others.join(', ')}`;
}

/** Why a name with a dot in it was not found, where it lacks only its end: `web.shop`, if there is a formation `shop`. */
export async function meantInFull(
  client: Client,
  text: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { service, formation } = serviceRef(text.toLowerCase()) ?? {};
  if (service === undefined || formation === undefined) return undefined;
  try {
    await getFormation(client, `formations/${formation}`, signal);
    return formatServiceName({ service, formation });
  } catch (error) {
    if (error instanceof NotFoundError) return undefined;
    throw error;
  }
}
