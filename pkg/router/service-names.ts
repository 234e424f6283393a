import type { ServiceName } from '../registry/types';
import type { CompiledRoute, Part, Template } from '../routing/types';
import { expressionOf, variablesOf } from './capture';

/** A service by its plain name. */
export interface Service {
  readonly service: string;
  readonly formation: string;
}

/** `web.shop` */
export function serviceKey({ service, formation }: Service): string {
  return `${service}.${formation}`;
}

/** Of its key. */
export function serviceOf(key: string): Service {
  const dot = key.indexOf('.');
  return { service: key.slice(0, dot), formation: key.slice(dot + 1) };
}

/** All services that a route can lead to: the one that it names, or those of the known ones that fit. */
export function servicesOf(route: CompiledRoute, known: readonly Service[]): readonly ServiceName[] {
  const { target } = route;
  if (!target) return [];
  const { instance, release } = target;
  const which = { ...(instance !== undefined && { instance }), ...(release !== undefined && { release }) };
  if (variablesOf(target.service).length + variablesOf(target.formation).length === 0) {
    return [{ service: textOf(target.service), formation: textOf(target.formation), ...which }];
  }
  const service = templateRegex(route, target.service);
  const formation = templateRegex(route, target.formation);
  return known
    .filter((one) => service.test(one.service) && formation.test(one.formation))
    .map((one) => ({ service: one.service, formation: one.formation, ...which }));
}

function textOf(template: Template): string {
  return template.map((piece) => (piece.kind === 'text' ? piece.text : '')).join('');
}

function templateRegex(route: CompiledRoute, template: Template): RegExp {
  const parts = [...(route.host?.parts ?? []), ...route.path.parts];
  const pieces = template.flatMap((piece): Part[] => {
    if (piece.kind === 'text') return [piece];
    return parts.filter((part) => part.kind === 'variable' && part.name === piece.name);
  });
  return new RegExp(`^${expressionOf({ parts: pieces, exact: true }, [])}$`);
}
