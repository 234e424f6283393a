import type { TranslationSettings } from '../kernel/translation-settings';
import { bytesOf } from './translation-bytes';

/** The command that writes them; the words say to which map: `id 17`. */
export function settingsCommand(map: string, { until, first, last, layout }: TranslationSettings): string {
  return `map update ${map} key hex ${bytesOf(0)} value hex ${bytesOf(until, first, last, layout)}`;
}
