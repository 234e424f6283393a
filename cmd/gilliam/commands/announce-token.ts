import { FormationCommand } from '../formation-command';

export default class AnnounceToken extends FormationCommand {
  static override summary =
    'Print a token with which something outside Gilliam announces itself in a formation';
  static override description =
    'That is how an existing database gets a name: whoever has the token announces services of the formation at any node of the registry, and renews that within 30 seconds. It allows nothing else, and holds as long as the stage’s executor token does.';
  static override examples = [
    '<%= config.bin %> announce-token --formation shop',
    {
      command:
        'curl -X PUT -H "Authorization: Bearer $(<%= config.bin %> announce-token)" -d \'{"host": "10.0.0.9", "port": 5432}\' http://127.0.0.1:4411/shop/_db.1',
      description: 'Then db.example.com is _db.shop.service:',
    },
  ];

  override async run(): Promise<void> {
    await this.parse(AnnounceToken);
    const { parent, client, context } = this;
    const { token } = await client.registry.createAnnounceToken({ parent }, { signal: context.signal });
    this.answer({ formation: this.formation, token }, token);
  }
}
