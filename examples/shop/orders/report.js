const { length } = require('./queue');

void length().then((mails) => console.log(`${mails} mails wait to be sent`));
