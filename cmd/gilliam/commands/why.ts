import * as Args from '@oclif/core/args';
import { Event } from '../../../pkg/gen/gilliam/v1/event';
import { ExplainInstanceResponse } from '../../../pkg/gen/gilliam/v1/instance_service';
import { FormationCommand } from '../formation-command';
import { listEvents } from '../lib/events';
import { explanation } from '../lib/explanation';
import { shortName } from '../lib/instance-line';

export default class Why extends FormationCommand {
  static override summary = 'Say why an instance is where it is, or nowhere';
  static override description =
    'Shows the state and its reason, what each executor says to each clause of the placement, and what has happened to the instance of late.';
  static override examples = ['<%= config.bin %> why web.1'];
  static override args = {
    instance: Args.string({ description: 'as in ps: web.1', required: true, ignoreStdin: true }),
  };

  override async run(): Promise<void> {
    const { args } = await this.parse(Why);
    const { client, parent } = this;
    const { signal, clock } = this.context;
    const name = `${parent}/instances/${args.instance}`;
    const explained = await client.instances.explainInstance({ name }, { signal });
    const about = explained.instance ? shortName(explained.instance) : args.instance;
    const { items: events } = await listEvents(client, { parent, about }, signal);
    this.answer(
      {
        ...(ExplainInstanceResponse.toJSON(explained) as object),
        events: events.map((event) => Event.toJSON(event)),
      },
      explanation(explained, events, { nowMs: clock.now(), colors: this.colors }),
    );
  }
}
