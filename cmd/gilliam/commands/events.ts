import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { Event } from '../../../pkg/gen/gilliam/v1/event';
import { FormationCommand } from '../formation-command';
import { eventCells, eventHeading, eventLine, listEvents } from '../lib/events';
import { followEvents } from '../lib/follow-events';
import { renderTable } from '../lib/table';

export default class Events extends FormationCommand {
  static override summary = 'Show what happened, and why';
  static override description =
    'Oldest first. Without a terminal the columns are apart by tabs: time, severity, object, reason, message. With --follow and --json each event is one JSON object a line.';
  static override examples = [
    '<%= config.bin %> events',
    '<%= config.bin %> events web.1',
    '<%= config.bin %> events --follow',
  ];
  static override args = {
    about: Args.string({ description: 'only those of this object: web.1, v2', ignoreStdin: true }),
  };
  static override flags = {
    'all-formations': Flags.boolean({ char: 'A', description: 'of every formation, and of executors' }),
    follow: Flags.boolean({ char: 'f', description: 'go on as more happens, until interrupted' }),
  };

  override async run(): Promise<void> {
    const { args, flags } = await this.parse(Events);
    const { client } = this;
    const parent = flags['all-formations'] ? 'formations/-' : this.parent;
    const { items, last } = await listEvents(client, { parent, about: args.about }, this.context.signal);
    if (items.length === 0 && args.about !== undefined)
      this.note(`no events of ${args.about} are kept: gilliam events lists all there are`);
    if (!flags.follow)
      return this.answer(
        items.map((event) => Event.toJSON(event)),
        this.#table(items),
      );
    this.#print(items);
    const selected = { parent, about: args.about, afterRevision: last.revision };
    for await (const events of followEvents(client, selected, this.context)) this.#print(events);
  }

  #print(events: readonly Event[]): void {
    const { stdout } = this.context;
    for (const event of events) {
      if (this.jsonEnabled()) this.jsonLine(Event.toJSON(event));
      else this.line(eventLine(event, { forPeople: stdout.isTerminal, colors: this.colors }));
    }
  }

  #table(events: readonly Event[]): string[] {
    const { stdout, clock } = this.context;
    const options = { nowMs: clock.now(), forPeople: stdout.isTerminal, colors: this.colors };
    const heading = stdout.isTerminal ? eventHeading : undefined;
    const rows = events.map((event) => eventCells(event, options));
    return renderTable(rows, { heading, colors: this.colors });
  }
}
